"""What came in after closing: counted anew, and where a figure moved, written as a further version."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, union

from mobilize import leases
from mobilize.actions.models import Action, Event
from mobilize.checkins.models import Evidence, HeadCount, Match, Supporters, Void
from mobilize.database import atomic, db, insert, new_id
from mobilize.turnout.figures import Board, Chapter
from mobilize.turnout.fixed import as_fixed, as_stored, fixed_outside, latest_fixed, outside_as_stored
from mobilize.turnout.models import OutsideTotal, Total
from mobilize.turnout.queries import board

LEASE = "turnout.corrections"
# Ids carry their time, and a slow transaction's row appears behind newer ones: so far back we look again.
OVERLAP = timedelta(minutes=2)
# Uploads are taken for fourteen days; after a longer outage than this everything since is looked at.
FIRST_LOOK = timedelta(days=30)


def correct_closed_actions(now: datetime) -> int:
    """Count anew each closed action to which something was added since the last look; how many figures moved.

    Safe to repeat, to run twice at once (a version is written once, by its unique key), and late.
    """
    since = (leases.last_run(LEASE) or now - FIRST_LOOK) - OVERLAP
    moved = sum(correct_action(action_id, now) for action_id in _touched(since))
    leases.note_run(LEASE, now=now)
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
            session.execute(insert(Total).on_conflict_do_nothing(), rows)
        return len(rows) + _correct_outside(counted, now)


def _touched(since: datetime) -> list[UUID]:
    """Actions with a closed event and evidence, counts, take-backs or matches since then."""
    behind = UUID(int=int(since.timestamp() * 1000) << 80)
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
    if held is None or (held.no_site, held.others) == (counted.no_site, counted.others):
        return 0
    row = {"action_id": counted.action_id, "version": held.version + 1, "fixed_at": now}
    figures = outside_as_stored(counted)
    db.session.execute(insert(OutsideTotal).values(**row, figures=figures).on_conflict_do_nothing())
    return 1
