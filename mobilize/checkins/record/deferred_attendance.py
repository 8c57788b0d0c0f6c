"""Deferred derivation of attendance, by a worker, from check-outs and undos on a member's own phone.

The page must be as quick for a member as for a stranger, and a tap from a queue may arrive behind a later
one.

What strangers say raises the version of its line as a member's does, though nothing is derived: how quickly
the next look is answered tells nobody either."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, or_, select, union_all

from mobilize.actions.models import Action, ActionKind, Event
from mobilize.checkins.models import OWN_PHONE, CheckInKind, Evidence, Void
from mobilize.checkins.record.attendance import derive_attendance
from mobilize.database import atomic, db, first_id_at, locks
from mobilize.fast.versions import mark_changed

LEASE = "checkins.deferred"
# Ids carry their time, and a slow transaction's row appears behind newer ones: so far back we look again.
OVERLAP = timedelta(seconds=10)
FIRST_LOOK = timedelta(days=1)
LATELY = timedelta(minutes=1)


def derive_deferred(now: datetime) -> int:
    """Derive the attendance of members who left, came back or took their check-in back since the last run;
    returns of how many. Safe to repeat, to run twice at once, and late."""
    since = (locks.last_run(LEASE) or now - FIRST_LOOK) - OVERLAP
    changed = [
        row for query in (_departed_since(since), _undone_since(since)) for row in db.session.execute(query)
    ]
    whose = {(row.event_id, row.member_id) for row in changed if row.member_id}
    for event_id, member_id in sorted(whose):
        derive_attendance(event_id, [member_id])
    with atomic():
        mark_changed(*{row.event_id for row in changed if row.member_id is None})
    locks.record_run(LEASE, now=now)
    return len(whose)


def said_lately(now: datetime) -> Select[*tuple[Any, ...]]:
    """SELECT of what people said on their own phones in the last minute."""
    since = now - LATELY
    return select(union_all(_departed_since(since), _undone_since(since)).subquery())


def _departed_since(since: datetime) -> Select[*tuple[Any, ...]]:
    """Leavings, and what arrived later than it happened, on strike days."""
    behind = first_id_at(since)
    query = (
        select(Evidence.event_id, Evidence.member_id)
        .join(Event, Event.id == Evidence.event_id)
        .join(Action, Action.id == Event.action_id)
        .where(Evidence.id > behind, Action.kind == ActionKind.STRIKE, Action.forgotten_at.is_(None))
        .where(or_(Evidence.kind == CheckInKind.LEFT, Evidence.happened_at < Evidence.recorded_at))
    )
    return query.distinct()


def _undone_since(since: datetime) -> Select[*tuple[Any, ...]]:
    """What people took back on their own phones."""
    query = (
        select(Evidence.event_id, Evidence.member_id)
        .join(Void, Void.evidence_id == Evidence.id)
        .join(Event, Event.id == Evidence.event_id)
        .join(Action, Action.id == Event.action_id)
        .where(Void.actor == OWN_PHONE, Void.at > since)
        .where(Action.forgotten_at.is_(None))
    )
    return query.distinct()
