"""Sign-in links for people with a role, resets of their sign-in, and changes of their number.

Whoever makes, resets or extends an organizer or admin never sees the link: it goes by text to that person's
own phone. Where no text reaches them, the operator's shell prints one, or it opens a day later, when every
organizer and admin was notified.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select, update

from mobilize import audit, settings
from mobilize.accounts.access.authority import WAIT, RoleRank, begins_at, rank_of
from mobilize.accounts.access.scope import Scope, not_over, today
from mobilize.accounts.access.sponsors import note_sponsor
from mobilize.accounts.models import AdminChangeKind, LinkKind, Person, RoleTerm
from mobilize.accounts.people.admin_changes import AdminChangeRequest, ask_second_admin
from mobilize.accounts.people.notices import (
    ORGANIZERS,
    can_be_texted,
    notify_old_number,
    notify_roles,
    text_link,
)
from mobilize.accounts.queries import current_terms, may_manage_person
from mobilize.accounts.second_factor.operations import forget_second_factors
from mobilize.accounts.sign_in.one_time_links import end_links, make_link
from mobilize.accounts.sign_in.sessions import has_second_factor
from mobilize.backup import journal
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.languages import _
from mobilize.phones import normalize

SHELL = "shell"


class AccessMethod(StrEnum):
    """The way somebody signs in: by a code alone, by a link that is displayed, that was texted to them, that
    is displayed and opens in a day; or only when a second admin has agreed."""

    CODE = "code"
    DISPLAYED = "shown"
    TEXTED = "texted"
    WAITS = "waits"
    SECOND = "second"


class LinkEffect(StrEnum):
    """What a fresh link is: displayed, and opens; texted to their own phone; displayed, and opens a day later
    for whoever has their passkey or app; or a reset of their sign-in, since nothing else lets them in."""

    LET_IN = "let_in"
    TEXT = "text"
    WAIT = "wait"
    RESET = "reset"


@dataclass(frozen=True)
class RoleAccess:
    """A person and how they sign in. `token` is set when the link is displayed to whoever asked, once."""

    person: Person
    method: AccessMethod
    token: str = ""


def let_in(
    person: Person,
    *,
    scope: Scope,
    actor: str,
    now: datetime,
    term: RoleTerm | None = None,
    announced_at: datetime | None = None,
) -> RoleAccess:
    """A sign-in link for a person's roles, delivered as their rank and their phone allow.

    `term` is a role they just got: where it begins later, the link opens with it. `announced_at` is when
    organizers and admins were notified, if that was before `now`.
    """
    running = bool(current_terms(person, today(now)))
    terms = _terms(person, now)
    high = [one for one in terms if rank_of(one.role) >= RoleRank.ORGANIZER]
    if actor == SHELL:
        opens_at = _first([term] if term else terms, now)
        token = make_link(person, actor, kind=LinkKind.SHELL, opens_at=opens_at, now=now)
        return RoleAccess(person, AccessMethod.DISPLAYED, token)
    if high:
        begins = _first([term] if term in high else high, now)
        return _let_organizer_in(person, begins, actor, now, announced_at or now)
    if not running or not may_manage_person(scope, person, today(now)):
        return RoleAccess(person, AccessMethod.CODE)
    return RoleAccess(
        person, AccessMethod.DISPLAYED, make_link(person, actor, kind=LinkKind.DISPLAYED, now=now)
    )


def fresh_link(
    person: Person, *, scope: Scope, actor: str, now: datetime, stepped_up: bool = False
) -> RoleAccess:
    """A new one-time link for somebody who cannot sign in; their older ones end. Passkeys, app and recovery
    codes stay, and are asked for.

    For an organizer or admin it may be a reset: see `link_effect`. Refused: "not_yours" when they hold a role
    outside `scope`, since the link opens all they may see; "step_up".
    """
    _refuse_others(person, scope, now)
    with atomic():
        refuse_unproved(highest_rank(person, now), actor, stepped_up)
        effect = LinkEffect.LET_IN if actor == SHELL else link_effect(person, now=now)
        if effect is LinkEffect.RESET:
            return _restart_or_ask(person, AdminChangeRequest(AdminChangeKind.RESTART), scope, actor, now)
        if effect is LinkEffect.WAIT:
            return _let_in_after_wait(person, actor, now, announced_at=now)
        return let_in(person, scope=scope, actor=actor, now=now)


def link_effect(person: Person, *, now: datetime) -> LinkEffect:
    """What a fresh link, made by somebody else on the page People, is for this person."""
    if highest_rank(person, now) < RoleRank.ORGANIZER:
        return LinkEffect.LET_IN
    if can_be_texted(person):
        return LinkEffect.TEXT
    return LinkEffect.WAIT if has_second_factor(person, now=now) else LinkEffect.RESET


def start_anew(
    person: Person, *, scope: Scope, actor: str, now: datetime, stepped_up: bool = False
) -> RoleAccess:
    """Reset the sign-in of somebody who lost passkey, app and codes: those end, they are signed out
    everywhere, and get a new link.

    An admin's reset needs a second admin, except from the shell. Refused: see `fresh_link`.
    """
    _refuse_others(person, scope, now)
    with atomic():
        refuse_unproved(highest_rank(person, now), actor, stepped_up)
        return _restart_or_ask(person, AdminChangeRequest(AdminChangeKind.RESTART), scope, actor, now)


def change_number(
    person: Person, typed: str, *, scope: Scope, actor: str, now: datetime, stepped_up: bool = False
) -> RoleAccess:
    """Change the number somebody signs in with. It is a reset as well, and the old number gets a text.

    Refused: see `start_anew`, and "bad_phone", "number_taken" for one that somebody else signs in with.
    """
    phone = normalize(typed).phone
    if phone is None:
        raise Refused("bad_phone", _("Type a mobile number with its area code, 10 digits."))
    _refuse_others(person, scope, now)
    with atomic():
        refuse_unproved(highest_rank(person, now), actor, stepped_up)
        if phone == person.phone:
            return RoleAccess(person, AccessMethod.CODE)
        _refuse_taken(phone)
        return _restart_or_ask(
            person, AdminChangeRequest(AdminChangeKind.NUMBER, phone=phone), scope, actor, now
        )


def restart(
    person: Person, actor: str, *, now: datetime, phone: str | None = None, also: str | None = None
) -> None:
    """Make everything by which a person signed in until now invalid; `actor` (and `also`) becomes their
    sponsor. With `phone` they sign in with that number from now on. Refused: "number_taken"."""
    with atomic() as session:
        if phone is not None:
            _refuse_taken(phone)
            notify_old_number(person, now=now)
            old = person.phone_index.hex() if person.phone_index else None
            person.phone, person.phone_index = phone, blind_index("phone", phone)
            audit.note(actor, "person.number", person.id, now=now)
            journal.note("person.number", {"person": str(person.id), "old": old}, now=now)
        forget_second_factors(person, actor, now=now)
        end_links(person, now=now)
        for one in (actor, also):
            if one:
                note_sponsor(person, one, now)
        session.flush()


def repeat_number(person_id: uuid.UUID, old: bytes) -> None:
    """A number that somebody gave up in minutes which a restore has lost opens nothing again. The new one is
    in no journal: until it is typed again they sign in with a passkey, or by a link."""
    with atomic() as session:
        own = Person.id == person_id, Person.phone_index == old
        session.execute(update(Person).where(*own).values(phone_enc=None, phone_index=None))


def refuse_unproved(rank: RoleRank, actor: str, stepped_up: bool) -> None:
    """Refuse to give the power of an organizer or admin without a fresh step-up; the shell needs none."""
    if rank >= RoleRank.ORGANIZER and actor != SHELL and not stepped_up:
        raise Refused("step_up", _("Confirm first that it is you."), status=403)


def stop_link(person: Person, actor: str, *, now: datetime) -> None:
    """End a person's links, also one that does not open yet."""
    with atomic():
        end_links(person, now=now)
        audit.note(actor, "link.stop", person.id, now=now)


def _let_organizer_in(
    person: Person, begins: datetime, actor: str, now: datetime, announced_at: datetime
) -> RoleAccess:
    if can_be_texted(person):
        token = make_link(person, actor, kind=LinkKind.TEXTED, opens_at=begins, now=now)
        text_link(person, token, opens_at=begins, now=now)
        return RoleAccess(person, AccessMethod.TEXTED)
    if begins > now:
        return RoleAccess(person, AccessMethod.CODE)
    note_sponsor(person, actor, now)
    return _let_in_after_wait(person, actor, now, announced_at)


def _let_in_after_wait(person: Person, actor: str, now: datetime, announced_at: datetime) -> RoleAccess:
    token = make_link(person, actor, kind=LinkKind.WAITED, opens_at=announced_at + WAIT, now=now)
    notify_roles(ORGANIZERS, "link_waits", f"link_waits:{person.id}:{now.timestamp():.0f}", now=now)
    return RoleAccess(person, AccessMethod.WAITS, token)


def _restart_or_ask(
    person: Person, request: AdminChangeRequest, scope: Scope, actor: str, now: datetime
) -> RoleAccess:
    if highest_rank(person, now) is RoleRank.ADMIN and actor != SHELL:
        ask_second_admin(person, request, by=actor, now=now)
        return RoleAccess(person, AccessMethod.SECOND)
    restart(person, actor, now=now, phone=request.phone)
    return let_in(person, scope=scope, actor=actor, now=now)


def _refuse_others(person: Person, scope: Scope, now: datetime) -> None:
    if not current_terms(person, today(now)) or not may_manage_person(scope, person, today(now)):
        raise Refused("not_yours", _("Only the office can make a link for this person."), status=403)


def _refuse_taken(phone: str) -> None:
    if db.session.scalar(select(Person.id).where(Person.phone_index == blind_index("phone", phone))):
        raise Refused("number_taken", _("Somebody signs in with this number already."), status=409)


def _terms(person: Person, now: datetime) -> list[RoleTerm]:
    """The roles of a person that run, or begin later."""
    held = select(RoleTerm).where(RoleTerm.person_id == person.id, not_over(today(now)))
    return list(db.session.scalars(held))


def highest_rank(person: Person, now: datetime) -> RoleRank:
    """The highest rank among the roles that somebody holds, or will hold."""
    return max((rank_of(term.role) for term in _terms(person, now)), default=RoleRank.NONE)


def _first(terms: list[RoleTerm], now: datetime) -> datetime:
    """The moment the first of these roles begins, or `now` when it has begun."""
    zone = settings().union_timezone
    return max(now, min(begins_at(term, zone) for term in terms))
