"""Queries of the inbox: texts that wait for a person, unknown numbers, and how the rest was read."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, case, exists, func, or_, select

from mobilize.accounts.access.scope import Scope, running_on, today
from mobilize.accounts.models import Person, RoleTerm
from mobilize.database import db
from mobilize.reminders.monitoring.on_call import responsible_people, sites_of_numbers
from mobilize.roster.models import Member, Membership, MembershipRank, Site
from mobilize.texts.models import Inbound, Intent
from mobilize.texts.queries import opted_out_among

PAGE_SIZE = 100
# What the rooms take by themselves is gone from the inbox by then; an alarm is there at once.
UNREAD_FOR = timedelta(seconds=30)
# So long the words are there, by which a reading can be judged.
READ_FOR = timedelta(days=7)


@dataclass(frozen=True)
class InboxItem:
    """One text in the inbox. `names` are the members who share the phone, or whoever signs in with it; `site`
    is their chapter's. It waits for the person called `waits_for`. `gets_no_texts`: they have to be called.
    """

    inbound: Inbound
    names: Sequence[str]
    site: str
    urgent: bool
    waits_for: str
    gets_no_texts: bool


def inbox_items(scope: Scope, now: datetime) -> list[InboxItem]:
    """The texts of known numbers that wait for a person with this scope: urgent words first, then the
    oldest."""
    urgent = case((Inbound.intent == Intent.ALARM, 0), else_=1)
    query = _in_scope(scope, now).where(_is_waiting(now), _is_known())
    return _items(query.order_by(urgent, Inbound.received_at), now)


def unknown_items(now: datetime) -> list[InboxItem]:
    """The texts of numbers that nobody on the roster has and nobody signs in with: for the office."""
    urgent = case((Inbound.intent == Intent.ALARM, 0), else_=1)
    query = select(Inbound).where(_is_waiting(now), ~_is_known())
    return _items(query.order_by(urgent, Inbound.received_at), now)


def count_waiting(now: datetime, *, is_known: bool) -> int:
    """How many texts wait for a person, of numbers that somebody has or of those nobody has."""
    of_number = _is_known() if is_known else ~_is_known()
    return db.session.scalar(select(func.count()).where(_is_waiting(now), of_number)) or 0


def read_items(scope: Scope, now: datetime) -> list[InboxItem]:
    """The texts of the last seven days that are done, the latest first: how each was read."""
    query = _in_scope(scope, now).where(Inbound.done_at.is_not(None), Inbound.received_at > now - READ_FOR)
    return _items(query.order_by(Inbound.received_at.desc()), now)


def inbound_in_scope(inbound_id: uuid.UUID, scope: Scope, now: datetime) -> Inbound | None:
    """One text, done or not; None outside the scope as for one that is not there."""
    return db.session.scalar(_in_scope(scope, now).where(Inbound.id == inbound_id))


def _is_waiting(now: datetime) -> ColumnElement[bool]:
    left = or_(Inbound.waits_at.is_not(None), Inbound.received_at < now - UNREAD_FOR)
    return Inbound.done_at.is_(None) & or_(Inbound.intent == Intent.ALARM, left)


def _is_known() -> ColumnElement[bool]:
    member = exists().where(Member.phone_index == Inbound.phone_index, Member.gone_on.is_(None))
    return or_(member, exists().where(Person.phone_index == Inbound.phone_index))


def _in_scope(scope: Scope, now: datetime) -> Select[Inbound]:
    """Texts from members, and from chairs, of the chapters in scope; the office also sees strangers'."""
    query = select(Inbound)
    if scope.everything:
        return query
    sites = scope.limit(select(Site.id))
    members = (
        select(Member.phone_index)
        .join(Membership, Membership.member_id == Member.id)
        .where(Membership.to_at.is_(None), Membership.site_id.in_(sites), Member.phone_index.is_not(None))
    )
    chairs = (
        select(Person.phone_index)
        .join(RoleTerm, RoleTerm.person_id == Person.id)
        .where(RoleTerm.site_id.in_(sites), running_on(today(now)), Person.phone_index.is_not(None))
    )
    return query.where(or_(Inbound.phone_index.in_(members), Inbound.phone_index.in_(chairs)))


def _items(query: Select[Inbound], now: datetime) -> list[InboxItem]:
    """With as many queries for a hundred texts as for one."""
    rows = db.session.scalars(query.limit(PAGE_SIZE)).all()
    indexes = {row.phone_index for row in rows}
    names, sites = _names_of(indexes), sites_of_numbers(indexes, now)
    responsible, stopped = responsible_people(now), opted_out_among(indexes)
    items = []
    for row in rows:
        site = sites.get(row.phone_index)
        person = responsible.named(site)
        items.append(
            InboxItem(
                inbound=row,
                names=names.get(row.phone_index, []),
                site=site.name if site else "",
                urgent=row.intent is Intent.ALARM,
                waits_for=person.name if person else "",
                gets_no_texts=row.sender is None or row.phone_index in stopped,
            )
        )
    return items


def _names_of(indexes: set[bytes]) -> dict[bytes, list[str]]:
    """The names of members with these numbers, else of those who sign in with them."""
    home = Membership.rank == MembershipRank.HOME, Membership.to_at.is_(None)
    members = (
        select(Member)
        .outerjoin(Membership, (Membership.member_id == Member.id) & home[0] & home[1])
        .where(Member.phone_index.in_(indexes), Member.gone_on.is_(None))
        .order_by(Member.id)
    )
    names: dict[bytes, list[str]] = {}
    for member in db.session.scalars(members).unique():
        names.setdefault(member.phone_index or b"", []).append(member.person.full)
    for person in db.session.scalars(select(Person).where(Person.phone_index.in_(indexes - names.keys()))):
        names[person.phone_index or b""] = [person.name]
    return names
