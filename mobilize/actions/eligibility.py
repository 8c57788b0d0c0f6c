"""Eligible members: the denominator of every chapter, fixed as of the start of its home event.

Computed from dated memberships and statuses, so it gives the same answer late, twice, and after an outage.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, null, or_, select, update

from mobilize.actions.models import Action, Eligible, Event, EventChapter, EventState
from mobilize.database import atomic, db, insert, new_id
from mobilize.roster.models import Member, Membership, MembershipRank, MemberStatus, StatusSpan

# Events fixed in one transaction: a second of work, so that a worker that is killed repeats little.
_AT_ONCE = 100
_ROWS_A_STATEMENT = 1000
# The chapter and the event of members without a chapter.
_NOWHERE = null(), null()


def freeze_due_events(now: datetime) -> int:
    """Fix the denominator of every event that has started; returns how many. Safe to repeat, and at once."""
    frozen = 0
    while due := db.session.execute(not_frozen(now).order_by(Event.starts_at).limit(_AT_ONCE)).all():
        first = due[0]
        alike = [
            row.id for row in due if (row.action_id, row.starts_at) == (first.action_id, first.starts_at)
        ]
        _freeze(first.action_id, alike, first.starts_at, now)
        frozen += len(alike)
    return frozen


def not_frozen(now: datetime) -> Select[UUID, UUID, datetime]:
    """SELECT of the events (id, action, start) that have started and whose denominator is not fixed."""
    return select(Event.id, Event.action_id, Event.starts_at).where(
        Event.frozen_at.is_(None), Event.starts_at <= now, Event.state != EventState.CALLED_OFF
    )


def freeze_event(event_id: UUID, now: datetime) -> None:
    """Fix the denominator of one event's chapters as of its start. A second time adds nothing."""
    event = db.session.get_one(Event, event_id)
    _freeze(event.action_id, [event.id], event.starts_at, now)


def _freeze(action_id: UUID, event_ids: list[UUID], at: datetime, now: datetime) -> None:
    """Events of one action with the same start. Of two at once, the second finds nothing left to do."""
    with atomic() as session:
        locked = select(Event.id).where(Event.id.in_(event_ids), Event.frozen_at.is_(None))
        ids = session.scalars(locked.order_by(Event.id).with_for_update()).all()
        if not ids:
            return
        _add_members_without_chapter(session.get_one(Action, action_id))
        homes = and_(EventChapter.site_id == Membership.site_id, EventChapter.gone_at.is_(None))
        members = (
            _at_home(at).add_columns(Membership.site_id, EventChapter.event_id).join(EventChapter, homes)
        )
        _add(action_id, members.where(EventChapter.event_id.in_(ids)))
        session.execute(update(Event).where(Event.id.in_(ids)).values(frozen_at=now))


def was_active(at: datetime) -> ColumnElement[bool]:
    """The condition that the member was active at a moment, and still on the roster."""
    return and_(has_active_status(Member.id, at), or_(Member.gone_on.is_(None), Member.gone_on > at))


def has_active_status(member_id: Any, at: Any) -> ColumnElement[bool]:
    """SQL: the status of this member was "active" at that moment."""
    active = StatusSpan.status == MemberStatus.ACTIVE
    span = exists().where(StatusSpan.member_id == member_id, active, _open(StatusSpan, at))
    return span.correlate_except(StatusSpan)


def members_without_chapter(at: datetime) -> Select[Any]:
    """Ids of active members with no home chapter at a moment: the line "no site"."""
    home = exists().where(
        Membership.member_id == Member.id, Membership.rank == MembershipRank.HOME, _open(Membership, at)
    )
    return select(Member.id).where(was_active(at), ~home)


def _add_members_without_chapter(action: Action) -> None:
    """Add them with the first of an action's events; only the whole union's actions have them."""
    if action.owner_site_id is None:
        # Not by looking for such rows: where nobody is without a chapter, each event would scan the roster.
        begun = exists().where(Event.action_id == action.id, Event.frozen_at.is_not(None))
        if not db.session.scalar(select(begun)):
            _add(action.id, members_without_chapter(action.starts_at).add_columns(*_NOWHERE))


def _at_home(at: datetime) -> Select[Any]:
    return (
        select(Membership.member_id)
        .join(Member)
        .where(Membership.rank == MembershipRank.HOME, _open(Membership, at), was_active(at))
    )


def _add(action_id: UUID, members: Select[Any]) -> None:
    """Store (member, chapter, event) as eligible in an action; rows that are stored already stay."""
    rows = [
        {
            "id": new_id(),
            "action_id": action_id,
            "member_id": member,
            "chapter_id": chapter,
            "event_id": event,
        }
        for member, chapter, event in db.session.execute(members)
    ]
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        some = rows[start : start + _ROWS_A_STATEMENT]
        db.session.execute(insert(Eligible).values(some).on_conflict_do_nothing())


def _open(span: type[Membership] | type[StatusSpan], at: Any) -> ColumnElement[bool]:
    return and_(span.from_at <= at, or_(span.to_at.is_(None), span.to_at > at))
