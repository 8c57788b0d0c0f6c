"""Calendar feeds: of the union, an area or a site for whoever has a role there; of a member's own chapters.

The address alone opens a feed, since a calendar signs in nowhere. It is sealed, not stored: it says whose it
is, and how often that person's addresses were ended before.
"""

import struct
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import case, func, or_, select, update
from sqlalchemy.orm import aliased, joinedload

from mobilize import audit, settings
from mobilize.accounts.access.scope import Scope, scope_of, today
from mobilize.accounts.models import Person
from mobilize.actions.models import Action, Event, EventChapter, EventState
from mobilize.backup import journal
from mobilize.checkins.calendar.ical import CalendarEntry, entry_of, summary_of
from mobilize.checkins.models import EndedLinks
from mobilize.database import atomic, db
from mobilize.keys import crypto
from mobilize.languages import N_, say_in
from mobilize.roster.models import Area, Member, Membership, Site

# What is over stays that long, so that nothing vanishes from a calendar the day after.
_KEPT = timedelta(days=90)
_PURPOSE = "calendar"
_NOWHERE = uuid.UUID(int=0)
_LAYOUT = ">c16s16sQ"
_PLACES = N_("%(n)s places")


class FeedKind(StrEnum):
    UNION = "u"
    AREA = "a"
    SITE = "s"
    MEMBER = "m"


@dataclass(frozen=True)
class Feed:
    """What an address opened: the name of the calendar and its entries."""

    name: str
    entries: Sequence[CalendarEntry]


@dataclass(frozen=True)
class FeedAddress:
    """A feed that a person may have, for their page of calendars."""

    name: str
    address: str


def addresses_of(person: Person, scope: Scope) -> list[FeedAddress]:
    """The feeds of a person's scope: the union's and the areas' for organizers, the sites' for chairs."""
    feeds: list[FeedAddress] = []
    if scope.is_organizer:
        feeds.append(FeedAddress(settings().union_name, _address(FeedKind.UNION, person)))
    areas = db.session.scalars(select(Area).order_by(Area.name)) if scope.is_organizer else ()
    for area in areas:
        if scope.sees_area(area.id):
            feeds.append(FeedAddress(area.name, _address(FeedKind.AREA, person, area.id)))
    sites = db.session.scalars(select(Site).where(Site.id.in_(scope.sites)).order_by(Site.name))
    return feeds + [FeedAddress(site.name, _address(FeedKind.SITE, person, site.id)) for site in sites]


def address_of_member(member_id: uuid.UUID) -> str:
    """The member's own feed; another one once their links are ended."""
    return _url(FeedKind.MEMBER, member_id, _NOWHERE, _times_ended(member_id))


def end_addresses(person: Person, *, actor: str, now: datetime) -> None:
    """End all calendar addresses of a person, as when one got into the wrong hands. Their page then has new
    ones. Twice ends those, too."""
    with atomic() as session:
        session.refresh(person, with_for_update={"of": Person})
        person.calendars_ended += 1
        audit.note(actor, "calendar.end", person.id, now=now)
        values = {"person": str(person.id), "times": person.calendars_ended}
        journal.note("calendar.end", values, now=now)


def repeat_end(person_id: uuid.UUID, times: int) -> None:
    """Addresses that were ended in minutes which a restore has lost open nothing again: `times` is how often
    that person had ended theirs by then."""
    with atomic() as session:
        fewer = Person.id == person_id, Person.calendars_ended < times
        session.execute(update(Person).where(*fewer).values(calendars_ended=times))


def open_feed(token: str, language: str, now: datetime) -> Feed | None:
    """The feed of an address, as of now; None for one that was ended, or whose role is over, or that never
    was."""
    opened = crypto.open_token(_PURPOSE, token)
    if opened is None or len(opened) != struct.calcsize(_LAYOUT):
        return None
    kind, owner, place, ended = struct.unpack(_LAYOUT, opened)
    owner_id, place_id = uuid.UUID(bytes=owner), uuid.UUID(bytes=place)
    if kind.decode() == FeedKind.MEMBER:
        return _feed_of_member(owner_id, ended, language, now)
    return _feed_of_person(FeedKind(kind.decode()), owner_id, place_id, ended, language, now)


def _address(kind: FeedKind, person: Person, place_id: uuid.UUID = _NOWHERE) -> str:
    return _url(kind, person.id, place_id, _epoch(person))


def _url(kind: FeedKind, owner: uuid.UUID, place: uuid.UUID, ended: int) -> str:
    data = struct.pack(_LAYOUT, kind.value.encode(), owner.bytes, place.bytes, ended)
    return f"{settings().public_base_url}/calendar/{crypto.make_token(_PURPOSE, data)}.ics"


def _epoch(person: Person) -> int:
    """Grows with each end, and with each reset of how they sign in."""
    restarted = int(person.restarted_at.timestamp()) if person.restarted_at else 0
    return restarted << 16 | person.calendars_ended


def _times_ended(member_id: uuid.UUID) -> int:
    return db.session.scalar(select(EndedLinks.times).where(EndedLinks.member_id == member_id)) or 0


def _feed_of_member(member_id: uuid.UUID, ended: int, language: str, now: datetime) -> Feed | None:
    member = db.session.get(Member, member_id)
    if member is None or member.gone_on or member.erased_at or ended != _times_ended(member_id):
        return None
    sites = db.session.scalars(
        select(Membership.site_id).where(Membership.member_id == member_id, Membership.to_at.is_(None))
    )
    return Feed(settings().union_name, _events_at(set(sites), language, now, drills=False))


def _feed_of_person(
    kind: FeedKind, person_id: uuid.UUID, place_id: uuid.UUID, ended: int, language: str, now: datetime
) -> Feed | None:
    person = db.session.get(Person, person_id)
    if person is None or ended != _epoch(person):
        return None
    scope = scope_of(person, today(now))
    if kind is FeedKind.SITE:
        site = db.session.get(Site, place_id)
        return Feed(site.name, _events_at({site.id}, language, now)) if site and scope.sees(site) else None
    if kind is FeedKind.UNION:
        return Feed(settings().union_name, _actions(None, language, now)) if scope.is_organizer else None
    area = db.session.get(Area, place_id)
    return Feed(area.name, _actions(area.id, language, now)) if area and scope.sees_area(area.id) else None


def _events_at(
    site_ids: Iterable[uuid.UUID], language: str, now: datetime, *, drills: bool = True
) -> list[CalendarEntry]:
    """The events of these chapters, those that were called off included."""
    chapter = select(EventChapter.event_id).where(
        EventChapter.site_id.in_(list(site_ids)), EventChapter.gone_at.is_(None)
    )
    query = (
        select(Event)
        .join(Action, Action.id == Event.action_id)
        .where(Event.id.in_(chapter), Event.ends_at > now - _KEPT)
        .options(joinedload(Event.action), joinedload(Event.site))
        .order_by(Event.starts_at, Event.id)
    )
    events = db.session.scalars(query if drills else query.where(~Action.drill))
    return [entry_of(event, language) for event in events]


def _actions(area_id: uuid.UUID | None, language: str, now: datetime) -> list[CalendarEntry]:
    """One entry for each action of the union, or of an area, whatever the number of its places: by the
    action's own id, so that it stays the same entry when a place joins. A chair's own action is not the
    union's, but its area's."""
    off = case((Event.state == EventState.CALLED_OFF, 1), else_=0)
    columns: list[Any] = [
        Event.action_id,
        func.count().label("n"),
        func.min(Event.starts_at).label("starts_at"),
        func.max(Event.ends_at).label("ends_at"),
        func.max(Event.made_at).label("made_at"),
        func.max(Event.moved_at).label("moved_at"),
        _changes_of_action().label("sequence"),
        func.sum(off).label("off"),
    ]
    here = [] if area_id is None else [_is_of_area(area_id)]
    query = select(*columns).where(*here).group_by(Event.action_id)
    rows = {
        row.action_id: row for row in db.session.execute(query.having(func.max(Event.ends_at) > now - _KEPT))
    }
    actions = select(Action).where(Action.id.in_(rows)).order_by(Action.starts_at, Action.id)
    if area_id is None:
        actions = actions.where(Action.owner_site_id.is_(None))
    only = _only_events([row.action_id for row in rows.values() if row.n == 1], here)
    return [
        _entry_of_action(action, rows[action.id], only.get(action.id), language)
        for action in db.session.scalars(actions)
    ]


def _changes_of_action() -> Any:
    """How often any of an action's events was added, moved or called off, as SEQUENCE counts it: of all its
    events, since it must not fall when one of them leaves an area."""
    one = aliased(Event)
    off = case((one.state == EventState.CALLED_OFF, 1), else_=0)
    changes = select(func.count() - 1 + func.sum(one.version - 1 + off))
    return changes.where(one.action_id == Event.action_id).scalar_subquery()


def _is_of_area(area_id: uuid.UUID) -> Any:
    at_home = (
        select(EventChapter.event_id)
        .join(Site, Site.id == EventChapter.site_id)
        .where(Site.area_id == area_id, EventChapter.gone_at.is_(None))
    )
    return or_(Event.area_id == area_id, Event.id.in_(at_home))


def _only_events(action_ids: Sequence[uuid.UUID], here: Sequence[Any]) -> dict[uuid.UUID, Event]:
    """The event of each of these actions that have one."""
    query = select(Event).where(Event.action_id.in_(action_ids), *here)
    query = query.options(joinedload(Event.action), joinedload(Event.site))
    return {event.action_id: event for event in db.session.scalars(query)}


def _entry_of_action(action: Action, row: Any, only: Event | None, language: str) -> CalendarEntry:
    """At one place it says where, as that event does."""
    if only is not None:
        return replace(entry_of(only, language), id=action.id, sequence=int(row.sequence))
    changes = (row.made_at, row.moved_at, action.called_off_at if row.off else None)
    return CalendarEntry(
        id=action.id,
        summary=summary_of(action.name.in_(language), action.drill, language),
        location=say_in(language, _PLACES) % {"n": row.n - row.off or row.n},
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        changed_at=max(filter(None, changes)),
        sequence=int(row.sequence),
        cancelled=row.off == row.n,
    )
