"""Links to the wall view: a grant of the kind "wall", given for an action by one of its events."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from mobilize.accounts.models import GrantKind, LineGrant
from mobilize.actions.models import Action, Event, EventState
from mobilize.database import db


def wall_event(action: Action) -> Event | None:
    """The event by which a wall's grant is tied to its action."""
    planned = select(Event).where(Event.action_id == action.id, Event.state != EventState.CALLED_OFF)
    return db.session.scalar(planned.order_by(Event.id).limit(1))


def wall_ends(action: Action) -> datetime:
    """A wall's link ends when the action's figures are fixed."""
    return action.ends_at + timedelta(minutes=action.close_after_minutes)


def open_walls(action: Action, now: datetime) -> Sequence[LineGrant]:
    """The links of an action that still show something, oldest first."""
    return db.session.scalars(
        select(LineGrant)
        .join(Event, Event.id == LineGrant.event_id)
        .where(
            Event.action_id == action.id,
            LineGrant.kind == GrantKind.WALL,
            LineGrant.revoked_at.is_(None),
            LineGrant.ends_at > now,
        )
        .order_by(LineGrant.id)
    ).all()
