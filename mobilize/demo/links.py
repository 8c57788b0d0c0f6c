"""Links for whoever started the demo: the office, an organizer, a chair, and a captain."""

import uuid
from datetime import datetime

from sqlalchemy import select

from mobilize import settings
from mobilize.accounts.access.grants import grant_line, open_grants, revoke_grant
from mobilize.accounts.access.scope import NOBODY, scope_of, today
from mobilize.accounts.models import GrantKind, LinkKind, Person, RoleName, RoleTerm
from mobilize.accounts.sign_in.one_time_links import link_address, make_link
from mobilize.accounts.tokens.models import PERSONAL, ApiScope
from mobilize.accounts.tokens.operations import DAYS, NewToken, make_token, revoke_token
from mobilize.accounts.tokens.queries import tokens_for
from mobilize.actions.models import Event
from mobilize.actions.queries import LATE
from mobilize.database import db
from mobilize.demo.seed.people import ADMIN, CHAIR, MADE_BY, ORGANIZER
from mobilize.keys.crypto import blind_index

DEMO_PHONES = (("organizer", ORGANIZER), ("chair", CHAIR), ("office", ADMIN))
CAPTAIN_LABEL, PROGRAM_LABEL = "Demo captain", "Demo program"


def sign_in_links(now: datetime) -> list[tuple[str, str]]:
    """(who, one-time address) of the demo's people, those who are still there. Earlier links end."""
    people = [(who, _person(phone)) for who, phone in DEMO_PHONES]
    return [
        (who, link_address(make_link(person, MADE_BY, kind=LinkKind.SHELL, now=now)))
        for who, person in people
        if person
    ]


def captain_link(event: Event, now: datetime) -> tuple[str, str]:
    """("captain", address) of a line page without an account; the one from an earlier start ends."""
    for grant in open_grants(event.id, now=now):
        if grant.label == CAPTAIN_LABEL and grant.made_by == MADE_BY:
            revoke_grant(grant, MADE_BY, now=now)
    _grant, token = grant_line(
        event.id, GrantKind.LINK, CAPTAIN_LABEL, None, MADE_BY, event.ends_at + LATE, now=now
    )
    return "captain", f"{settings().public_base_url}/l/{token}"


def program_token(now: datetime) -> str | None:
    """The token of a program, for everything but names and phones; the one from an earlier start ends. None
    where the demo's admin is no admin any more."""
    admin = _person(ADMIN)
    scope = scope_of(admin, today(now)) if admin else NOBODY
    if admin is None or not scope.everything:
        return None
    for token in tokens_for(admin, scope):
        if token.label == PROGRAM_LABEL:
            revoke_token(token.id, person=admin, scope=scope, now=now)
    new = NewToken(PROGRAM_LABEL, frozenset(ApiScope) - PERSONAL, days=min(DAYS))
    return make_token(new, person=admin, scope=scope, now=now)[1]


def chair_site_id() -> uuid.UUID | None:
    """The demo chair's school; None when somebody has ended their role."""
    chair = _person(CHAIR)
    if chair is None:
        return None
    return db.session.scalar(
        select(RoleTerm.site_id)
        .where(RoleTerm.person_id == chair.id, RoleTerm.role == RoleName.CHAIR, RoleTerm.to_on.is_(None))
        .limit(1)
    )


def _person(phone: str) -> Person | None:
    return db.session.scalar(select(Person).where(Person.phone_index == blind_index("phone", phone)))
