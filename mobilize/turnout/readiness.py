"""Can the next, harder step be won? By area, with what speaks against it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mobilize.languages import _
from mobilize.reminders.counts import chairs_of
from mobilize.turnout.matrix import BANDS, Matrix, Row

# The next step is asked of an area where this share came to the last one (the third band)...
ENOUGH = BANDS[2]
# ...and where this share of the chapters has somebody who chairs it.
CHAIRED = 0.9


@dataclass(frozen=True, slots=True)
class Readiness:
    """An area, and what speaks against the next step there: nothing means ready."""

    area: Row
    chairless: tuple[Row, ...]
    against: tuple[str, ...]

    @property
    def ready(self) -> bool:
        return not self.against


def readiness(matrix: Matrix, now: datetime) -> list[Readiness]:
    """Each area of the matrix, in its order."""
    chaired = set(chairs_of([row.id for row in matrix.sites if row.id], now))
    return [_of(area, [r for r in matrix.sites if r.area == area.name], chaired) for area in matrix.areas]


def _of(area: Row, sites: list[Row], chaired: set[UUID | None]) -> Readiness:
    chairless = tuple(row for row in sites if row.id not in chaired)
    return Readiness(area, chairless, tuple(_against(area, len(sites), len(chairless))))


def _against(area: Row, sites: int, chairless: int) -> Iterable[str]:
    last, change = area.last, area.change
    if last is None or last.band is None or last.came * 100 < last.eligible * ENOUGH:
        yield _("Fewer than %(edge)s%% came to the last action.", edge=ENOUGH)
    if change is not None and round(change * 100, 1) < 0:
        yield _("Fewer came than to the action before it.")
    if sites and chairless > sites * (1 - CHAIRED):
        yield _("%(some)s of %(all)s chapters have no chair.", some=chairless, all=sites)
