"""Sessions of people who sign in. The cookie holds a random token; the database holds its hash."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import request
from sqlalchemy import select, update
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from mobilize import audit, settings
from mobilize.accounts.access.authority import PersonAuthority, counts, opens
from mobilize.accounts.access.scope import authority_of
from mobilize.accounts.models import (
    AuthenticatorApp,
    Device,
    Passkey,
    Person,
    SignedInSession,
    SignInBy,
)
from mobilize.backup import journal
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.tokens import hash_token, random_token
from mobilize.languages import _

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
# How long a step-up is valid for dangerous operations: exports, broadcasts, approvals.
FRESH = timedelta(minutes=10)
# The cookie that names a browser between two steps of sign-in.
BROWSER = "browser"
# And the one that names it to whoever takes what its passkey signed. The page asks for that by itself, maybe
# while its form is on the way: with one cookie for both, the answer that came last would end the other.
PASSKEY = "passkey"
_NOTE_EVERY = timedelta(minutes=1)


def cookie_name(name: str) -> str:
    """`__Host-name` over HTTPS. Plain on a demo's http://localhost, where some browsers refuse the prefix."""
    return f"__Host-{name}" if settings().is_secure else name


def begin_session(
    person: Person, *, now: datetime, by: SignInBy = SignInBy.CODE, second_factor: bool = False
) -> str:
    """Sign `person` in and return the token for their cookie: always a new one, whoever was signed in.

    Organizers, admins, and whoever has set up a passkey or an app are half in with it, until
    `second_factor.operations.verify_second_factor`; or not, where a passkey was both, or an identity provider
    has asked for a `second_factor`, which is no step-up. A demo's link lets everybody in at once.
    """
    token = random_token()
    second_needed = authority_of(person, now).is_organizer or has_second_factor(person, now=now)
    spared = second_needed and by is SignInBy.LINK and settings().is_demo
    with atomic() as session:
        session.add(
            SignedInSession(
                token_hash=hash_token(token),
                person_id=person.id,
                began_at=now,
                seen_at=now,
                ends_at=now + ABSOLUTE,
                began_by=by,
                second_asked=second_needed,
                second_at=now if spared or (second_needed and second_factor) else None,
                stepped_up_at=None if second_needed and not spared else now,
            )
        )
    return token


def current_session(*, now: datetime, by_itself: bool = False) -> SignedInSession | None:
    """The running session of this request's cookie; None when there is none, or it has been idle too long.
    What a page asks `by_itself` keeps it no longer alive."""
    token = request.cookies.get(cookie_name("session"))
    if not token:
        return None
    who = joinedload(SignedInSession.person)
    running = db.session.get(SignedInSession, hash_token(token), options=[who])
    if running is None or not _runs(running, now):
        return None
    return running if by_itself else _touch(running, now)


def is_over(running: SignedInSession, of: PersonAuthority) -> bool:
    """Whether the session is older than its person's authority, so that they have to sign in anew."""
    return not opens(of, running.began_by, running.began_at)


def is_half_in(running: SignedInSession, of: PersonAuthority) -> bool:
    """Whether the code was entered and the second factor is still missing."""
    return running.second_at is None and (running.second_asked or of.is_organizer)


def is_fresh(running: SignedInSession, *, now: datetime) -> bool:
    """Whether the session's person has proved again within the last ten minutes who they are."""
    return running.stepped_up_at is not None and now - running.stepped_up_at <= FRESH


def renew_session(running: SignedInSession, *, now: datetime, second: bool = False) -> str:
    """A new token for a session whose person has just proved who they are. The old one ends.

    With `second` they are no longer half in. Of two at once one wins; the other is refused ("signed_out").
    """
    token, old = random_token(), running.token_hash
    with atomic() as session:
        still_open = select(SignedInSession).where(
            SignedInSession.token_hash == old, SignedInSession.ended_at.is_(None)
        )
        if session.scalar(still_open.with_for_update()) is None:
            raise signed_out()
        running.token_hash, running.tries = hash_token(token), 0
        running.stepped_up_at = running.seen_at = now
        if second:
            running.second_at, running.second_asked = now, True
        session.flush()
    return token


def end_session(running: SignedInSession, *, now: datetime) -> None:
    """Sign out this browser; the next request with its cookie is a stranger's."""
    with atomic():
        running.ended_at = now
        audit.note(f"person:{running.person_id}", "sign_out", running.person_id, now=now)
        _journal_end(running.person_id, running.token_hash, now=now)


def running_sessions(person: Person, *, now: datetime) -> Sequence[SignedInSession]:
    """The running sessions of a person, the last one used first."""
    running = select(SignedInSession).where(
        SignedInSession.person_id == person.id,
        SignedInSession.ended_at.is_(None),
        SignedInSession.ends_at > now,
        SignedInSession.seen_at >= now - IDLE,
    )
    return db.session.scalars(running.order_by(SignedInSession.seen_at.desc())).all()


def end_own_session(person: Person, handle: uuid.UUID, *, now: datetime) -> None:
    """End one of a person's own sessions. Refused: "no_session" when it is another's, or has ended."""
    with atomic():
        running = _session_of(person, handle, now)
        running.ended_at = now
        audit.note(f"person:{person.id}", "session.end", person.id, now=now)
        _journal_end(person.id, running.token_hash, now=now)


def end_all_sessions(person_id: uuid.UUID, *, now: datetime) -> None:
    """Sign a person out everywhere."""
    with atomic() as session:
        session.execute(
            update(SignedInSession)
            .where(SignedInSession.person_id == person_id, SignedInSession.ended_at.is_(None))
            .values(ended_at=now)
            .execution_options(synchronize_session=False)
        )
        _journal_end(person_id, None, now=now)


def repeat_end(person_id: uuid.UUID, token_hash: bytes | None, *, now: datetime) -> None:
    """End a person's session again, or all that had begun by then (`token_hash` is None), which had ended in
    minutes that a restore has lost."""
    running = SignedInSession.person_id == person_id, SignedInSession.ended_at.is_(None)
    one = SignedInSession.began_at <= now if token_hash is None else SignedInSession.token_hash == token_hash
    with atomic() as session:
        ended = update(SignedInSession).where(*running, one).values(ended_at=now)
        session.execute(ended.execution_options(synchronize_session=False))


def _journal_end(person_id: uuid.UUID, token_hash: bytes | None, *, now: datetime) -> None:
    token = token_hash.hex() if token_hash else None
    journal.note("session.end", {"person": str(person_id), "token": token}, now=now)


def name_device(person: Person, handle: uuid.UUID, device: Device | None, *, now: datetime) -> None:
    """Name the device of one of a person's own sessions. Refused: "no_session"."""
    with atomic():
        _session_of(person, handle, now).device = device


def has_second_factor(person: Person, *, now: datetime) -> bool:
    """Whether a person has a passkey or a confirmed app that is valid for their roles now."""
    passkeys = select(Passkey.made_at).where(Passkey.person_id == person.id)
    apps = select(AuthenticatorApp.made_at).where(
        AuthenticatorApp.person_id == person.id, AuthenticatorApp.confirmed_at.is_not(None)
    )
    enrolled = db.session.scalars(passkeys.union_all(apps)).all()
    if not enrolled:
        return False
    of = authority_of(person, now)
    return any(counts(of, moment) for moment in enrolled)


def signed_out() -> Refused:
    """The refusal of a request whose session ended meanwhile."""
    return Refused("signed_out", _("You were signed out. Sign in again."), status=401)


def give_cookie(response: Response, name: str, token: str, *, lasts: timedelta, strict: bool = False) -> None:
    """Set a cookie only we read, over HTTPS only where there is HTTPS."""
    response.set_cookie(
        cookie_name(name),
        token,
        max_age=int(lasts.total_seconds()),
        secure=settings().is_secure,
        httponly=True,
        samesite="Strict" if strict else "Lax",
        path="/",
    )


def take_cookie(response: Response, name: str) -> None:
    """Remove a cookie that `give_cookie` set."""
    response.delete_cookie(cookie_name(name), path="/", secure=settings().is_secure, httponly=True)


def _runs(running: SignedInSession, now: datetime) -> bool:
    return running.ended_at is None and now < running.ends_at and now - running.seen_at <= IDLE


def _touch(running: SignedInSession, now: datetime) -> SignedInSession:
    # Once a minute is enough for a limit of thirty, and spares a write on every page.
    if now - running.seen_at > _NOTE_EVERY:
        with atomic():
            running.seen_at = now
    return running


def _session_of(person: Person, handle: uuid.UUID, now: datetime) -> SignedInSession:
    running = next((one for one in running_sessions(person, now=now) if one.handle == handle), None)
    if running is None:
        raise Refused("no_session", _("This session has ended already."), status=404)
    return running
