"""The line a text is about when it does not say so: where its chair counts, or where a member stands."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from mobilize.accounts.access.scope import running_on, today
from mobilize.accounts.models import CHAIRS, Person, RoleTerm
from mobilize.actions.models import Event, EventChapter, EventState
from mobilize.actions.queries import EARLY, LATE, chairs_line_ends
from mobilize.database import db
from mobilize.reminders.rules.kinds import LONGEST_EVENT
from mobilize.roster.models import Member, Membership
from mobilize.texts.models import Inbound


def is_chair_of(event: Event, phone_index: bytes, at: datetime) -> bool:
    """Whether a chair, co-chair or vice chair of the event's site, or of a chapter of it, had this number."""
    of_event = select(EventChapter.site_id).where(
        EventChapter.event_id == event.id, EventChapter.gone_at.is_(None)
    )
    sites = RoleTerm.site_id.in_(of_event) | (RoleTerm.site_id == event.site_id)
    return db.session.scalar(_chaired_by(phone_index, at).where(sites).limit(1)) is not None


def line_counted_by(inbound: Inbound) -> Event | None:
    """The one line that was open when this number's text came in, and whose chair it is."""
    at, sites = inbound.received_at, _chaired_by(inbound.phone_index, inbound.received_at)
    lines = _around(at, Event.site_id.in_(sites))
    return _only([line for line in lines if line.starts_at - EARLY <= at <= chairs_line_ends(line)])


def line_open_to(phone_index: bytes, at: datetime) -> Event | None:
    """The one line where a member with this number could check in then; None for none and for several."""
    chapters = (
        select(EventChapter.event_id)
        .join(Membership, Membership.site_id == EventChapter.site_id)
        .join(Member, Member.id == Membership.member_id)
        .where(Member.phone_index == phone_index, Member.gone_on.is_(None), EventChapter.gone_at.is_(None))
        .where(Membership.to_at.is_(None))
    )
    lines = _around(at, Event.id.in_(chapters))
    return _only([line for line in lines if line.starts_at - EARLY <= at <= line.ends_at + LATE])


def _chaired_by(phone_index: bytes, at: datetime) -> Select[Any]:
    return (
        select(RoleTerm.site_id)
        .join(Person, Person.id == RoleTerm.person_id)
        .where(Person.phone_index == phone_index, RoleTerm.role.in_(CHAIRS), running_on(today(at)))
    )


def _around(at: datetime, condition: Any) -> Sequence[Event]:
    near = Event.starts_at.between(at - LONGEST_EVENT, at + EARLY)
    planned = select(Event).where(near, Event.state == EventState.PLANNED, condition)
    return db.session.scalars(planned.options(joinedload(Event.action))).unique().all()


def _only(lines: Sequence[Event]) -> Event | None:
    return lines[0] if len(lines) == 1 else None
