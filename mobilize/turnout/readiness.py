"""Can the next, harder step be won? By area, with what speaks against it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mobilize import settings
from mobilize.languages import _
from mobilize.turnout.captains import Care, care_of
from mobilize.turnout.matrix import Matrix, Row

# The next step is asked of an area where this share of the chapters has somebody who chairs it. How many have
# to have come to the last one is the third of the setting `SHARE_BANDS`.
CHAIRED = 0.9


@dataclass(frozen=True, slots=True)
class Readiness:
    """An area, and what speaks against the next step there: nothing means ready. `thin`: chapters with too
    few captains, each with what it has."""

    area: Row
    chairless: tuple[Row, ...]
    thin: tuple[tuple[Row, Care], ...]
    against: tuple[str, ...]

    @property
    def ready(self) -> bool:
        return not self.against


def readiness(matrix: Matrix, now: datetime) -> list[Readiness]:
    """Each area of the matrix, in its order."""
    care = care_of(matrix, now)
    return [_of(area, [r for r in matrix.sites if r.area == area.name], care) for area in matrix.areas]


def _of(area: Row, sites: list[Row], care: Mapping[Any, Care]) -> Readiness:
    chairless = tuple(row for row in sites if not care[row.id].chaired)
    thin = tuple((row, care[row.id]) for row in sites if care[row.id].too_few)
    return Readiness(area, chairless, thin, tuple(_against(area, len(sites), len(chairless))))


def _against(area: Row, sites: int, chairless: int) -> Iterable[str]:
    last, change, enough = area.last, area.change, settings().share_bands[2]
    if last is None or not last.reaches(enough):
        yield _("Fewer than %(edge)s%% came to the last action.", edge=enough)
    if change is not None and round(change * 100, 1) < 0:
        yield _("Fewer came than to the action before it.")
    if sites and chairless > sites * (1 - CHAIRED):
        yield _("%(some)s of %(all)s chapters have no chair.", some=chairless, all=sites)
