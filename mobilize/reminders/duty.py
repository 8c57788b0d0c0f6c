"""The organizer on duty: told at once of texts that cannot wait."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, select

from mobilize import audit, settings
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.accounts.scope import running_on, scope_of, today
from mobilize.database import atomic, db, insert
from mobilize.reminders.blanks import written_in
from mobilize.reminders.models import Duty
from mobilize.roster.models import Member, Membership, Rank, Site
from mobilize.texts.models import Inbound, Intent, OutboxText, Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_texts

LONGEST = timedelta(hours=24)
STILL_URGENT = timedelta(hours=2)


def take_duty(person: Person, hours: int, *, now: datetime) -> None:
    """From now on for so many hours she is told; 0 hands it back. Again replaces the end."""
    actor = f"person:{person.id}"
    with atomic() as session:
        session.execute(delete(Duty).where(Duty.person_id == person.id))
        if hours > 0:
            until_at = now + min(LONGEST, timedelta(hours=hours))
            row = insert(Duty).values(person_id=person.id, from_at=now, until_at=until_at)
            session.execute(
                row.on_conflict_do_update(index_elements=["person_id"], set_={"until_at": until_at})
            )
        audit.note(actor, "duty.take" if hours > 0 else "duty.leave", person.id, now=now)


def duty_of(person: Person, now: datetime) -> Duty | None:
    """Her duty, while it runs."""
    mine = Duty.person_id == person.id, Duty.until_at > now
    return db.session.scalar(select(Duty).where(*mine).execution_options(populate_existing=True))


def alert_duty(now: datetime) -> int:
    """Text whoever is on duty about each text with urgent words, once; returns how many texts are new."""
    alerted = exists().where(OutboxText.purpose_key.startswith("alarm:"), OutboxText.event_id == Inbound.id)
    waiting = db.session.scalars(
        select(Inbound).where(
            Inbound.intent == Intent.ALARM,
            Inbound.done_at.is_(None),
            Inbound.received_at > now - STILL_URGENT,
            ~alerted,
        )
    ).all()
    return sum(_alert(inbound, now) for inbound in waiting)


def _alert(inbound: Inbound, now: datetime) -> int:
    site = db.session.scalar(
        select(Site)
        .join(Membership, Membership.site_id == Site.id)
        .join(Member, Member.id == Membership.member_id)
        .where(
            Member.phone_bix == inbound.phone_bix, Membership.rank == Rank.HOME, Membership.to_at.is_(None)
        )
        .limit(1)
    )
    people = [person for person in on_duty(site, now) if person.phone]
    return queue_texts([_text(inbound, site, person, now) for person in people], now=now)


def on_duty(site: Site | None, now: datetime) -> Sequence[Person]:
    """Those on duty who may see the chapter; else its area's organizers; else the office."""
    running = select(Person).join(Duty, Duty.person_id == Person.id).where(Duty.until_at > now)
    ready = [p for p in db.session.scalars(running) if scope_of(p, today(now)).sees(site)]
    holders = select(Person).join(RoleTerm, RoleTerm.person_id == Person.id).where(running_on(today(now)))
    organizers = holders.where(RoleTerm.role == RoleName.ORGANIZER)
    of_area = organizers.where(RoleTerm.area_id == site.area_id) if site else None
    return (
        ready
        or (list(db.session.scalars(of_area)) if of_area is not None else [])
        or list(db.session.scalars(holders.where(RoleTerm.role == RoleName.ADMIN)))
    )


def _text(inbound: Inbound, site: Site | None, person: Person, now: datetime) -> PlannedText:
    """No word of what was written leaves us: it is read in the inbox. `event_id` says which text it was."""
    chosen = settings()
    return PlannedText(
        purpose=f"alarm:{inbound.id}:1",
        phone=person.phone,
        wording="alarm",
        language=written_in(person.language),
        klass=TextClass.DUTY,
        tz=chosen.union_timezone,
        due_at=now,
        useless_after=now + STILL_URGENT,
        priority=Priority.NOTICE,
        blanks={"place": site.name if site else chosen.union_name, "link": f"{chosen.public_base_url}/inbox"},
        event_id=inbound.id,
        urgent=True,
    )
