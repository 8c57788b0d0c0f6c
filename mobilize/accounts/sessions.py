"""Who is signed in, in which browser. The cookie holds a random token; the database holds its hash."""

from datetime import datetime, timedelta

from flask import request
from werkzeug.wrappers import Response

from mobilize import settings
from mobilize.accounts.models import Person, SignedInSession
from mobilize.database import atomic, db
from mobilize.tokens import hash_token, random_token

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
_NOTE_EVERY = timedelta(minutes=1)


def cookie_name(name: str) -> str:
    """`__Host-name` over HTTPS. Plain on a demo's http://localhost, where some browsers refuse the prefix."""
    return f"__Host-{name}" if settings().is_secure else name


def begin_session(person: Person, *, now: datetime) -> str:
    """Sign `person` in and return the token for her cookie: always a new one, whoever was signed in."""
    token = random_token()
    with atomic() as session:
        session.add(
            SignedInSession(
                token_hash=hash_token(token),
                person_id=person.id,
                began_at=now,
                seen_at=now,
                ends_at=now + ABSOLUTE,
            )
        )
    return token


def current_session(*, now: datetime) -> SignedInSession | None:
    """The running session of this request's cookie; None when there is none, or it has been idle too long."""
    token = request.cookies.get(cookie_name("session"))
    if not token:
        return None
    running = db.session.get(SignedInSession, hash_token(token))
    if running is None or running.ended_at or now >= running.ends_at or now - running.seen_at > IDLE:
        return None
    return _seen(running, now)


def end_session(running: SignedInSession, *, now: datetime) -> None:
    """Sign out this browser; the next request with its cookie is a stranger's."""
    with atomic():
        running.ended_at = now


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
    """Remove it again."""
    response.delete_cookie(cookie_name(name), path="/", secure=settings().is_secure, httponly=True)


def _seen(running: SignedInSession, now: datetime) -> SignedInSession:
    # Once a minute is enough for a limit of thirty, and spares a write on every page.
    if now - running.seen_at > _NOTE_EVERY:
        with atomic():
            running.seen_at = now
    return running
