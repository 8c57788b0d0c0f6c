"""The line a text is about when it does not say so: where its chair counts, or where a member stands."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from mobilize.accounts.access.scope import runs_on, today
from mobilize.accounts.models import CHAIRS, Person, RoleTerm
from mobilize.actions.models import Event, EventChapter, EventState
from mobilize.actions.queries import EARLY, LATE, chairs_line_ends
from mobilize.database import db
from mobilize.reminders.rules.kinds import LONGEST_EVENT
from mobilize.roster.models import Member, Membership
from mobilize.texts.models import Inbound


def is_chair_of(event: Event, phone_index: bytes, at: datetime) -> bool:
    """Whether a chair, co-chair or vice chair of the event's site, or of a chapter of it, had this number."""
    return are_chairs_of([(event, phone_index, at)])[0]


def are_chairs_of(lines: Sequence[tuple[Event, bytes, datetime]]) -> list[bool]:
    """The same for many events, numbers and moments, with two queries."""
    of_event: dict[uuid.UUID, set[uuid.UUID | None]] = {event.id: {event.site_id} for event, _, _ in lines}
    chapters = select(EventChapter.event_id, EventChapter.site_id)
    conditions = EventChapter.event_id.in_(of_event), EventChapter.gone_at.is_(None)
    for event_id, site_id in db.session.execute(chapters.where(*conditions)):
        of_event[event_id].add(site_id)
    terms = _terms_of_chairs({phone_index for _, phone_index, _ in lines})
    return [bool(_chaired(terms, number, at) & of_event[event.id]) for event, number, at in lines]


def line_counted_by(inbound: Inbound) -> Event | None:
    """The one line that was open when this number's text came in, and whose chair it is."""
    return lines_counted_by([inbound]).get(inbound.id)


def lines_counted_by(inbounds: Sequence[Inbound]) -> dict[uuid.UUID, Event]:
    """The same for many texts, by their ids; those without one line are not there."""
    terms = _terms_of_chairs({inbound.phone_index for inbound in inbounds})
    texts = [inbound for inbound in inbounds if inbound.phone_index in terms]
    if not texts:
        return {}
    moments = [inbound.received_at for inbound in texts]
    site_ids = {term.site_id for of_number in terms.values() for term in of_number}
    lines = _around(min(moments), max(moments), Event.site_id.in_(site_ids))
    counted = {}
    for inbound in texts:
        at = inbound.received_at
        sites = _chaired(terms, inbound.phone_index, at)
        is_open = [line for line in lines if line.site_id in sites and _is_open_to_chair(line, at)]
        if line := _only(is_open):
            counted[inbound.id] = line
    return counted


def line_open_to(phone_index: bytes, at: datetime) -> Event | None:
    """The one line where a member with this number could check in then; None for none and for several."""
    chapters = (
        select(EventChapter.event_id)
        .join(Membership, Membership.site_id == EventChapter.site_id)
        .join(Member, Member.id == Membership.member_id)
        .where(Member.phone_index == phone_index, Member.gone_on.is_(None), EventChapter.gone_at.is_(None))
        .where(Membership.to_at.is_(None))
    )
    lines = _around(at, at, Event.id.in_(chapters))
    return _only([line for line in lines if line.starts_at - EARLY <= at <= line.ends_at + LATE])


def _terms_of_chairs(phone_indexes: Collection[bytes]) -> dict[bytes, list[RoleTerm]]:
    query = (
        select(Person.phone_index, RoleTerm)
        .join(RoleTerm, RoleTerm.person_id == Person.id)
        .where(Person.phone_index.in_(phone_indexes), RoleTerm.role.in_(CHAIRS))
    )
    terms: dict[bytes, list[RoleTerm]] = {}
    for phone_index, term in db.session.execute(query):
        terms.setdefault(phone_index or b"", []).append(term)
    return terms


def _chaired(terms: dict[bytes, list[RoleTerm]], phone_index: bytes, at: datetime) -> set[uuid.UUID | None]:
    """The sites that whoever has this number chairs at that moment."""
    return {term.site_id for term in terms.get(phone_index, []) if term.site_id and runs_on(term, today(at))}


def _is_open_to_chair(line: Event, at: datetime) -> bool:
    return line.starts_at - EARLY <= at <= chairs_line_ends(line)


def _around(first: datetime, last: datetime, condition: Any) -> Sequence[Event]:
    near = Event.starts_at.between(first - LONGEST_EVENT, last + EARLY)
    planned = select(Event).where(near, Event.state == EventState.PLANNED, condition)
    return db.session.scalars(planned.options(joinedload(Event.action))).unique().all()


def _only(lines: Sequence[Event]) -> Event | None:
    return lines[0] if len(lines) == 1 else None
