"""Six-digit codes by text, whatever they open: asking for one, texting it, trying one.

Tries are counted per browser and code, never per person, and every question costs the same work whether or
not the phone is known here: else the time of an answer would tell.
"""

import hmac
import secrets
import unicodedata
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Update, delete, func, or_, select, update
from sqlalchemy.orm import aliased

from mobilize import crypto, settings
from mobilize.accounts.models import SIGN_IN, CodeRequest
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
PHONES_A_TICK = 100
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
    """Blind indexes of some phones to be looked at next. `known` selects the phones known here: strangers'
    requests are set aside in one statement, so that a flood of them delays nobody."""
    strangers = [*waiting(purpose), CodeRequest.phone_bix.not_in(known)]
    with atomic() as session:
        session.execute(update_all(*strangers).values(looked_at=now))
    some = select(CodeRequest.phone_bix).where(*waiting(purpose)).distinct().limit(PHONES_A_TICK)
    return list(db.session.scalars(some))


def text_code(request: CodeRequest, wording: str, *, now: datetime) -> None:
    """Give this request a code of its own, and queue the text with it. Only its hash is stored beside it."""
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    request.code_hash = code_hash(request.phone_bix, code)
    db.session.flush()
    text = PlannedText(
        purpose=f"{wording}:{request.id}:1",
        phone=request.phone,
        wording=wording,
        language=request.language,
        klass=TextClass.ASKED,
        tz=settings().union_timezone,
        due_at=now,
        useless_after=request.expires_at,
        priority=Priority.CODE,
        blanks={"code": code},
    )
    queue_texts([text], now=now)


def share_last_code(phone_bix: bytes, purpose: str, *, now: datetime) -> None:
    """What was looked at just now and got no code of its own is opened by the last one on this phone."""
    live = [
        CodeRequest.phone_bix == phone_bix,
        CodeRequest.purpose == purpose,
        CodeRequest.used_at.is_(None),
        CodeRequest.expires_at > now,
    ]
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
    return [request for request, of_all in tried if _fits(request, digits) and of_all <= TRIES_OF_ALL]


def _count_try(browser_hash: bytes, purpose: str, now: datetime) -> list[tuple[CodeRequest, int]]:
    """The requests tried, each with the tries of all browsers that its code opens."""
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
    of_all = select(func.coalesce(func.sum(each.tries), 0)).where(
        each.phone_bix == CodeRequest.phone_bix,
        each.purpose == CodeRequest.purpose,
        each.code_hash == CodeRequest.code_hash,
        each.used_at.is_(None),
    )
    tried = select(CodeRequest, of_all.scalar_subquery()).where(CodeRequest.id.in_(counted))
    return [(request, int(tries)) for request, tries in db.session.execute(tried)]


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


def digits_in(typed: str) -> str:
    """The digits of a code as somebody typed it."""
    return "".join(c for c in unicodedata.normalize("NFKC", typed) if c.isdigit())[:32]


def forget_code_requests(*, now: datetime) -> int:
    """Delete requests after a day, and after 180 days those that made a browser known as hers."""
    old = or_(
        CodeRequest.used_at < now - REMEMBER_BROWSER,
        CodeRequest.used_at.is_(None) & (CodeRequest.asked_at < now - timedelta(days=1)),
    )
    with atomic() as session:
        return int(session.execute(delete(CodeRequest).where(old)).rowcount)  # type: ignore[attr-defined]


def update_all(*which: Any) -> Update:
    """An UPDATE of the requests of which all this is true, past the session."""
    return update(CodeRequest).where(*which).execution_options(synchronize_session=False)


def code_hash(phone_bix: bytes, code: str) -> bytes:
    """What is stored of a code."""
    # Keyed, since six digits alone are found again from a plain hash at once.
    return hmac.digest(crypto.derive("sign-in codes"), phone_bix + code.encode(), "sha256")


def wrong_code() -> Refused:
    """What everybody hears about a code that opens nothing."""
    return Refused(
        "wrong_code",
        _("That code is not right. Check the last text, or ask for a new code."),
    )
