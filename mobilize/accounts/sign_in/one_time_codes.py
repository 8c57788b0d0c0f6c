"""One-time codes of eight digits by text, for every purpose: requesting, texting and checking them.

Every request costs the same work whether or not the phone is known here: else the response time would tell.
Tries are counted per browser and code. Guesses at one phone are counted by the day too: those of all browsers
that are not known together, those of each known browser apart, so that a stranger who uses the first up shuts
nobody out of their own phone. `docs/threats.md` has the odds of a guesser.
"""

import hmac
import secrets
import unicodedata
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, Update, and_, case, delete, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from mobilize import settings
from mobilize.accounts.models import SIGN_IN, CodeLane, CodeRequest
from mobilize.accounts.sign_in.code_budgets import PRIORITIES
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys import crypto
from mobilize.keys.crypto import blind_index
from mobilize.keys.tokens import hash_token
from mobilize.languages import _
from mobilize.phones import normalize
from mobilize.texts.models import TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.templates import union_that_fits
from mobilize.web.rate_limits import allow

GOOD_FOR = timedelta(minutes=10)
DIGITS = 8
TRIES = 5
# All browsers together that one code opens.
TRIES_OF_ALL = 10
# At one phone, from all browsers that are not known, and from each that is. A guess is one code compared.
GUESSES_A_DAY = 100
A_DAY = timedelta(days=1)
ASKS_A_BROWSER = 6
PHONES_A_TICK = 50
UNUSED_CODES_KEPT = timedelta(days=1)
# After its code was used.
REMEMBER_BROWSER = timedelta(days=180)


def ask_for_code(
    phone_typed: str, browser_token: str, *, language: str, now: datetime, purpose: str = SIGN_IN
) -> None:
    """Store a browser's request for a code; a worker decides later, so that a stranger sees no difference.

    `purpose` says what the code opens, and so which worker handles the request.

    Refused: "bad_phone" for what is no number, "too_many_asks" after 6 in 10 minutes from one browser.
    Asking twice makes two requests; the codes of both are good in this browser.
    """
    phone = normalize(phone_typed).phone
    if phone is None:
        raise Refused("bad_phone", _("Type your mobile number with its area code, 10 digits."))
    browser_hash = hash_token(browser_token)
    if not allow("ask for a code", browser_hash.hex(), limit=ASKS_A_BROWSER, window=GOOD_FOR, now=now):
        raise Refused(
            "too_many_asks", _("You asked for many codes. Wait ten minutes, then ask again."), status=429
        )
    with atomic() as session:
        request = CodeRequest(
            phone_index=blind_index("phone", phone),
            browser_hash=browser_hash,
            language=language,
            purpose=purpose,
            asked_at=now,
            expires_at=now + GOOD_FOR,
        )
        request.phone = phone
        session.add(request)


def waiting(purpose: str) -> list[Any]:
    """SQL conditions: requests of this purpose that no worker has looked at."""
    return [CodeRequest.looked_at.is_(None), CodeRequest.purpose == purpose]


def requests_waiting(purpose: str, _now: datetime) -> Select[Any]:
    """SELECT of the requests of this purpose that no worker has looked at."""
    return select(CodeRequest.id).where(*waiting(purpose))


def phones_waiting(purpose: str, phones: Any, *, now: datetime) -> list[bytes]:
    """Blind indexes of the phones to handle next, first those requested by a browser that used a code before.
    `phones` selects the phones on record: requests for any other phone are closed in one statement, so that
    a flood of them delays nobody."""
    strangers = [*waiting(purpose), CodeRequest.phone_index.not_in(phones)]
    with atomic() as session:
        session.execute(update_all(*strangers).values(looked_at=now))
    used = aliased(CodeRequest)
    # By the browser alone, so that SQLite does not read all requests for one phone, for each of them.
    browser_is_recognized = exists().where(
        used.browser_hash == CodeRequest.browser_hash,
        used.purpose == purpose,
        used.used_at.is_not(None),
    )
    some = (
        select(CodeRequest.phone_index)
        .where(*waiting(purpose))
        .group_by(CodeRequest.phone_index)
        .order_by(func.max(case((browser_is_recognized, 1), else_=0)).desc(), func.min(CodeRequest.asked_at))
    )
    return list(db.session.scalars(some.limit(PHONES_A_TICK)))


def phones_with_a_code(purpose: str, *, now: datetime) -> Any:
    """SELECT of the phones that a still valid code was texted to."""
    return select(CodeRequest.phone_index).where(*_live(purpose, now), CodeRequest.code_hash.is_not(None))


def text_code(request: CodeRequest, lane: CodeLane, wording: str, *, now: datetime) -> None:
    """Make a code for a request and queue the text with it. Only the code's hash is stored.

    The text is one segment, and its last line binds the code to our address, so that the phone fills it in
    there and nowhere else: https://wicg.github.io/sms-one-time-codes/
    """
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    request.lane, request.code_hash = lane, code_hash(request.phone_index, code)
    db.session.flush()
    merge_fields = {"code": code, "spaced": spaced(code)}
    text = PlannedText(
        purpose=f"{wording}:{request.id}:1",
        phone=request.phone,
        wording=wording,
        language=request.language,
        text_class=TextClass.REQUESTED,
        tz=settings().union_timezone,
        due_at=now,
        expires_at=request.expires_at,
        priority=PRIORITIES[lane],
        merge_fields={**merge_fields, "union": union_that_fits(wording, request.language, merge_fields)},
    )
    queue_texts([text], now=now)


def share_last_code(phone_index: bytes, purpose: str, lane: CodeLane, *, now: datetime) -> None:
    """Let requests that were handled just now and got no code of their own share the phone's last code.

    Only one of the same lane: else strangers could use up the tries at a known browser's code.
    """
    live = [*_live(purpose, now), CodeRequest.phone_index == phone_index, CodeRequest.lane == lane]
    db.session.flush()
    last = db.session.execute(
        select(CodeRequest.code_hash, CodeRequest.person_id, CodeRequest.expires_at)
        .where(*live, CodeRequest.code_hash.is_not(None))
        .order_by(CodeRequest.expires_at.desc(), CodeRequest.id.desc())
        .limit(1)
    ).first()
    if last is not None:
        shared = dict(last._mapping)
        without = [*live, CodeRequest.looked_at == now, CodeRequest.code_hash.is_(None)]
        db.session.execute(update_all(*without).values(shared))


def fitting(typed: str, browser_token: str, purpose: str, *, now: datetime) -> list[CodeRequest]:
    """This browser's open requests whose code is `typed`. The try is counted and stored on every one of them
    before any code is compared."""
    digits = digits_in(typed)
    tried = _count_try(hash_token(browser_token), purpose, now)
    return [
        request
        for request, of_all, today in tried
        if _fits(request, digits) and of_all <= TRIES_OF_ALL and today <= GUESSES_A_DAY
    ]


def _count_try(browser_hash: bytes, purpose: str, now: datetime) -> list[tuple[CodeRequest, int, int]]:
    """The requests tried, each with the tries of all browsers that share its code, and with the day's guesses
    at its phone."""
    with atomic() as session:
        counted = session.scalars(
            update_all(
                CodeRequest.browser_hash == browser_hash,
                CodeRequest.purpose == purpose,
                CodeRequest.expires_at > now,
                CodeRequest.used_at.is_(None),
                CodeRequest.tries < TRIES,
            )
            .values(tries=CodeRequest.tries + 1)
            .returning(CodeRequest.id)
        ).all()
    # One question for all of them, also for those that were never texted a code.
    each = aliased(CodeRequest)
    at_phone = select(func.coalesce(func.sum(each.tries), 0)).where(
        each.phone_index == CodeRequest.phone_index, each.purpose == CodeRequest.purpose
    )
    of_all = at_phone.where(each.code_hash == CodeRequest.code_hash, each.used_at.is_(None))
    today = at_phone.where(each.asked_at > now - A_DAY, each.code_hash.is_not(None), _same_guessers(each))
    tried = select(CodeRequest, of_all.scalar_subquery(), today.scalar_subquery()).where(
        CodeRequest.id.in_(counted)
    )
    return [(request, int(tries), int(guesses)) for request, tries, guesses in db.session.execute(tried)]


def _same_guessers(each: Any) -> Any:
    """SQL: neither request came from a known browser, or both from the same one."""
    known_browser = CodeLane.KNOWN_BROWSER
    return or_(
        and_(each.lane.is_distinct_from(known_browser), CodeRequest.lane.is_distinct_from(known_browser)),
        and_(
            each.lane == known_browser,
            CodeRequest.lane == known_browser,
            each.browser_hash == CodeRequest.browser_hash,
        ),
    )


def _live(purpose: str, now: datetime) -> list[Any]:
    return [CodeRequest.purpose == purpose, CodeRequest.used_at.is_(None), CodeRequest.expires_at > now]


def _fits(request: CodeRequest, digits: str) -> bool:
    return hmac.compare_digest(request.code_hash or b"", code_hash(request.phone_index, digits))


def spend(request: CodeRequest, *, now: datetime) -> bool:
    """Use a request's code up, in every browser; False when it was used or had expired already."""
    live = [CodeRequest.id == request.id, CodeRequest.used_at.is_(None), CodeRequest.expires_at > now]
    same_code = [
        CodeRequest.phone_index == request.phone_index,
        CodeRequest.purpose == request.purpose,
        CodeRequest.code_hash == request.code_hash,
        CodeRequest.used_at.is_(None),
    ]
    with atomic() as session:
        spent = session.execute(update_all(*live).values(used_at=now))
        session.execute(update_all(*same_code).values(expires_at=now))
        return bool(spent.rowcount)  # type: ignore[attr-defined]


def spaced(code: str) -> str:
    """A code as it is printed: `1234 5678`."""
    half = len(code) // 2
    return f"{code[:half]} {code[half:]}"


def digits_in(typed: str) -> str:
    """The digits of a code as somebody typed it."""
    return "".join(c for c in unicodedata.normalize("NFKC", typed) if c.isdigit())[:32]


def forget_code_requests(*, now: datetime) -> int:
    """Delete unused requests, and those by which a browser was recognized, once their time is over."""
    old = or_(
        CodeRequest.used_at < now - REMEMBER_BROWSER,
        CodeRequest.used_at.is_(None) & (CodeRequest.asked_at < now - UNUSED_CODES_KEPT),
    )
    with atomic() as session:
        return int(session.execute(delete(CodeRequest).where(old)).rowcount)  # type: ignore[attr-defined]


def update_all(*which: Any) -> Update:
    """An UPDATE of the requests that meet all these conditions, past the session."""
    return update(CodeRequest).where(*which).execution_options(synchronize_session=False)


def code_hash(phone_index: bytes, code: str) -> bytes:
    """The keyed hash of a code, which is stored instead of it."""
    # Keyed, since eight digits alone are found again from a plain hash at once.
    return hmac.digest(crypto.derive("sign-in codes"), phone_index + code.encode(), "sha256")


def wrong_code() -> Refused:
    """The refusal of every code that opens nothing, whatever the reason."""
    return Refused(
        "wrong_code",
        _("That code is not right. Check the last text, or ask for a new code."),
    )
