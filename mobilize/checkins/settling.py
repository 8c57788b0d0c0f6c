"""What members said themselves on a strike day, worked out by a worker: the page that took it must be as
quick for a member as for a stranger, and a tap that waited on a phone may arrive behind a later one."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select

from mobilize import leases
from mobilize.actions.models import Action, ActionKind, Event
from mobilize.checkins.attendance import derive_attendance
from mobilize.checkins.models import Evidence, Outcome, Says
from mobilize.checkins.strength import ATTENDS
from mobilize.database import db

LEASE = "checkins.leavings"
# Ids carry their time, and a slow transaction's row appears behind newer ones: so far back we look again.
OVERLAP = timedelta(seconds=10)
FIRST_LOOK = timedelta(days=1)


def work_out_leavings(now: datetime) -> int:
    """Make attendance say when members left, and that they are back; returns of how many. Safe to repeat, to
    run twice at once, and late."""
    since = (leases.last_run(LEASE) or now - FIRST_LOOK) - OVERLAP
    whose = {(row.event_id, row.member_id) for row in _said_since(since)}
    for event_id, member_id in sorted(whose):
        derive_attendance(event_id, [member_id])
    leases.note_run(LEASE, now=now)
    return len(whose)


def _said_since(since: datetime) -> Sequence[Any]:
    """Leavings, and what arrived later than it happened, of members on strike days."""
    behind = uuid.UUID(int=max(int(since.timestamp() * 1000), 0) << 80)
    query = (
        select(Evidence.event_id, Evidence.member_id)
        .join(Event, Event.id == Evidence.event_id)
        .join(Action, Action.id == Event.action_id)
        .where(Evidence.id > behind, Evidence.member_id.is_not(None), Action.kind == ActionKind.STRIKE)
        .where(Evidence.outcome.in_((*ATTENDS, Outcome.OUT)), Action.forgotten_at.is_(None))
        .where(or_(Evidence.says == Says.LEFT, Evidence.happened_at < Evidence.recorded_at))
    )
    return db.session.execute(query.distinct()).all()
