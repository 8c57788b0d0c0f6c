"""Who counts: the eligible members of every chapter, fixed as of the start of its home event.

Computed from dated memberships and statuses, so it gives the same answer late, twice, and after an outage.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select

from mobilize.actions.models import Action, Eligible, Event, EventChapter, EventState
from mobilize.database import atomic, db, insert, new_id
from mobilize.roster.models import Member, Membership, MemberStatus, Rank, StatusSpan


def freeze_due_events(now: datetime, limit: int = 200) -> int:
    """Fix the denominator of up to `limit` events that have started; returns how many. Safe to repeat."""
    due = db.session.scalars(
        select(Event.id)
        .where(Event.frozen_at.is_(None), Event.starts_at <= now, Event.state != EventState.CALLED_OFF)
        .order_by(Event.starts_at)
        .limit(limit)
    ).all()
    for event_id in due:
        freeze_event(event_id, now)
    return len(due)


def freeze_event(event_id: UUID, now: datetime) -> None:
    """Fix the denominator of one event's chapters as of its start. A second time adds nothing."""
    with atomic() as session:
        event = session.get_one(Event, event_id, with_for_update=True)
        if event.frozen_at:
            return
        chapters = session.scalars(
            select(EventChapter.site_id).where(
                EventChapter.event_id == event.id, EventChapter.gone_at.is_(None)
            )
        )
        for chapter in chapters:
            _add(event.action_id, members_of(chapter, event.starts_at), chapter, event.id)
        _add_members_without_chapter(event.action)
        event.frozen_at = now


def members_of(chapter: UUID, at: datetime) -> Select[Any]:
    """Ids of the active members whose home chapter it was at a moment."""
    return (
        select(Membership.member_id)
        .join(Member, Member.id == Membership.member_id)
        .where(
            Membership.site_id == chapter, Membership.rank == Rank.HOME, _open(Membership, at), was_active(at)
        )
    )


def was_active(at: datetime) -> ColumnElement[bool]:
    """The member was active at a moment, and still on the roster."""
    span = exists().where(
        StatusSpan.member_id == Member.id, StatusSpan.status == MemberStatus.ACTIVE, _open(StatusSpan, at)
    )
    return and_(span, or_(Member.gone_on.is_(None), Member.gone_on > at))


def members_without_chapter(at: datetime) -> Select[Any]:
    """Ids of active members with no home chapter at a moment: their own line, "no site"."""
    home = exists().where(
        Membership.member_id == Member.id, Membership.rank == Rank.HOME, _open(Membership, at)
    )
    return select(Member.id).where(was_active(at), ~home)


def _add_members_without_chapter(action: Action) -> None:
    """With the first of an action's events; only the whole union's actions have them."""
    if action.owner_site_id is None:
        # Not by looking for such rows: where nobody is without a chapter, each event would scan the roster.
        begun = exists().where(Event.action_id == action.id, Event.frozen_at.is_not(None))
        if not db.session.scalar(select(begun)):
            _add(action.id, members_without_chapter(action.starts_at), None, None)


def _add(action_id: UUID, members: Select[Any], chapter: UUID | None, event_id: UUID | None) -> None:
    rows = [
        {"id": new_id(), "action_id": action_id, "member_id": m, "chapter_id": chapter, "event_id": event_id}
        for m in db.session.scalars(members)
    ]
    if rows:
        db.session.execute(insert(Eligible).on_conflict_do_nothing(), rows)


def _open(span: type[Membership] | type[StatusSpan], at: datetime) -> ColumnElement[bool]:
    return and_(span.from_at <= at, or_(span.to_at.is_(None), span.to_at > at))
