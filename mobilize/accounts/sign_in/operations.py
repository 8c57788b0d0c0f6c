"""Sign-in by a code on one's own phone: anybody may ask, a worker texts those who may enter; or by a passkey.

Texts to one phone are few, so that it cannot be bombed. A browser that signed its person in before has an
allowance, a lane and guesses of its own, which no stranger can use up; elsewhere, when a stranger has used up
the common allowance, the last code on the phone opens the person's browser too.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from mobilize import audit
from mobilize.accounts.access.scope import scope_of, today
from mobilize.accounts.models import SIGN_IN, CodeLane, CodeRequest, Person
from mobilize.accounts.second_factor.passkeys import (
    Purpose,
    bad_passkey,
    options_to_sign_in,
    person_of_passkey,
    take_challenge,
)
from mobilize.accounts.sign_in.code_budgets import lane_use, take_from_budget
from mobilize.accounts.sign_in.one_time_codes import (
    fitting,
    phones_waiting,
    share_last_code,
    spend,
    text_code,
    update_all,
    waiting,
    wrong_code,
)
from mobilize.accounts.sign_in.sessions import begin_session
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.tokens import hash_token
from mobilize.languages import _
from mobilize.web.rate_limits import allow

TEXTS_AN_HOUR, TEXTS_A_DAY = 5, 20
# A page that offers passkeys by itself asks each time it is opened.
PASSKEYS_A_BROWSER = 30


def send_codes(*, now: datetime) -> int:
    """Look at every waiting request once and queue the texts of those who may sign in; returns how many.

    Safe to run twice and at once: a person's requests are taken under the lock of their row.
    """
    own_allowance = select(Person.phone_index).where(Person.phone_index.is_not(None))
    return sum(_send_to(phone_index, now) for phone_index in phones_waiting(SIGN_IN, own_allowance, now=now))


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


def ask_for_passkey(browser_token: str, *, now: datetime) -> str:
    """What a browser's passkey has to sign, as JSON: the same for everybody, good once, for five minutes.

    Refused: "too_many_asks" from the 31st in ten minutes on.
    """
    browser_hash = hash_token(browser_token)
    ten_minutes = timedelta(minutes=10)
    if not allow(
        "sign in by passkey", browser_hash.hex(), limit=PASSKEYS_A_BROWSER, window=ten_minutes, now=now
    ):
        raise Refused("too_many_asks", _("That was often. Wait ten minutes, then try again."), status=429)
    return options_to_sign_in(browser_hash, now=now)


def enter_passkey(credential: str, browser_token: str, *, now: datetime) -> str:
    """Sign in with a passkey alone; returns the token for the session's cookie. It is both factors, and no
    step-up: whatever is dangerous asks for it once more.

    Refused: "old_challenge" for one that this browser was not given, or that was used; else "bad_passkey",
    also when its person's last role has ended.
    """
    challenge = take_challenge(hash_token(browser_token), Purpose.SIGN_IN, now=now)
    with atomic():
        person = person_of_passkey(credential, challenge, now=now)
        if not scope_of(person, today(now)).roles:
            raise bad_passkey()
        audit.note(f"person:{person.id}", "sign_in.passkey", person.id, now=now)
        return begin_session(person, now=now, second_factor=True)


def confirm_code(person: Person, typed: str, browser_token: str, *, now: datetime) -> None:
    """Use a code up to prove that the phone is still that of the person who is signed in already.

    Refused: "wrong_code", also for a code that was texted to somebody else.
    """
    fits = [r for r in fitting(typed, browser_token, SIGN_IN, now=now) if r.person_id == person.id]
    if not fits or _spend(fits[0], now) is None:
        raise wrong_code()


def _send_to(phone_index: bytes, now: datetime) -> int:
    """Text a code for each request of a phone while texts are allowed; all others share the last code sent.

    However many ask for one phone, it takes a few statements.
    """
    with atomic() as session:
        person = session.scalar(select(Person).where(Person.phone_index == phone_index).with_for_update())
        conditions = [*waiting(SIGN_IN), CodeRequest.phone_index == phone_index]
        if person is None or not scope_of(person, today(now)).roles:
            session.execute(update_all(*conditions).values(looked_at=now))
            return 0
        in_recognized_browser = CodeRequest.browser_hash.in_(_browsers_that_signed_in(person))
        lanes = {CodeLane.KNOWN_BROWSER: in_recognized_browser, CodeLane.ROLE: ~in_recognized_browser}
        return sum(_send_in(lane, [*conditions, which], person, now) for lane, which in lanes.items())


def _send_in(lane: CodeLane, conditions: list[Any], person: Person, now: datetime) -> int:
    """Text a code for each request of one lane while allowance and budget last; all others share the last."""
    live = select(CodeRequest).where(*conditions, CodeRequest.expires_at > now)
    first = live.order_by(CodeRequest.asked_at, CodeRequest.id).limit(TEXTS_A_DAY)
    requests = db.session.scalars(first).all()
    db.session.execute(update_all(*conditions).values(looked_at=now, lane=lane))
    allowed = [request for request in requests if _may_text(request, lane, person, now)]
    for request in allowed:
        request.person_id = person.id
        text_code(request, lane, "sign_in_code", now=now)
    if person.phone_index:
        share_last_code(person.phone_index, SIGN_IN, lane, now=now)
    return len(allowed)


def _browsers_that_signed_in(person: Person) -> set[bytes]:
    used = select(CodeRequest.browser_hash).where(
        CodeRequest.person_id == person.id,
        CodeRequest.phone_index == person.phone_index,
        CodeRequest.purpose == SIGN_IN,
        CodeRequest.used_at.is_not(None),
    )
    return set(db.session.scalars(used))


def _may_text(request: CodeRequest, lane: CodeLane, person: Person, now: datetime) -> bool:
    """Whether the allowance (of a known browser its own, else the common one) and the lane's budget allow one
    more text. While the lane is used up the allowance stays as it is."""
    own_allowance = lane is CodeLane.KNOWN_BROWSER
    whose = f"{person.id}:{request.browser_hash.hex()}" if own_allowance else str(person.id)
    hour, day = timedelta(hours=1), timedelta(days=1)
    return (
        not lane_use(lane, now).is_used_up
        and allow("text a code, hour", whose, limit=TEXTS_AN_HOUR, window=hour, now=now)
        and allow("text a code, day", whose, limit=TEXTS_A_DAY, window=day, now=now)
        and take_from_budget(lane, now=now)
    )


def _spend(request: CodeRequest, now: datetime) -> Person | None:
    """The person of a request whose code was still unused and who may sign in; the code is used up then."""
    with atomic() as session:
        # The person's row first: browsers that share a code take turns.
        person = session.scalar(select(Person).where(Person.id == request.person_id).with_for_update())
        if not spend(request, now=now) or person is None or not scope_of(person, today(now)).roles:
            return None
        if person.phone_index != request.phone_index:  # texted to the number they had before
            return None
        return person
