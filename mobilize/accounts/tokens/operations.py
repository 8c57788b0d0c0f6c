"""Tokens of programs: making one, showing it once, revoking it.

A token can do what its maker may do on pages, as far as its scopes and its area go, through the same
operations. Names and phones need what an export of them needs: a reason and, from 25 members up, a second
person (`approvals`).
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from mobilize import audit, settings
from mobilize.accounts.access.scope import Scope
from mobilize.accounts.access.sponsors import actor_of
from mobilize.accounts.approvals.operations import ApprovalKind, needs_second_person, request_approval, use
from mobilize.accounts.models import Person
from mobilize.accounts.tokens.access import STARTS, TokenAccess
from mobilize.accounts.tokens.models import PERSONAL, ApiScope, ApiToken, write_scopes
from mobilize.accounts.tokens.queries import token_in_scope
from mobilize.backup import journal
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.tokens import hash_token, random_token
from mobilize.languages import _, in_every_language
from mobilize.roster.models import Area
from mobilize.roster.queries import number_of_members

LONGEST_LABEL = 80
SHORTEST_REASON, LONGEST_REASON = 8, 300
# The days a token may be made for; one for ever is forgotten about.
DAYS = (7, 30, 90, 365)
GROWTH = 1.2
_PREFIX_LENGTH = len(STARTS) + 6


@dataclass(frozen=True)
class NewToken:
    """What a token is to be: whose program it is in its maker's words, what it opens, where, for how long,
    and for names and phones what for. Without an area it is for all that its maker sees."""

    label: str
    scopes: frozenset[ApiScope]
    area: Area | None = None
    days: int = 90
    reason: str = ""


def make_token(new: NewToken, *, person: Person, scope: Scope, now: datetime) -> tuple[ApiToken, str | None]:
    """Make a token; returns it with its secret, which is stored nowhere. Every call makes another one.

    One that opens names or phones of 25 members or more has no secret yet: a second person is asked, and
    `show_token` makes it. Refused: no_label, no_scope, bad_days, no_reason, not_yours (404: an area outside
    `scope`), employer (the maker's phone or the words are the employer's), chair (403: no organizer or
    admin).
    """
    label = " ".join(new.label.split())[:LONGEST_LABEL]
    reason = " ".join(new.reason.split())[:LONGEST_REASON]
    _refuse(new, label, reason, scope)
    _refuse_employer(f"{label} {reason}", person)
    people = _people(new, scope) if new.scopes & PERSONAL else None
    waits = people is not None and needs_second_person(ApprovalKind.TOKEN, people)
    token = ApiToken(
        person_id=person.id,
        area_id=new.area.id if new.area else None,
        scopes=write_scopes(_with_what_belongs(new.scopes)),
        people=people,
        made_at=now,
        expires_at=now + timedelta(days=new.days),
        label=label,
        reason=reason or None,
    )
    secret = None if waits else _give_secret(token)
    with atomic() as session:
        session.add(token)
        session.flush()
        audit.note(actor_of(person), "token.make", f"{token.id} {token.scopes}", now=now)
        if waits:
            _ask_second_person(token, new, actor_of(person), now)
    return token, secret


def show_token(token_id: uuid.UUID, *, person: Person, now: datetime) -> tuple[ApiToken, str]:
    """The secret of an approved token, which uses the approval up.

    Refused: no_token (404) for anything that is not the person's own and waiting, second_person (403) without
    an approval.
    """
    with atomic() as session:
        token = session.get(ApiToken, token_id, with_for_update={"of": ApiToken})
        if token is None or token.person_id != person.id or token.token_hash or token.revoked_at:
            raise _no_token()
        use(ApprovalKind.TOKEN, str(token.id), now=now)
        secret = _give_secret(token)
        session.flush()
        audit.note(actor_of(person), "token.show", token.id, now=now)
        return token, secret


def refuse_unagreed_names(access: TokenAccess) -> None:
    """Refuse names to a token that opens more of them by now than needed nobody when it was made, or than a
    second person agreed to: the roster was imported since, or its maker got another area. What a roster grows
    by in a year (`GROWTH`) is let through."""
    made_for = access.people or 0
    agreed = made_for * GROWTH if needs_second_person(ApprovalKind.TOKEN, made_for) else 0
    people = number_of_members(access.scope.members())
    if needs_second_person(ApprovalKind.TOKEN, people) and people > agreed:
        message = _(
            "This token was made for the names of %(few)s members, and now there are %(many)s. Make another "
            "one, to which a second person agrees.",
            few=made_for,
            many=people,
        )
        raise Refused("second_person", message, status=403)


def revoke_token(token_id: uuid.UUID, *, person: Person, scope: Scope, now: datetime) -> ApiToken:
    """Revoke a token, and return it: the program's next request is refused. Twice revokes it once.

    Refused: no_token (404) for one that is neither theirs nor in their scope.
    """
    with atomic() as session:
        token = token_in_scope(token_id, person, scope)
        if token is None:
            raise _no_token()
        session.refresh(token, with_for_update={"of": ApiToken})
        repeat_revoke(token, by=actor_of(person), now=now)
    return token


def repeat_revoke(token: ApiToken, *, by: str, now: datetime) -> None:
    """Revoke it, unless that was done; also what a restore has given back."""
    with atomic() as session:
        if token.revoked_at is None:
            token.revoked_at, token.revoked_by = now, by
            session.flush()
            journal.note("token.revoke", {"token": str(token.id), "by": by}, now=now)
            audit.note(by, "token.revoke", token.id, now=now)


def _give_secret(token: ApiToken) -> str:
    secret = STARTS + random_token()
    token.token_hash, token.prefix = hash_token(secret), secret[:_PREFIX_LENGTH]
    return secret


def _refuse(new: NewToken, label: str, reason: str, scope: Scope) -> None:
    if not scope.is_organizer:
        raise Refused("chair", _("Tokens are made by organizers and admins."), status=403)
    if not label:
        raise Refused("no_label", _("Say which program it is for, and who looks after it."))
    if not new.scopes:
        raise Refused("no_scope", _("Tick at least one thing that the program may do."))
    if new.days not in DAYS:
        raise Refused("bad_days", _("Choose how long the token is good for."))
    if new.area is not None and not scope.sees_area(new.area.id):
        raise Refused("not_yours", _("There is no such area."), status=404)
    if new.scopes & PERSONAL and len(reason) < SHORTEST_REASON:
        raise Refused("no_reason", _("Write in a few words what the names are for."))


def _refuse_employer(words: str, person: Person) -> None:
    """A program of the employer's gets no token: not by an address of theirs, not from a desk phone."""
    chosen = settings()
    named = any(domain and domain.casefold() in words.casefold() for domain in chosen.employer_domains)
    prefixes = chosen.employer_phone_prefixes
    if named or (prefixes and person.phone and person.phone.startswith(prefixes)):
        message = _("That is an address or a phone of the employer's. No program of theirs gets a token.")
        raise Refused("employer", message, status=403)


def _with_what_belongs(scopes: frozenset[ApiScope]) -> frozenset[ApiScope]:
    """Whoever may read names may read how many they are."""
    return scopes | {ApiScope.FIGURES} if scopes & PERSONAL else scopes


def _people(new: NewToken, scope: Scope) -> int:
    """The members whose names it opens."""
    within = Scope(scope.roles, areas=frozenset({new.area.id})) if new.area else scope
    return number_of_members(within.members())


def _ask_second_person(token: ApiToken, new: NewToken, actor: str, now: datetime) -> None:
    phones = ApiScope.PHONES in new.scopes
    summary = in_every_language(
        lambda code: (
            _(
                "A program may read names and phone numbers of %(people)s members: %(label)s. "
                "What for: %(reason)s",
                people=token.people, label=token.label, reason=token.reason,
            )
            if phones
            else _(
                "A program may read the names of %(people)s members: %(label)s. What for: %(reason)s",
                people=token.people, label=token.label, reason=token.reason,
            )
        )
    )  # fmt: skip
    request_approval(ApprovalKind.TOKEN, str(token.id), summary, by=actor, area_id=token.area_id, now=now)


def _no_token() -> Refused:
    return Refused("no_token", _("There is no such token."), status=404)


def area_named(typed: str) -> Area | None:
    """The area with this id; None for the whole scope. Refused: not_yours, for anything else."""
    if not typed:
        return None
    try:
        area = db.session.get(Area, uuid.UUID(typed))
    except ValueError:
        area = None
    if area is None:
        raise Refused("not_yours", _("There is no such area."), status=404)
    return area
