"""Sign-in by a six-digit code on her phone: anybody may ask, a worker texts those who may enter.

Nobody can be locked out by a stranger. Tries are counted per browser and code, never per person. Texts to
one phone are few, so that it cannot be bombed; a browser that signed her in before has an allowance of its
own, and when a stranger has used up the common one, the last code on her phone opens her browser too.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from mobilize import audit
from mobilize.accounts.code_requests import (
    fitting,
    phones_waiting,
    share_last_code,
    spend,
    text_code,
    update_all,
    waiting,
    wrong_code,
)
from mobilize.accounts.models import SIGN_IN, CodeRequest, Person
from mobilize.accounts.scope import scope_of, today
from mobilize.accounts.sessions import begin_session
from mobilize.database import atomic, db
from mobilize.rate_limits import allow

TEXTS_AN_HOUR, TEXTS_A_DAY = 5, 20


def send_codes(*, now: datetime) -> int:
    """Look at every waiting request once and queue the texts of those who may sign in; returns how many.

    Safe to run twice and at once: a person's requests are taken under the lock of her row.
    """
    known = select(Person.phone_bix).where(Person.phone_bix.is_not(None))
    return sum(_send_to(phone_bix, now) for phone_bix in phones_waiting(SIGN_IN, known, now=now))


def enter_code(typed: str, browser_token: str, *, now: datetime) -> str:
    """Sign in with the code from the text; returns the token for the session's cookie.

    Every failure is the same `Refused("wrong_code")`: a wrong code, a stranger's, a spent one, the sixth try,
    one from another browser. The try is counted before it is looked at. A code opens one session, once.
    """
    fits = fitting(typed, browser_token, SIGN_IN, now=now)
    with atomic():
        person = _spend(fits[0], now) if fits else None
        if person is None:
            raise wrong_code()
        audit.note(f"person:{person.id}", "sign_in.code", person.id, now=now)
        return begin_session(person, now=now)


def confirm_code(person: Person, typed: str, browser_token: str, *, now: datetime) -> None:
    """Spend a code as `enter_code` does, only to show that the phone is hers who is signed in already.

    Refused: "wrong_code", also for a code that was texted to somebody else.
    """
    fits = [r for r in fitting(typed, browser_token, SIGN_IN, now=now) if r.person_id == person.id]
    if not fits or _spend(fits[0], now) is None:
        raise wrong_code()


def _send_to(phone_bix: bytes, now: datetime) -> int:
    """A code of its own for each request while texts are allowed; all others share the last code sent.

    However many ask for one phone, it takes a few statements.
    """
    with atomic() as session:
        person = session.scalar(select(Person).where(Person.phone_bix == phone_bix).with_for_update())
        hers = [*waiting(SIGN_IN), CodeRequest.phone_bix == phone_bix]
        requests = _that_may_get_a_text([*hers, CodeRequest.expires_at > now], person)
        session.execute(update_all(*hers).values(looked_at=now))
        if person is None or not scope_of(person, today(now)).roles:
            return 0
        allowed = [request for request, whose in requests if _may_text(whose, now)]
        for request in allowed:
            request.person_id = person.id
            text_code(request, "sign_in_code", now=now)
        share_last_code(phone_bix, SIGN_IN, now=now)
        return len(allowed)


def _that_may_get_a_text(live: list[Any], person: Person | None) -> list[tuple[CodeRequest, str]]:
    """The requests worth a look, and on whose allowance each goes: her known browser's, or the common one."""
    if person is None:
        return []
    known = _browsers_that_signed_in(person)
    first = select(CodeRequest).where(*live).order_by(CodeRequest.asked_at, CodeRequest.id)
    own = db.session.scalars(first.where(CodeRequest.browser_hash.in_(known)).limit(TEXTS_A_DAY))
    common = db.session.scalars(first.where(CodeRequest.browser_hash.not_in(known)).limit(TEXTS_AN_HOUR))
    return [(r, f"{person.id}:{r.browser_hash.hex()}") for r in own] + [(r, str(person.id)) for r in common]


def _browsers_that_signed_in(person: Person) -> set[bytes]:
    used = select(CodeRequest.browser_hash).where(
        CodeRequest.person_id == person.id,
        CodeRequest.phone_bix == person.phone_bix,
        CodeRequest.purpose == SIGN_IN,
        CodeRequest.used_at.is_not(None),
    )
    return set(db.session.scalars(used))


def _may_text(whose: str, now: datetime) -> bool:
    hour, day = timedelta(hours=1), timedelta(days=1)
    return allow("text a code, hour", whose, most=TEXTS_AN_HOUR, per=hour, now=now) and allow(
        "text a code, day", whose, most=TEXTS_A_DAY, per=day, now=now
    )


def _spend(request: CodeRequest, now: datetime) -> Person | None:
    """Her person, when the code was still unspent and she may sign in; nobody else can spend it after."""
    with atomic() as session:
        # Her row first: browsers that share a code take turns.
        person = session.scalar(select(Person).where(Person.id == request.person_id).with_for_update())
        if not spend(request, now=now) or person is None or not scope_of(person, today(now)).roles:
            return None
        if person.phone_bix != request.phone_bix:  # texted to the number they had before
            return None
        return person
