"""Organizers on call, who are texted at once about texts that cannot wait."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, exists, select

from mobilize import audit, settings
from mobilize.accounts.access.scope import Scope, running_on, scopes_of, today
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.database import atomic, db, insert
from mobilize.reminders.merge_fields import written_in
from mobilize.reminders.models import OnCallShift
from mobilize.roster.models import Member, Membership, MembershipRank, Site
from mobilize.texts.models import Inbound, Intent, OutboxText, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.queries import may_text
from mobilize.texts.sending import lanes

LONGEST = timedelta(hours=24)
STILL_URGENT = timedelta(hours=2)
_FIRST = (Person.made_at, Person.id)


def take_duty(person: Person, hours: int, *, now: datetime) -> None:
    """Put a person on call for so many hours from now on; 0 ends it. Repeated, the end is replaced."""
    actor = f"person:{person.id}"
    with atomic() as session:
        session.execute(delete(OnCallShift).where(OnCallShift.person_id == person.id))
        if hours > 0:
            until_at = now + min(LONGEST, timedelta(hours=hours))
            row = insert(OnCallShift).values(person_id=person.id, from_at=now, until_at=until_at)
            session.execute(
                row.on_conflict_do_update(index_elements=["person_id"], set_={"until_at": until_at})
            )
        audit.note(actor, "duty.take" if hours > 0 else "duty.leave", person.id, now=now)


def running_shift(person: Person, now: datetime) -> OnCallShift | None:
    """The person's running shift."""
    conditions = OnCallShift.person_id == person.id, OnCallShift.until_at > now
    return db.session.scalar(select(OnCallShift).where(*conditions).execution_options(populate_existing=True))


def alert_duty(now: datetime) -> int:
    """Text whoever is on duty about each text with urgent words, once; returns how many texts are new."""
    return sum(_alert(inbound, now) for inbound in db.session.scalars(without_alert(now)).all())


def without_alert(now: datetime) -> Select[Inbound]:
    """SELECT of the texts with urgent words about which nobody was texted yet."""
    alerted = exists().where(
        OutboxText.idempotency_key.startswith("alarm:"), OutboxText.event_id == Inbound.id
    )
    return select(Inbound).where(
        Inbound.intent == Intent.ALARM,
        Inbound.done_at.is_(None),
        Inbound.received_at > now - STILL_URGENT,
        ~alerted,
    )


def _alert(inbound: Inbound, now: datetime) -> int:
    site = site_of_number(inbound.phone_index, now)
    people = people_on_call(site, now)
    if not people:
        return 0
    with atomic():
        priority = lanes.priority_in(lanes.ALARMS, inbound.phone_index, now=now)
        return queue_texts([_text(inbound, site, person, priority) for person in people], now=now)


def site_of_number(phone_index: bytes, now: datetime) -> Site | None:
    """The site of whoever has this number: a member's home chapter, else where they are chair."""
    return sites_of_numbers({phone_index}, now).get(phone_index)


def sites_of_numbers(phone_indexes: Collection[bytes], now: datetime) -> dict[bytes, Site]:
    """The same for many numbers; those that nobody has, or who has no site, are not there."""
    of_members = (
        select(Member.phone_index, Site)
        .join(Membership, Membership.member_id == Member.id)
        .join(Site, Site.id == Membership.site_id)
        .where(Member.phone_index.in_(phone_indexes), Membership.rank == MembershipRank.HOME)
        .where(Membership.to_at.is_(None))
        .order_by(Member.id.desc())
    )
    of_chairs = (
        select(Person.phone_index, Site)
        .join(RoleTerm, RoleTerm.person_id == Person.id)
        .join(Site, Site.id == RoleTerm.site_id)
        .where(Person.phone_index.in_(phone_indexes), running_on(today(now)))
        .order_by(RoleTerm.id.desc())
    )
    # Where several have a number the first of them counts, and so comes last.
    return {
        phone_index: site
        for query in (of_chairs, of_members)
        for phone_index, site in db.session.execute(query)
        if phone_index
    }


@dataclass(frozen=True)
class ResponsiblePeople:
    """Who answers for what members write, at one moment: those on call with what they may see, the organizers
    of each area, the office."""

    on_call: Sequence[tuple[Person, Scope]]
    organizers: Mapping[uuid.UUID | None, Sequence[Person]]
    admins: Sequence[Person]

    def steps(self, site: Site | None) -> Iterator[Sequence[Person]]:
        """The people on call who may see the chapter; else its area's organizers; else the office. A step may
        be empty."""
        yield [person for person, scope in self.on_call if scope.sees(site)]
        if site:
            yield self.organizers.get(site.area_id, [])
        yield self.admins

    def named(self, site: Site | None) -> Person | None:
        """The person under whose name a text from this chapter waits: the first of these."""
        return next((step[0] for step in self.steps(site) if step), None)


def responsible_people(now: datetime) -> ResponsiblePeople:
    """Whoever is responsible now, with three queries."""
    running = select(Person).join(OnCallShift, OnCallShift.person_id == Person.id)
    on_call = db.session.scalars(running.where(OnCallShift.until_at > now).order_by(*_FIRST)).unique().all()
    scopes = scopes_of(on_call, today(now))
    terms = (
        select(RoleTerm.role, RoleTerm.area_id, Person)
        .join(Person, Person.id == RoleTerm.person_id)
        .where(RoleTerm.role.in_((RoleName.ORGANIZER, RoleName.ADMIN)), running_on(today(now)))
        .order_by(*_FIRST)
    )
    organizers: dict[uuid.UUID | None, list[Person]] = {}
    admins: list[Person] = []
    for role, area_id, person in db.session.execute(terms).unique():
        holders = admins if role is RoleName.ADMIN else organizers.setdefault(area_id, [])
        if person not in holders:
            holders.append(person)
    return ResponsiblePeople([(person, scopes[person.id]) for person in on_call], organizers, admins)


def people_on_call(site: Site | None, now: datetime) -> Sequence[Person]:
    """Of the steps of `ResponsiblePeople` the first of whom a text reaches anybody: those it reaches."""
    steps = ([one for one in step if _is_textable(one)] for step in responsible_people(now).steps(site))
    return next((step for step in steps if step), [])


def named_person(site: Site | None, now: datetime) -> Person | None:
    """The person under whose name a text from this chapter waits."""
    return responsible_people(now).named(site)


def _is_textable(person: Person) -> bool:
    return bool(person.phone) and may_text(person.phone, TextClass.DUTY) is None


def _text(inbound: Inbound, site: Site | None, person: Person, priority: int) -> PlannedText:
    """No word of what was written leaves us: it is read in the inbox. `event_id` says which text it was, and
    it is due since that came in. Whoever gets no texts has to be called."""
    chosen = settings()
    place, link = site.name if site else chosen.union_name, f"{chosen.public_base_url}/inbox"
    calls = inbound.sender is None or may_text(inbound.sender) is not None
    return PlannedText(
        purpose=f"alarm:{inbound.id}:1",
        phone=person.phone,
        wording="alarm_call" if calls else "alarm",
        language=written_in(person.language),
        text_class=TextClass.DUTY,
        tz=chosen.union_timezone,
        due_at=inbound.received_at,
        expires_at=inbound.received_at + STILL_URGENT,
        priority=priority,
        merge_fields={"place": place, "link": link},
        event_id=inbound.id,
        urgent=True,
    )
