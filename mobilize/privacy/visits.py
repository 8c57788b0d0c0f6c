"""The member's page is opened with a code on her phone: no account, no password, a quarter of an hour.

Anybody may ask with any number, and hears the same; a worker texts a code only to the phone of somebody on
the roster, and never to one that said STOP. Codes, tries and limits are those of sign-in, under a purpose and
in a lane of their own, so that neither can use up or open the other.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from mobilize import audit
from mobilize.accounts.code_lanes import lane_use, take_from_budget
from mobilize.accounts.code_requests import (
    ask_for_code,
    fitting,
    phones_waiting,
    phones_with_a_code,
    share_last_code,
    spend,
    text_code,
    waiting,
    wrong_code,
)
from mobilize.accounts.models import CodeLane, CodeRequest
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.privacy.models import Visit
from mobilize.rate_limits import allow
from mobilize.roster.members import number_key
from mobilize.roster.models import Member
from mobilize.tokens import hash_token, random_token

PURPOSE = "member_page"
LASTS = timedelta(minutes=15)
TEXTS_AN_HOUR, TEXTS_A_DAY = 3, 8
NUMBERS_TYPED = 5


def ask_to_see(phone_typed: str, browser_token: str, *, language: str, now: datetime) -> None:
    """Write down that this browser asks; `send_codes` decides. The same for member, stranger and opted-out.

    Refused: "bad_phone", "too_many_asks".
    """
    ask_for_code(phone_typed, browser_token, language=language, now=now, purpose=PURPOSE)


def send_codes(*, now: datetime) -> int:
    """Look at every waiting request once, and queue the codes of those whose phone is on the roster."""
    known = _held().with_only_columns(Member.phone_bix).where(Member.phone_bix.is_not(None))
    if lane_use(CodeLane.MEMBER, now).is_used_up:
        # Nobody gets a text now: one statement sets aside whoever has no code to share either.
        known = known.where(Member.phone_bix.in_(phones_with_a_code(PURPOSE, now=now)))
    return sum(_send_to(bix, now) for bix in phones_waiting(PURPOSE, known, now=now))


def open_visit(typed: str, browser_token: str, *, now: datetime) -> str:
    """The token of a visit, for the code from the text. Every failure is the same `Refused("wrong_code")`."""
    fits = fitting(typed, browser_token, PURPOSE, now=now)
    with atomic() as session:
        if not fits or not spend(fits[0], now=now):
            raise wrong_code()
        sharing = members_with(fits[0].phone_bix)
        token, alone = random_token(), sharing[0].id if len(sharing) == 1 else None
        session.add(
            Visit(
                token_hash=hash_token(token),
                phone_bix=fits[0].phone_bix,
                member_id=alone,
                began_at=now,
                ends_at=now + LASTS,
            )
        )
        for member in sharing:
            audit.note("member", "member_page.open", member.id, now=now)
    return token


def current_visit(token: str | None, *, now: datetime) -> Visit | None:
    """The running visit behind a cookie, or None."""
    visit = db.session.get(Visit, hash_token(token)) if token else None
    return visit if visit is not None and now < visit.ends_at else None


def visited(visit: Visit) -> Member | None:
    """The member whose page it is; None while several share the phone and she has not said which she is."""
    member = db.session.get(Member, visit.member_id) if visit.member_id else None
    return member if member is not None and member.erased_at is None else None


def say_which(visit: Visit, number_typed: str, *, now: datetime) -> None:
    """Of those who share the phone, the one with this member number. Refused: "wrong_number"."""
    whose = visit.token_hash.hex()
    may_try = allow("member page number", whose, most=NUMBERS_TYPED, per=LASTS, now=now)
    mine = [m for m in members_with(visit.phone_bix) if m.number_bix == number_key(number_typed[:32])]
    if not may_try or not mine:
        raise Refused("wrong_number", _("Nobody with this phone has that member number. Check it."))
    with atomic() as session:
        session.execute(
            update(Visit).where(Visit.token_hash == visit.token_hash).values(member_id=mine[0].id)
        )


def end_visit(visit: Visit, *, now: datetime) -> None:
    """The page closes; the cookie opens nothing more."""
    with atomic() as session:
        session.execute(update(Visit).where(Visit.token_hash == visit.token_hash).values(ends_at=now))


def members_with(phone_bix: bytes) -> Sequence[Member]:
    """Whoever has this phone, on the roster or gone from it."""
    return db.session.scalars(_held().where(Member.phone_bix == phone_bix).order_by(Member.id)).all()


def phone_is_hers_alone(member: Member) -> bool:
    """False when what came and went by this phone may be somebody else's."""
    return member.phone_bix is not None and len(members_with(member.phone_bix)) == 1


def _held() -> Any:
    return select(Member).where(Member.erased_at.is_(None), Member.merged_into_id.is_(None))


def _send_to(phone_bix: bytes, now: datetime) -> int:
    """Whoever looks second finds the rows taken: they are claimed before anything is queued. Once the phone
    was texted enough, the last code on it opens the others too: nobody can shut her out by asking for her."""
    with atomic() as session:
        mine = select(CodeRequest).where(*waiting(PURPOSE), CodeRequest.phone_bix == phone_bix)
        requests = session.scalars(mine.order_by(CodeRequest.id).with_for_update()).all()
        for request in requests:
            request.looked_at, request.lane = now, CodeLane.MEMBER
        live = [r for r in requests if r.expires_at > now and _may_text(phone_bix, now)]
        for request in live:
            text_code(request, CodeLane.MEMBER, "member_code", now=now)
        share_last_code(phone_bix, PURPOSE, CodeLane.MEMBER, now=now)
        return len(live)


def _may_text(phone_bix: bytes, now: datetime) -> bool:
    whose, hour, day = phone_bix.hex(), timedelta(hours=1), timedelta(days=1)
    return (
        not lane_use(CodeLane.MEMBER, now).is_used_up
        and allow("member page, hour", whose, most=TEXTS_AN_HOUR, per=hour, now=now)
        and allow("member page, day", whose, most=TEXTS_A_DAY, per=day, now=now)
        and take_from_budget(CodeLane.MEMBER, now=now)
    )
