"""Sign-in by a six-digit code on her phone: anybody may ask, a worker texts those who may enter.

Nobody can be locked out by a stranger. Tries are counted per browser and code, never per person. Texts to
one phone are few, so that it cannot be bombed; a browser that signed her in before has an allowance of its
own, and when a stranger has used up the common one, the last code on her phone opens her browser too.
"""

import hmac
import secrets
import unicodedata
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Update, delete, func, or_, select, update

from mobilize import audit, crypto, settings
from mobilize.accounts.models import SIGN_IN, CodeRequest, Person
from mobilize.accounts.scope import scope_of, today
from mobilize.accounts.sessions import begin_session
from mobilize.crypto import blind_index
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.phones import normalize
from mobilize.rate_limits import allow
from mobilize.texts.models import Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.tokens import hash_token

GOOD_FOR = timedelta(minutes=10)
DIGITS = 6
TRIES = 5
# All browsers together that one code opens: a guesser's chance stays under 1 in 40,000 for each code texted.
TRIES_OF_ALL = 25
ASKS_A_BROWSER = 6
TEXTS_AN_HOUR, TEXTS_A_DAY = 5, 20
PHONES_A_TICK = 100
REMEMBER_BROWSER = timedelta(days=180)


def ask_for_code(
    phone_typed: str, browser_token: str, *, language: str, now: datetime, purpose: str = SIGN_IN
) -> None:
    """Write down that this browser asks for a code; `send_codes` decides. The same for person and stranger.

    With another `purpose` it waits for the room above that texts such codes.

    Refused: "bad_phone" for what is no number, "too_many_asks" after 6 in 10 minutes from one browser.
    Asking twice makes two requests; the codes of both are good in this browser.
    """
    phone = normalize(phone_typed).phone
    if phone is None:
        raise Refused("bad_phone", _("Type your mobile number with its area code, 10 digits."))
    browser_hash = hash_token(browser_token)
    if not allow("ask for a code", browser_hash.hex(), most=ASKS_A_BROWSER, per=GOOD_FOR, now=now):
        raise Refused(
            "too_many_asks", _("You asked for many codes. Wait ten minutes, then ask again."), status=429
        )
    with atomic() as session:
        request = CodeRequest(
            phone_bix=blind_index("phone", phone),
            browser_hash=browser_hash,
            language=language,
            purpose=purpose,
            asked_at=now,
            expires_at=now + GOOD_FOR,
        )
        request.phone = phone
        session.add(request)


def send_codes(*, now: datetime) -> int:
    """Look at every waiting request once and queue the texts of those who may sign in; returns how many.

    Strangers' requests are set aside in one statement, so that a flood of them delays nobody. Safe to run
    twice and at once: a person's requests are taken under the lock of her row.
    """
    _set_aside_strangers(now)
    waiting = select(CodeRequest.phone_bix).where(*_waiting()).distinct()
    phones = db.session.scalars(waiting.limit(PHONES_A_TICK)).all()
    return sum(_send_to(phone_bix, now) for phone_bix in phones)


def enter_code(typed: str, browser_token: str, *, now: datetime) -> str:
    """Sign in with the code from the text; returns the token for the session's cookie.

    Every failure is the same `Refused("wrong_code")`: a wrong code, a stranger's, a spent one, the sixth try,
    one from another browser. The try is counted before it is looked at. A code opens one session, once.
    """
    fitting = _fitting(typed, browser_token, now)
    with atomic():
        person = _spend(fitting[0], now) if fitting else None
        if person is None:
            raise wrong_code()
        audit.note(f"person:{person.id}", "sign_in.code", person.id, now=now)
        return begin_session(person, now=now)


def confirm_code(person: Person, typed: str, browser_token: str, *, now: datetime) -> None:
    """Spend a code as `enter_code` does, only to show that the phone is hers who is signed in already.

    Refused: "wrong_code", also for a code that was texted to somebody else.
    """
    fitting = [r for r in _fitting(typed, browser_token, now) if r.person_id == person.id]
    if not fitting or _spend(fitting[0], now) is None:
        raise wrong_code()


def forget_code_requests(*, now: datetime) -> int:
    """Delete requests after a day, and after 180 days those that made a browser known as hers."""
    old = or_(
        CodeRequest.used_at < now - REMEMBER_BROWSER,
        CodeRequest.used_at.is_(None) & (CodeRequest.asked_at < now - timedelta(days=1)),
    )
    with atomic() as session:
        return int(session.execute(delete(CodeRequest).where(old)).rowcount)  # type: ignore[attr-defined]


def digits_in(typed: str) -> str:
    """The digits of a code as somebody typed it."""
    return "".join(c for c in unicodedata.normalize("NFKC", typed) if c.isdigit())[:32]


def _fitting(typed: str, browser_token: str, now: datetime) -> list[CodeRequest]:
    digits = digits_in(typed)
    return [r for r in count_try(hash_token(browser_token), SIGN_IN, now) if fits(r, digits)]


def _set_aside_strangers(now: datetime) -> None:
    known = select(Person.phone_bix).where(Person.phone_bix.is_not(None))
    with atomic() as session:
        session.execute(_bulk(*_waiting(), CodeRequest.phone_bix.not_in(known)).values(looked_at=now))


def _waiting() -> list[Any]:
    return [CodeRequest.looked_at.is_(None), CodeRequest.purpose == SIGN_IN]


def _send_to(phone_bix: bytes, now: datetime) -> int:
    """A code of its own for each request while texts are allowed; all others share the last code sent.

    However many ask for one phone, it takes a few statements.
    """
    with atomic() as session:
        person = session.scalar(select(Person).where(Person.phone_bix == phone_bix).with_for_update())
        hers = [*_waiting(), CodeRequest.phone_bix == phone_bix]
        requests = _that_may_get_a_text([*hers, CodeRequest.expires_at > now], person)
        session.execute(_bulk(*hers).values(looked_at=now))
        if person is None or not scope_of(person, today(now)).roles:
            return 0
        allowed = [request for request, whose in requests if _may_text(whose, now)]
        for request in allowed:
            _text_code(request, person, now)
        _share_last_code(person, now)
        return len(allowed)


def _that_may_get_a_text(waiting: list[Any], person: Person | None) -> list[tuple[CodeRequest, str]]:
    """The requests worth a look, and on whose allowance each goes: her known browser's, or the common one."""
    if person is None:
        return []
    known = _browsers_that_signed_in(person)
    first = select(CodeRequest).where(*waiting).order_by(CodeRequest.asked_at, CodeRequest.id)
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


def _text_code(request: CodeRequest, person: Person, now: datetime) -> None:
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    request.code_hash, request.person_id = code_hash(request.phone_bix, code), person.id
    db.session.flush()
    text = PlannedText(
        purpose=f"sign_in_code:{request.id}:1",
        phone=request.phone,
        wording="sign_in_code",
        language=request.language,
        klass=TextClass.ASKED,
        tz=settings().union_timezone,
        due_at=now,
        useless_after=request.expires_at,
        priority=Priority.CODE,
        blanks={"code": code},
    )
    queue_texts([text], now=now)


def _share_last_code(person: Person, now: datetime) -> None:
    """What was looked at just now and got no code of its own is opened by the last one on her phone."""
    hers = [
        CodeRequest.phone_bix == person.phone_bix,
        CodeRequest.purpose == SIGN_IN,
        CodeRequest.used_at.is_(None),
        CodeRequest.expires_at > now,
    ]
    last = db.session.scalar(
        select(CodeRequest)
        .where(*hers, CodeRequest.code_hash.is_not(None))
        .order_by(CodeRequest.expires_at.desc(), CodeRequest.id.desc())
        .limit(1)
    )
    if last is not None:
        shared = {"code_hash": last.code_hash, "person_id": person.id, "expires_at": last.expires_at}
        without = [*hers, CodeRequest.looked_at == now, CodeRequest.code_hash.is_(None)]
        db.session.execute(_bulk(*without).values(shared))


def _bulk(*which: Any) -> Update:
    return update(CodeRequest).where(*which).execution_options(synchronize_session=False)


def count_try(browser_hash: bytes, purpose: str, now: datetime) -> list[CodeRequest]:
    """One more try on every live request of this browser; those that were texted a code and may still be
    compared with it come back. The try is stored whatever comes of it."""
    with atomic() as session:
        counted = session.scalars(
            update(CodeRequest)
            .where(
                CodeRequest.browser_hash == browser_hash,
                CodeRequest.purpose == purpose,
                CodeRequest.expires_at > now,
                CodeRequest.used_at.is_(None),
                CodeRequest.tries < TRIES,
            )
            .values(tries=CodeRequest.tries + 1)
            .returning(CodeRequest.id)
            .execution_options(synchronize_session=False)
        ).all()
    found = select(CodeRequest).where(CodeRequest.id.in_(counted), CodeRequest.code_hash.is_not(None))
    return [request for request in db.session.scalars(found) if _tries_of_all(request) <= TRIES_OF_ALL]


def _tries_of_all(request: CodeRequest) -> int:
    all_tries = select(func.sum(CodeRequest.tries)).where(*_of_the_same_code(request))
    return int(db.session.scalar(all_tries) or 0)


def _of_the_same_code(request: CodeRequest) -> list[Any]:
    return [
        CodeRequest.phone_bix == request.phone_bix,
        CodeRequest.purpose == request.purpose,
        CodeRequest.code_hash == request.code_hash,
        CodeRequest.used_at.is_(None),
    ]


def fits(request: CodeRequest, digits: str) -> bool:
    """Is this the code the request was texted?"""
    return hmac.compare_digest(request.code_hash or b"", code_hash(request.phone_bix, digits))


def _spend(request: CodeRequest, now: datetime) -> Person | None:
    """Her person, when the code was still unspent and she may sign in; nobody else can spend it after."""
    same_code = _of_the_same_code(request)
    with atomic() as session:
        # Her row first: browsers that share a code take turns.
        person = session.scalar(select(Person).where(Person.id == request.person_id).with_for_update())
        mine = update(CodeRequest).where(
            CodeRequest.id == request.id, CodeRequest.used_at.is_(None), CodeRequest.expires_at > now
        )
        spent = session.execute(mine.values(used_at=now).execution_options(synchronize_session=False))
        session.execute(_bulk(*same_code).values(expires_at=now))
        if not spent.rowcount or person is None or not scope_of(person, today(now)).roles:  # type: ignore[attr-defined]
            return None
        return person


def code_hash(phone_bix: bytes, code: str) -> bytes:
    """What is stored of a code."""
    # Keyed, since six digits alone are found again from a plain hash at once.
    return hmac.digest(crypto.derive("sign-in codes"), phone_bix + code.encode(), "sha256")


def wrong_code() -> Refused:
    """What everybody hears about a code that opens nothing."""
    return Refused(
        "wrong_code",
        _("That code does not open this. Look at the last text again, or ask for a new code."),
    )
