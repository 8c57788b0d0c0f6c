"""Codes of eight digits by text, whatever they open: asking for one, texting it, trying one.

Every question costs the same work whether or not the phone is known here: else the time of an answer would
tell. Tries are counted per browser and code. Guesses at one phone are counted by the day too: those of all
browsers that are not known together, those of each known browser apart, so that a stranger who uses the first
up shuts nobody out of their own phone. What that leaves a guesser is worked out in `docs/threats.md`.
"""

import hmac
import secrets
import unicodedata
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Update, and_, case, delete, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from mobilize import crypto, settings
from mobilize.accounts.code_lanes import PRIORITIES
from mobilize.accounts.models import SIGN_IN, CodeLane, CodeRequest
from mobilize.crypto import blind_index
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.phones import normalize
from mobilize.rate_limits import allow
from mobilize.texts.models import TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.wordings import union_that_fits
from mobilize.tokens import hash_token

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
REMEMBER_BROWSER = timedelta(days=180)


def ask_for_code(
    phone_typed: str, browser_token: str, *, language: str, now: datetime, purpose: str = SIGN_IN
) -> None:
    """Write down that this browser asks for a code; a worker decides. The same for person and stranger.

    `purpose` says what the code opens, and so which worker's look it waits for.

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


def waiting(purpose: str) -> list[Any]:
    """What makes a request one that no worker has looked at, in SQL."""
    return [CodeRequest.looked_at.is_(None), CodeRequest.purpose == purpose]


def phones_waiting(purpose: str, known: Any, *, now: datetime) -> list[bytes]:
    """Blind indexes of some phones to be looked at next, first those asked for by a browser that a code
    opened before. `known` selects the phones known here: strangers' requests are set aside in one statement,
    so that a flood of them delays nobody."""
    strangers = [*waiting(purpose), CodeRequest.phone_bix.not_in(known)]
    with atomic() as session:
        session.execute(update_all(*strangers).values(looked_at=now))
    used = aliased(CodeRequest)
    # By the browser alone, so that SQLite does not read all requests for one phone, for each of them.
    from_known_browser = exists().where(
        used.browser_hash == CodeRequest.browser_hash,
        used.purpose == purpose,
        used.used_at.is_not(None),
    )
    some = (
        select(CodeRequest.phone_bix)
        .where(*waiting(purpose))
        .group_by(CodeRequest.phone_bix)
        .order_by(func.max(case((from_known_browser, 1), else_=0)).desc(), func.min(CodeRequest.asked_at))
    )
    return list(db.session.scalars(some.limit(PHONES_A_TICK)))


def phones_with_a_code(purpose: str, *, now: datetime) -> Any:
    """Selects the phones a code that is still good was texted to."""
    return select(CodeRequest.phone_bix).where(*_live(purpose, now), CodeRequest.code_hash.is_not(None))


def text_code(request: CodeRequest, lane: CodeLane, wording: str, *, now: datetime) -> None:
    """Give this request a code of its own, and queue the text with it. Only its hash is stored beside it.

    The text is one segment, and its last line binds the code to our address, so that the phone fills it in
    there and nowhere else: https://wicg.github.io/sms-one-time-codes/
    """
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    request.lane, request.code_hash = lane, code_hash(request.phone_bix, code)
    db.session.flush()
    blanks = {"code": code, "spaced": spaced(code)}
    text = PlannedText(
        purpose=f"{wording}:{request.id}:1",
        phone=request.phone,
        wording=wording,
        language=request.language,
        klass=TextClass.ASKED,
        tz=settings().union_timezone,
        due_at=now,
        useless_after=request.expires_at,
        priority=PRIORITIES[lane],
        blanks={**blanks, "union": union_that_fits(wording, request.language, blanks)},
    )
    queue_texts([text], now=now)


def share_last_code(phone_bix: bytes, purpose: str, lane: CodeLane, *, now: datetime) -> None:
    """What was looked at just now and got no code of its own is opened by the last one on this phone.

    Only by one of its lane: else strangers could use up the tries at a known browser's code.
    """
    live = [*_live(purpose, now), CodeRequest.phone_bix == phone_bix, CodeRequest.lane == lane]
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
    """This browser's live requests that `typed` is the code of. The try is counted before anything is looked
    at, on every one of them, and stored whatever comes of it."""
    digits = digits_in(typed)
    tried = _count_try(hash_token(browser_token), purpose, now)
    return [
        request
        for request, of_all, today in tried
        if _fits(request, digits) and of_all <= TRIES_OF_ALL and today <= GUESSES_A_DAY
    ]


def _count_try(browser_hash: bytes, purpose: str, now: datetime) -> list[tuple[CodeRequest, int, int]]:
    """The requests tried, each with the tries of all browsers that its code opens, and with the day's guesses
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
        each.phone_bix == CodeRequest.phone_bix, each.purpose == CodeRequest.purpose
    )
    of_all = at_phone.where(each.code_hash == CodeRequest.code_hash, each.used_at.is_(None))
    today = at_phone.where(each.asked_at > now - A_DAY, each.code_hash.is_not(None), _same_guessers(each))
    tried = select(CodeRequest, of_all.scalar_subquery(), today.scalar_subquery()).where(
        CodeRequest.id.in_(counted)
    )
    return [(request, int(tries), int(guesses)) for request, tries, guesses in db.session.execute(tried)]


def _same_guessers(each: Any) -> Any:
    """Neither request came from a known browser, or both from the same one."""
    known = CodeLane.KNOWN_BROWSER
    return or_(
        and_(each.lane.is_distinct_from(known), CodeRequest.lane.is_distinct_from(known)),
        and_(each.lane == known, CodeRequest.lane == known, each.browser_hash == CodeRequest.browser_hash),
    )


def _live(purpose: str, now: datetime) -> list[Any]:
    return [CodeRequest.purpose == purpose, CodeRequest.used_at.is_(None), CodeRequest.expires_at > now]


def _fits(request: CodeRequest, digits: str) -> bool:
    return hmac.compare_digest(request.code_hash or b"", code_hash(request.phone_bix, digits))


def spend(request: CodeRequest, *, now: datetime) -> bool:
    """Use its code up, in whatever browser; False when it was spent or over already."""
    mine = [CodeRequest.id == request.id, CodeRequest.used_at.is_(None), CodeRequest.expires_at > now]
    same_code = [
        CodeRequest.phone_bix == request.phone_bix,
        CodeRequest.purpose == request.purpose,
        CodeRequest.code_hash == request.code_hash,
        CodeRequest.used_at.is_(None),
    ]
    with atomic() as session:
        spent = session.execute(update_all(*mine).values(used_at=now))
        session.execute(update_all(*same_code).values(expires_at=now))
        return bool(spent.rowcount)  # type: ignore[attr-defined]


def spaced(code: str) -> str:
    """A code as it is shown: `1234 5678`."""
    half = len(code) // 2
    return f"{code[:half]} {code[half:]}"


def digits_in(typed: str) -> str:
    """The digits of a code as somebody typed it."""
    return "".join(c for c in unicodedata.normalize("NFKC", typed) if c.isdigit())[:32]


def forget_code_requests(*, now: datetime) -> int:
    """Delete requests after a day, and after 180 days those that made a browser known as hers."""
    old = or_(
        CodeRequest.used_at < now - REMEMBER_BROWSER,
        CodeRequest.used_at.is_(None) & (CodeRequest.asked_at < now - A_DAY),
    )
    with atomic() as session:
        return int(session.execute(delete(CodeRequest).where(old)).rowcount)  # type: ignore[attr-defined]


def update_all(*which: Any) -> Update:
    """An UPDATE of the requests of which all this is true, past the session."""
    return update(CodeRequest).where(*which).execution_options(synchronize_session=False)


def code_hash(phone_bix: bytes, code: str) -> bytes:
    """What is stored of a code."""
    # Keyed, since eight digits alone are found again from a plain hash at once.
    return hmac.digest(crypto.derive("sign-in codes"), phone_bix + code.encode(), "sha256")


def wrong_code() -> Refused:
    """What everybody hears about a code that opens nothing."""
    return Refused(
        "wrong_code",
        _("That code is not right. Check the last text, or ask for a new code."),
    )
