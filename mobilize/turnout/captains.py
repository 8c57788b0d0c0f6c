"""Who looks after a chapter: its chairs, and the captains who had a link for its line."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from mobilize import settings
from mobilize.accounts.models import GrantKind, LineGrant
from mobilize.accounts.scope import today
from mobilize.actions.models import Action, ActionKind, Event, EventChapter
from mobilize.actions.seen import chairless
from mobilize.database import db
from mobilize.turnout.matrix import Matrix, Row


@dataclass(frozen=True, slots=True)
class Care:
    """`captains`: links for the chapter's own line at the last action that had one, not taken back, and None
    where there was no such line. One is wanted for every so many of its eligible members; a chair is one."""

    chaired: bool
    captains: int | None
    wanted: int

    @property
    def too_few(self) -> bool:
        return self.captains is not None and self.captains + self.chaired < self.wanted


def care_of(matrix: Matrix, now: datetime) -> dict[UUID, Care]:
    """By site, for every site of the matrix."""
    sites = [row.id for row in matrix.sites if row.id]
    without = chairless(sites, today(now))
    captains = _captains(_last_with_lines(matrix.actions))
    return {
        row.id: Care(row.id not in without, captains.get(row.id), _wanted(row))
        for row in matrix.sites
        if row.id
    }


def _wanted(row: Row) -> int:
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
