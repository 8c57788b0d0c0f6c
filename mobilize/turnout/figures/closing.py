"""Closing: the totals of events that are over are fixed, and corrected by further versions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, union

from mobilize.actions.eligibility import freeze_event
from mobilize.actions.models import Action, Event, EventState
from mobilize.checkins.models import Evidence, HeadCount, Match, Supporters, Void
from mobilize.database import atomic, db, first_id_at, insert, locks, new_id
from mobilize.turnout.figures.queries import board
from mobilize.turnout.figures.snapshots import (
    as_fixed,
    as_stored,
    fixed_outside,
    latest_fixed,
    outside_as_stored,
    outside_moved,
)
from mobilize.turnout.figures.types import Board, Chapter
from mobilize.turnout.models import ChapterTotal, OutsideTotal


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


def not_closed(now: datetime) -> Select[*tuple[Any, ...]]:
    """SELECT of the events (id, action, end, minutes from there to closing) that are over and not closed."""
    return (
        select(Event.id, Event.action_id, Event.ends_at, Action.close_after_minutes)
        .join(Action, Action.id == Event.action_id)
        .where(Event.state == EventState.PLANNED, Event.ends_at <= now)
    )


def _due(now: datetime) -> list[tuple[UUID, UUID]]:
    rows = db.session.execute(not_closed(now).order_by(Event.ends_at))
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
        db.session.execute(insert(ChapterTotal).on_conflict_do_nothing(), rows)


def _fix_outside(counted: Board, now: datetime) -> None:
    """With the last event: who belongs to none of the chapters."""
    still_open = select(Event.id).where(
        Event.action_id == counted.action_id, Event.state == EventState.PLANNED
    )
    if db.session.scalar(still_open.limit(1)) is None:
        row = {"action_id": counted.action_id, "version": 1, "fixed_at": now}
        figures = outside_as_stored(counted)
        db.session.execute(insert(OutsideTotal).values(**row, figures=figures).on_conflict_do_nothing())


LEASE = "turnout.corrections"
# Ids carry their time, and a slow transaction's row appears behind newer ones: so far back we look again.
OVERLAP = timedelta(minutes=2)
# Uploads are taken for fourteen days; after a longer outage than this everything since is looked at.
FIRST_LOOK = timedelta(days=30)


def correct_closed_actions(now: datetime) -> int:
    """Count anew each closed action to which something was added since the last look; how many figures moved.

    Safe to repeat, to run twice at once (a version is written once, by its unique key), and late.
    """
    since = (locks.last_run(LEASE) or now - FIRST_LOOK) - OVERLAP
    moved = sum(correct_action(action_id, now) for action_id in _touched(since))
    locks.record_run(LEASE, now=now)
    return moved


def correct_action(action_id: UUID, now: datetime) -> int:
    """Write version n+1 of each closed chapter whose figures are others now; returns how many those are."""
    with atomic() as session:
        action = session.get_one(Action, action_id, with_for_update=True)
        fixed = latest_fixed(action.id)
        counted = board(action, fixed=False)
        moved = [
            c for c in counted.chapters if c.site_id in fixed and as_fixed(c, fixed[c.site_id]).moved_since
        ]
        rows = [_row(action.id, c, fixed[c.site_id].version + 1, now) for c in moved]
        if rows:
            session.execute(insert(ChapterTotal).on_conflict_do_nothing(), rows)
        return len(rows) + _correct_outside(counted, now)


def _touched(since: datetime) -> list[UUID]:
    """Actions with a closed event and evidence, counts, take-backs or matches since then."""
    behind = first_id_at(since)
    new = [select(table.event_id).where(table.id > behind) for table in (Evidence, HeadCount, Supporters)]
    taken = [
        select(Evidence.event_id).join(table, table.evidence_id == Evidence.id).where(table.at >= since)
        for table in (Void, Match)
    ]
    voided = select(HeadCount.event_id).where(HeadCount.voided_at >= since)
    settled = [select(table.event_id).where(table.settled_at >= since) for table in (HeadCount, Supporters)]
    events = union(*new, *taken, voided, *settled).subquery()
    touched = select(Event.action_id).where(Event.id.in_(select(events.c.event_id)))
    closed = select(Event.action_id).where(Event.closed_at.is_not(None))
    return list(db.session.scalars(touched.where(Event.action_id.in_(closed)).distinct()))


def _row(action_id: UUID, chapter: Chapter, version: int, now: datetime) -> dict[str, Any]:
    which = {"id": new_id(), "action_id": action_id, "event_id": chapter.line.event_id}
    what = {"chapter_id": chapter.site_id, "version": version, "figures": as_stored(chapter)}
    return {**which, **what, "fixed_at": now}


def _correct_outside(counted: Board, now: datetime) -> int:
    held = fixed_outside(counted.action_id)
    if held is None or not outside_moved(held, counted):
        return 0
    row = {"action_id": counted.action_id, "version": held.version + 1, "fixed_at": now}
    figures = outside_as_stored(counted)
    db.session.execute(insert(OutsideTotal).values(**row, figures=figures).on_conflict_do_nothing())
    return 1
