"""Who made or restarted whom: two people of one line of makers are never each other's second person."""

import uuid
from datetime import datetime

from sqlalchemy import select

from mobilize.accounts.models import Person, Sponsorship
from mobilize.database import atomic, db, insert

_PERSON = "person:"


def actor_of(person: Person) -> str:
    """How the audit names somebody."""
    return f"{_PERSON}{person.id}"


def person_behind(actor: str) -> uuid.UUID | None:
    """Whose id stands in an actor of the audit; None for the shell, a worker, a grant."""
    kind, _colon, written = actor.partition(":")
    try:
        return uuid.UUID(written) if kind == "person" else None
    except ValueError:
        return None


def note_sponsor(person: Person, actor: str, from_at: datetime) -> None:
    """`actor` has made or restarted `person`; it counts from that moment on, and twice keeps the earlier."""
    sponsor_id = person_behind(actor)
    if sponsor_id is None or sponsor_id == person.id:
        return
    keys = {"person_id": person.id, "sponsor_id": sponsor_id}
    with atomic() as session:
        session.execute(
            insert(Sponsorship)
            .values(**keys, from_at=from_at)
            .on_conflict_do_nothing(index_elements=list(keys))
        )
        held = session.get_one(Sponsorship, tuple(keys.values()), populate_existing=True)
        held.from_at = min(held.from_at, from_at)


def are_related(one: uuid.UUID, other: uuid.UUID, *, now: datetime) -> bool:
    """Did one make or restart the other, or whoever did, or whoever did that?"""
    return one == other or other in sponsors_of(one, now=now) or one in sponsors_of(other, now=now)


def sponsors_of(person_id: uuid.UUID, *, now: datetime) -> set[uuid.UUID]:
    """Everybody above this person in the line of makers."""
    found: set[uuid.UUID] = set()
    new = {person_id}
    while new:
        above = select(Sponsorship.sponsor_id).where(
            Sponsorship.person_id.in_(new), Sponsorship.from_at <= now
        )
        new = set(db.session.scalars(above)) - found
        found |= new
    return found
