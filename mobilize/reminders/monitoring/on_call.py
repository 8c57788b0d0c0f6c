"""Organizers on call, who are texted at once about texts that cannot wait."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, exists, select

from mobilize import audit, settings
from mobilize.accounts.access.scope import running_on, scope_of, today
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.database import atomic, db, insert
from mobilize.reminders.blanks import written_in
from mobilize.reminders.models import OnCallShift
from mobilize.roster.models import Member, Membership, MembershipRank, Site
from mobilize.texts.models import Inbound, Intent, OutboxText, Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.queries import may_text

LONGEST = timedelta(hours=24)
STILL_URGENT = timedelta(hours=2)


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
    return queue_texts([_text(inbound, site, person, now) for person in people_on_call(site, now)], now=now)


def site_of_number(phone_index: bytes, now: datetime) -> Site | None:
    """The site of whoever has this number: a member's home chapter, else where they are chair."""
    of_member = (
        select(Site)
        .join(Membership, Membership.site_id == Site.id)
        .join(Member, Member.id == Membership.member_id)
        .where(
            Member.phone_index == phone_index,
            Membership.rank == MembershipRank.HOME,
            Membership.to_at.is_(None),
        )
        .order_by(Member.id)
        .limit(1)
    )
    of_chair = (
        select(Site)
        .join(RoleTerm, RoleTerm.site_id == Site.id)
        .join(Person, Person.id == RoleTerm.person_id)
        .where(Person.phone_index == phone_index, running_on(today(now)))
        .order_by(RoleTerm.id)
        .limit(1)
    )
    return db.session.scalar(of_member) or db.session.scalar(of_chair)


def people_on_call(site: Site | None, now: datetime) -> Sequence[Person]:
    """The people on call who may see the chapter; else its area's organizers; else the office. Of those whom
    a text reaches: a step of which none can be texted is left out."""
    steps = ([person for person in step if _is_textable(person)] for step in _responsible(site, now))
    return next((step for step in steps if step), [])


def named_person(site: Site | None, now: datetime) -> Person | None:
    """The person under whose name a text from this chapter waits: the first on call, else of the area's
    organizers, else of the office."""
    return next((step[0] for step in _responsible(site, now) if step), None)


def _responsible(site: Site | None, now: datetime) -> Iterator[Sequence[Person]]:
    running = select(Person).join(OnCallShift, OnCallShift.person_id == Person.id)
    on_call = _all(running.where(OnCallShift.until_at > now))
    yield [person for person in on_call if scope_of(person, today(now)).sees(site)]
    holders = select(Person).join(RoleTerm, RoleTerm.person_id == Person.id).where(running_on(today(now)))
    if site:
        of_area = RoleTerm.role == RoleName.ORGANIZER, RoleTerm.area_id == site.area_id
        yield _all(holders.where(*of_area))
    yield _all(holders.where(RoleTerm.role == RoleName.ADMIN))


def _all(people: Select[Person]) -> Sequence[Person]:
    return db.session.scalars(people.order_by(Person.made_at, Person.id)).unique().all()


def _is_textable(person: Person) -> bool:
    return bool(person.phone) and may_text(person.phone, TextClass.DUTY) is None


def _text(inbound: Inbound, site: Site | None, person: Person, now: datetime) -> PlannedText:
    """No word of what was written leaves us: it is read in the inbox. `event_id` says which text it was.
    Whoever gets no texts has to be called."""
    chosen = settings()
    calls = inbound.sender is None or may_text(inbound.sender) is not None
    return PlannedText(
        purpose=f"alarm:{inbound.id}:1",
        phone=person.phone,
        wording="alarm_call" if calls else "alarm",
        language=written_in(person.language),
        text_class=TextClass.DUTY,
        tz=chosen.union_timezone,
        due_at=now,
        expires_at=now + STILL_URGENT,
        priority=Priority.NOTICE,
        blanks={"place": site.name if site else chosen.union_name, "link": f"{chosen.public_base_url}/inbox"},
        event_id=inbound.id,
        urgent=True,
    )
