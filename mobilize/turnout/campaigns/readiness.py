"""Readiness of each area for the next, harder step of a campaign, with what speaks against it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from mobilize import settings
from mobilize.accounts.access.scope import today
from mobilize.accounts.models import GrantKind, LineGrant
from mobilize.actions.models import Action, ActionKind, Event, EventChapter
from mobilize.actions.visibility import chairless
from mobilize.database import db
from mobilize.languages import _
from mobilize.turnout.campaigns.matrix import Matrix, MatrixRow

# The next step is asked of an area where this share of the chapters has somebody who chairs it. How many have
# to have come to the last one is the third of the setting `SHARE_BANDS`.
CHAIRED = 0.9


@dataclass(frozen=True, slots=True)
class Coverage:
    """`captains`: links for the chapter's own line at the last action that had one, not taken back, and None
    where there was no such line. One is needed for every so many of its eligible members; a chair is one."""

    chaired: bool
    captains: int | None
    needed: int

    @property
    def too_few(self) -> bool:
        return self.captains is not None and self.captains + self.chaired < self.needed


@dataclass(frozen=True, slots=True)
class Readiness:
    """An area, and what speaks against the next step there: nothing means ready. `thin`: chapters with too
    few captains, each with what it has. `judged`: it had a part in an action that is over."""

    area: MatrixRow
    judged: bool
    chairless: tuple[MatrixRow, ...]
    thin: tuple[tuple[MatrixRow, Coverage], ...]
    against: tuple[str, ...]

    @property
    def ready(self) -> bool:
        return self.judged and not self.against


def readiness(matrix: Matrix, now: datetime) -> list[Readiness]:
    """Each area of the matrix, in its order."""
    coverage = coverage_of(matrix, now)
    return [_of(area, [r for r in matrix.sites if r.area == area.name], coverage) for area in matrix.areas]


def _of(area: MatrixRow, sites: list[MatrixRow], coverage: Mapping[Any, Coverage]) -> Readiness:
    chairless = tuple(row for row in sites if not coverage[row.id].chaired)
    thin = tuple((row, coverage[row.id]) for row in sites if coverage[row.id].too_few)
    judged = area.last is not None
    return Readiness(area, judged, chairless, thin, tuple(_against(area, len(sites), len(chairless))))


def _against(area: MatrixRow, sites: int, chairless: int) -> Iterable[str]:
    last, change, enough = area.last, area.change, settings().share_bands[2]
    if last is None:
        yield _("No action is over yet in which it had a part.")
    elif not last.reaches(enough):
        yield _("Fewer than %(edge)s%% came to the last action.", edge=enough)
    if change is not None and round(change * 100, 1) < 0:
        yield _("Fewer came than to the action before it.")
    if sites and chairless > sites * (1 - CHAIRED):
        yield _("%(some)s of %(all)s chapters have no chair.", some=chairless, all=sites)


def coverage_of(matrix: Matrix, now: datetime) -> dict[UUID, Coverage]:
    """By site, for every site of the matrix."""
    sites = [row.id for row in matrix.sites if row.id]
    without = chairless(sites, today(now))
    captains = _captains(_last_with_lines(matrix.actions))
    return {
        row.id: Coverage(row.id not in without, captains.get(row.id), _needed(row))
        for row in matrix.sites
        if row.id
    }


def _needed(row: MatrixRow) -> int:
    return math.ceil(row.last.eligible / settings().members_per_captain) if row.last else 0


def _last_with_lines(actions: Sequence[Action]) -> Action | None:
    lined = (ActionKind.PICKET, ActionKind.STRIKE)
    return next((action for action in reversed(actions) if action.kind in lined), None)


def _captains(action: Action | None) -> dict[UUID, int]:
    """Site -> captains of the line that was its home; 0 where nobody got a link."""
    if action is None:
        return {}
    rows: Any = db.session.execute(
        # A link is one captain, on however many phones it was opened.
        select(EventChapter.site_id, func.count(func.coalesce(LineGrant.link_id, LineGrant.id).distinct()))
        .join(Event, Event.id == EventChapter.event_id)
        .outerjoin(
            LineGrant,
            (LineGrant.event_id == Event.id)
            & LineGrant.kind.in_((GrantKind.CAPTAIN, GrantKind.LINK))
            & LineGrant.revoked_at.is_(None),
        )
        .where(
            EventChapter.action_id == action.id, EventChapter.gone_at.is_(None), Event.site_id.is_not(None)
        )
        .group_by(EventChapter.site_id)
    )
    return dict(rows.all())
