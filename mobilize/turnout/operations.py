"""What is done about turnout: fixing the figures of events that are over."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from mobilize.actions.denominator import freeze_event
from mobilize.actions.models import Action, Event, EventState
from mobilize.database import atomic, db, insert, new_id
from mobilize.turnout.figures import Board
from mobilize.turnout.fixed import as_stored, outside_as_stored
from mobilize.turnout.models import OutsideTotal, Total
from mobilize.turnout.queries import board


def close_due_events(now: datetime) -> int:
    """Close every event whose time to close has come, and fix its chapters' figures as version 1.

    Due at the event's end plus the action's `close_after_minutes`. Returns how many were closed. Safe to
    repeat, to run twice at once, and late: a chapter's version 1 is written once (a unique key), and the
    denominator is computed as of the start even now.
    """
    due: dict[UUID, list[UUID]] = {}
    for event_id, action_id in _due(now):
        due.setdefault(action_id, []).append(event_id)
    return sum(close_events(action_id, event_ids, now) for action_id, event_ids in due.items())


def close_events(action_id: UUID, event_ids: Sequence[UUID], now: datetime) -> int:
    """Close these events of one action, in one transaction; how many of them were still open."""
    for event_id in event_ids:
        freeze_event(event_id, now)
    with atomic() as session:
        events = session.scalars(
            select(Event)
            .where(Event.id.in_(event_ids), Event.state == EventState.PLANNED)
            .order_by(Event.id)
            .with_for_update()
        ).all()
        counted = board(session.get_one(Action, action_id), fixed=False)
        _fix(counted, {event.id for event in events}, now)
        for event in events:
            event.state, event.closed_at = EventState.CLOSED, now
        session.flush()
        _fix_outside(counted, now)
    return len(events)


def _due(now: datetime) -> list[tuple[UUID, UUID]]:
    rows = db.session.execute(
        select(Event.id, Event.action_id, Event.ends_at, Action.close_after_minutes)
        .join(Action, Action.id == Event.action_id)
        .where(Event.state == EventState.PLANNED, Event.ends_at <= now)
        .order_by(Event.ends_at)
    )
    return [
        (event, action) for event, action, ends_at, wait in rows if ends_at + timedelta(minutes=wait) <= now
    ]


def _fix(counted: Board, closing: set[UUID], now: datetime) -> None:
    rows = [
        {
            "id": new_id(),
            "action_id": counted.action_id,
            "event_id": chapter.line.event_id,
            "chapter_id": chapter.site_id,
            "version": 1,
            "figures": as_stored(chapter),
            "fixed_at": now,
        }
        for chapter in counted.chapters
        if chapter.line.event_id in closing
    ]
    if rows:
        db.session.execute(insert(Total).on_conflict_do_nothing(), rows)


def _fix_outside(counted: Board, now: datetime) -> None:
    """With the last event: who belongs to none of the chapters."""
    still_open = select(Event.id).where(
        Event.action_id == counted.action_id, Event.state == EventState.PLANNED
    )
    if db.session.scalar(still_open.limit(1)) is None:
        row = {"action_id": counted.action_id, "version": 1, "fixed_at": now}
        figures = outside_as_stored(counted)
        db.session.execute(insert(OutsideTotal).values(**row, figures=figures).on_conflict_do_nothing())
