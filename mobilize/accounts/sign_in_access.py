"""How somebody gets in who holds a role: which link, who sees it, and starting anew.

Whoever makes, restarts or extends an organizer or admin never sees the link: it goes by text to that
person's own phone. Where no text reaches them, the operator's shell prints one, or it opens a day later, when
everybody was told.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from mobilize import audit, settings
from mobilize.accounts.admin_changes import Wanted, ask_second_admin
from mobilize.accounts.authority import WAIT, Rank, begins_at, rank_of
from mobilize.accounts.links import end_links, make_link
from mobilize.accounts.models import AdminDeed, LinkKind, Person, RoleTerm
from mobilize.accounts.notices import ORGANIZERS, can_be_texted, tell, tell_old_number, text_link
from mobilize.accounts.queries import current_terms, may_manage_person
from mobilize.accounts.scope import Scope, not_over, today
from mobilize.accounts.second_steps import forget_second_steps
from mobilize.accounts.sponsors import note_sponsor
from mobilize.crypto import blind_index
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.phones import normalize

SHELL = "shell"


class Way(StrEnum):
    """How somebody gets in: by a code alone, by a link that is shown here, that was texted to them, that is
    shown and opens in a day; or only when a second admin has agreed."""

    CODE = "code"
    SHOWN = "shown"
    TEXTED = "texted"
    WAITS = "waits"
    SECOND = "second"


@dataclass(frozen=True)
class Access:
    """`token` is there when the link is for the eyes of whoever asked: it is told only here."""

    person: Person
    way: Way
    token: str = ""


def let_in(
    person: Person,
    *,
    scope: Scope,
    actor: str,
    now: datetime,
    term: RoleTerm | None = None,
    told_at: datetime | None = None,
) -> Access:
    """A link for what this person is, or is to be, in the way their rank and their phone allow.

    `term` is a role they were just given: where it begins later, the link opens with it. `told_at` is when
    everybody was told of it, if that was before `now`.
    """
    running = bool(current_terms(person, today(now)))
    terms = _terms(person, now)
    high = [one for one in terms if rank_of(one.role) >= Rank.ORGANIZER]
    if actor == SHELL:
        opens_at = _first([term] if term else terms, now)
        token = make_link(person, actor, kind=LinkKind.SHELL, opens_at=opens_at, now=now)
        return Access(person, Way.SHOWN, token)
    if high:
        begins = _first([term] if term in high else high, now)
        return _let_organizer_in(person, begins, actor, now, told_at or now)
    if not running or not may_manage_person(scope, person, today(now)):
        return Access(person, Way.CODE)
    return Access(person, Way.SHOWN, make_link(person, actor, kind=LinkKind.SHOWN, now=now))


def fresh_link(
    person: Person, *, scope: Scope, actor: str, now: datetime, stepped_up: bool = False
) -> Access:
    """A new one-time link for somebody who cannot get in; their older ones end.

    For an organizer or admin whom no text reaches it is a restart: see `start_anew`. Refused: "not_yours"
    when they hold a role outside `scope`, since the link opens all they may see; "step_up".
    """
    _refuse_others(person, scope, now)
    with atomic():
        rank = highest_rank(person, now)
        refuse_unproved(rank, actor, stepped_up)
        if rank >= Rank.ORGANIZER and actor != SHELL and not can_be_texted(person):
            return _restart_or_ask(person, Wanted(AdminDeed.RESTART), scope, actor, now)
        return let_in(person, scope=scope, actor=actor, now=now)


def start_anew(
    person: Person, *, scope: Scope, actor: str, now: datetime, stepped_up: bool = False
) -> Access:
    """They have lost passkey, app and codes: those end, they are signed out everywhere, and get a new link.

    An admin's wants a second admin, except from the shell. Refused: as `fresh_link`.
    """
    _refuse_others(person, scope, now)
    with atomic():
        refuse_unproved(highest_rank(person, now), actor, stepped_up)
        return _restart_or_ask(person, Wanted(AdminDeed.RESTART), scope, actor, now)


def change_number(
    person: Person, typed: str, *, scope: Scope, actor: str, now: datetime, stepped_up: bool = False
) -> Access:
    """From now on they sign in with another number. It counts as a restart, and the old number is told.

    Refused: as `start_anew`, and "bad_phone", "number_taken" for one that somebody else signs in with.
    """
    phone = normalize(typed).phone
    if phone is None:
        raise Refused("bad_phone", _("Type a mobile number with its area code, 10 digits."))
    _refuse_others(person, scope, now)
    with atomic():
        refuse_unproved(highest_rank(person, now), actor, stepped_up)
        if phone == person.phone:
            return Access(person, Way.CODE)
        _refuse_taken(phone)
        return _restart_or_ask(person, Wanted(AdminDeed.NUMBER, phone=phone), scope, actor, now)


def restart(
    person: Person, actor: str, *, now: datetime, phone: str | None = None, also: str | None = None
) -> None:
    """Nothing by which they signed in until now counts any more; `actor` (and `also`) is never again their
    second person. With `phone` they sign in with that number from now on. Refused: "number_taken"."""
    with atomic() as session:
        if phone is not None:
            _refuse_taken(phone)
            tell_old_number(person, now=now)
            person.phone, person.phone_bix = phone, blind_index("phone", phone)
            audit.note(actor, "person.number", person.id, now=now)
        forget_second_steps(person, actor, now=now)
        end_links(person, now=now)
        for one in (actor, also):
            if one:
                note_sponsor(person, one, now)
        session.flush()


def refuse_unproved(rank: Rank, actor: str, stepped_up: bool) -> None:
    """What gives the power of an organizer or admin wants a fresh proof of who does it; the shell is the
    operator's."""
    if rank >= Rank.ORGANIZER and actor != SHELL and not stepped_up:
        raise Refused("step_up", _("Confirm first that it is you."), status=403)


def stop_link(person: Person, actor: str, *, now: datetime) -> None:
    """A link that waits for its day opens nothing any more."""
    with atomic():
        end_links(person, now=now)
        audit.note(actor, "link.stop", person.id, now=now)


def _let_organizer_in(
    person: Person, begins: datetime, actor: str, now: datetime, told_at: datetime
) -> Access:
    if can_be_texted(person):
        token = make_link(person, actor, kind=LinkKind.TEXTED, opens_at=begins, now=now)
        text_link(person, token, opens_at=begins, now=now)
        return Access(person, Way.TEXTED)
    if begins > now:
        return Access(person, Way.CODE)
    token = make_link(person, actor, kind=LinkKind.WAITED, opens_at=told_at + WAIT, now=now)
    note_sponsor(person, actor, now)
    tell(ORGANIZERS, "link_waits", f"link_waits:{person.id}:{now.timestamp():.0f}", now=now)
    return Access(person, Way.WAITS, token)


def _restart_or_ask(person: Person, wanted: Wanted, scope: Scope, actor: str, now: datetime) -> Access:
    if highest_rank(person, now) is Rank.ADMIN and actor != SHELL:
        ask_second_admin(person, wanted, by=actor, now=now)
        return Access(person, Way.SECOND)
    restart(person, actor, now=now, phone=wanted.phone)
    return let_in(person, scope=scope, actor=actor, now=now)


def _refuse_others(person: Person, scope: Scope, now: datetime) -> None:
    if not current_terms(person, today(now)) or not may_manage_person(scope, person, today(now)):
        raise Refused("not_yours", _("Only the office can make a link for this person."), status=403)


def _refuse_taken(phone: str) -> None:
    if db.session.scalar(select(Person.id).where(Person.phone_bix == blind_index("phone", phone))):
        raise Refused("number_taken", _("Somebody signs in with this number already."), status=409)


def _terms(person: Person, now: datetime) -> list[RoleTerm]:
    """The roles that run, or begin later."""
    held = select(RoleTerm).where(RoleTerm.person_id == person.id, not_over(today(now)))
    return list(db.session.scalars(held))


def highest_rank(person: Person, now: datetime) -> Rank:
    """The highest of the roles somebody holds, or is to hold later."""
    return max((rank_of(term.role) for term in _terms(person, now)), default=Rank.NONE)


def _first(terms: list[RoleTerm], now: datetime) -> datetime:
    """When the first of these begins; `now` for what has begun."""
    zone = settings().union_timezone
    return max(now, min(begins_at(term, zone) for term in terms))
