"""Legal holds: an explicit switch that stops forgetting, for one action or for all, with its reason."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select

from mobilize import audit
from mobilize.actions.models import Action
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.privacy.models import LegalHold

LONGEST_REASON = 500


def place_hold(action_id: uuid.UUID | None, reason: str, *, by: str, now: datetime) -> LegalHold:
    """Keep an action (None: every action) from being forgotten. The same reason twice is one hold.

    Refused: "no_reason", "no_action", "forgotten" (nothing is left to hold).
    """
    reason_text = " ".join(reason.split())[:LONGEST_REASON]
    if not reason_text:
        raise Refused("no_reason", _("Write why, for example the case and who asked for it."))
    with atomic() as session:
        if action_id is not None:
            _refuse_forgotten(session.get(Action, action_id, with_for_update=True))
        same = LegalHold.action_id == action_id if action_id else LegalHold.action_id.is_(None)
        unreleased = session.scalars(select(LegalHold).where(same, LegalHold.released_at.is_(None)))
        for hold in unreleased:
            if hold.reason == reason_text:
                return hold
        hold = LegalHold(action_id=action_id, reason=reason_text, placed_by=by, placed_at=now)
        session.add(hold)
        audit.note(by, "hold.place", f"{hold.id} {action_id or 'all'}", now=now)
        return hold


def release_hold(hold_id: uuid.UUID, *, by: str, now: datetime) -> LegalHold:
    """End a hold: what is due is forgotten by the next run. Twice releases once. Refused: "no_hold"."""
    with atomic() as session:
        hold = session.get(LegalHold, hold_id, with_for_update=True)
        if hold is None:
            raise Refused("no_hold", _("There is no such hold."), status=404)
        if hold.released_at is None:
            hold.released_by, hold.released_at = by, now
            audit.note(by, "hold.release", hold.id, now=now)
        return hold


def running_holds() -> Sequence[LegalHold]:
    """The holds that were not released, the newest first."""
    query = select(LegalHold).where(LegalHold.released_at.is_(None))
    return db.session.scalars(query.order_by(LegalHold.placed_at.desc())).all()


def count_running_holds() -> int:
    """The number of holds that were not released."""
    return db.session.scalar(select(func.count(LegalHold.id)).where(LegalHold.released_at.is_(None))) or 0


def is_held(action_id: Any) -> ColumnElement[bool]:
    """SQL: there is a hold on this action (an id, or a column of ids), or on all."""
    return exists().where(
        LegalHold.released_at.is_(None), or_(LegalHold.action_id.is_(None), LegalHold.action_id == action_id)
    )


def all_is_held() -> bool:
    """Whether there is a hold on every action."""
    running = exists().where(LegalHold.released_at.is_(None), LegalHold.action_id.is_(None))
    return bool(db.session.scalar(select(running)))


def on_hold() -> Refused:
    """The refusal of an operation that a legal hold prevents."""
    return Refused(
        "on_hold",
        _("A legal hold keeps this from being deleted. The office can tell you more, and releases it."),
        status=409,
    )


def _refuse_forgotten(action: Action | None) -> None:
    if action is None:
        raise Refused("no_action", _("There is no such action."), status=404)
    if action.forgotten_at is not None:
        raise Refused("forgotten", _("This action was forgotten already. There is nothing left to hold."))
