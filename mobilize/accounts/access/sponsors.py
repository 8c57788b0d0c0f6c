"""Sponsorship: who gave somebody a role or reset their sign-in. Neither approves what the other asks for."""

import uuid
from datetime import datetime

from sqlalchemy import select

from mobilize.accounts.models import Person, Sponsorship
from mobilize.database import atomic, db, insert, parse_id

_PERSON = "person:"


def actor_of(person: Person) -> str:
    """The name of a person as an actor in the audit."""
    return f"{_PERSON}{person.id}"


def person_behind(actor: str) -> uuid.UUID | None:
    """The id of the person that an actor of the audit is; None for the shell, a worker, a grant."""
    kind, _colon, written = actor.partition(":")
    return parse_id(written) if kind == "person" else None


def note_sponsor(person: Person, actor: str, from_at: datetime) -> None:
    """Store that `actor` has sponsored `person` from that moment on. Twice keeps the earlier moment."""
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
    """Whether one sponsored the other, or a sponsor of the other, and so on."""
    return one == other or other in sponsors_of(one, now=now) or one in sponsors_of(other, now=now)


def sponsors_of(person_id: uuid.UUID, *, now: datetime) -> set[uuid.UUID]:
    """The sponsors of a person, their sponsors, and so on."""
    sponsors: set[uuid.UUID] = set()
    new = {person_id}
    while new:
        above = select(Sponsorship.sponsor_id).where(
            Sponsorship.person_id.in_(new), Sponsorship.from_at <= now
        )
        new = set(db.session.scalars(above)) - sponsors
        sponsors |= new
    return sponsors
