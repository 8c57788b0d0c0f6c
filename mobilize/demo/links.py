"""Links for whoever started the demo: the office, an organizer, a chair, and a captain at her line."""

import uuid
from datetime import datetime

from sqlalchemy import select

from mobilize import settings
from mobilize.accounts.grants import grant_line, open_grants, revoke_grant
from mobilize.accounts.links import link_address, make_link
from mobilize.accounts.models import GrantKind, LinkKind, Person, RoleName, RoleTerm
from mobilize.actions.models import Event
from mobilize.actions.queries import LATE
from mobilize.crypto import blind_index
from mobilize.database import db
from mobilize.demo.union import ADMIN, CHAIR, MADE_BY, ORGANIZER

WHO = (("organizer", ORGANIZER), ("chair", CHAIR), ("office", ADMIN))
CAPTAIN = "Demo captain"


def sign_in_links(now: datetime) -> list[tuple[str, str]]:
    """(who, one-time address) of the demo's people, those who are still there. Earlier links end."""
    found = [(who, _person(phone)) for who, phone in WHO]
    return [
        (who, link_address(make_link(person, MADE_BY, kind=LinkKind.SHELL, now=now)))
        for who, person in found
        if person
    ]


def captains_link(event: Event, now: datetime) -> tuple[str, str]:
    """("captain", address) of a line page without an account; the one from an earlier start ends."""
    for grant in open_grants(event.id, now=now):
        if grant.label == CAPTAIN and grant.made_by == MADE_BY:
            revoke_grant(grant, MADE_BY, now=now)
    _grant, token = grant_line(
        event.id, GrantKind.LINK, CAPTAIN, None, MADE_BY, event.ends_at + LATE, now=now
    )
    return "captain", f"{settings().public_base_url}/l/{token}"


def chairs_site() -> uuid.UUID | None:
    """The demo chair's school; None when somebody has ended her role."""
    chair = _person(CHAIR)
    if chair is None:
        return None
    return db.session.scalar(
        select(RoleTerm.site_id)
        .where(RoleTerm.person_id == chair.id, RoleTerm.role == RoleName.CHAIR, RoleTerm.to_on.is_(None))
        .limit(1)
    )


def _person(phone: str) -> Person | None:
    return db.session.scalar(select(Person).where(Person.phone_bix == blind_index("phone", phone)))
