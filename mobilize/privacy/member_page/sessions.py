"""Sessions of the member's page: opened with a code by text, without an account, for a quarter of an hour.

Anybody may ask with any number, and gets the same response; a worker texts a code only to the phone of
somebody on the roster, and never to one that opted out. Codes, tries and limits are those of sign-in, under a
purpose and in a lane of their own, so that neither can use up or open the other.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from mobilize import audit
from mobilize.accounts.models import CodeLane, CodeRequest
from mobilize.accounts.sign_in.code_budgets import lane_use, take_from_budget
from mobilize.accounts.sign_in.one_time_codes import (
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
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.tokens import hash_token, random_token
from mobilize.languages import _
from mobilize.privacy.models import Visit
from mobilize.roster.members import number_key
from mobilize.roster.models import Member
from mobilize.web.rate_limits import allow

PURPOSE = "member_page"
LASTS = timedelta(minutes=15)
TEXTS_AN_HOUR, TEXTS_A_DAY = 3, 8
NUMBERS_TYPED = 5


def ask_to_see(phone_typed: str, browser_token: str, *, language: str, now: datetime) -> None:
    """Store a browser's request for a code; `send_codes` decides later, so that a stranger sees no
    difference.

    Refused: "bad_phone", "too_many_asks".
    """
    ask_for_code(phone_typed, browser_token, language=language, now=now, purpose=PURPOSE)


def send_codes(*, now: datetime) -> int:
    """Handle every waiting request once, and queue the codes of those whose phone is on the roster."""
    phones = _held().with_only_columns(Member.phone_index).where(Member.phone_index.is_not(None))
    if lane_use(CodeLane.MEMBER, now).is_used_up:
        # Nobody gets a text now: one statement sets aside whoever has no code to share either.
        phones = phones.where(Member.phone_index.in_(phones_with_a_code(PURPOSE, now=now)))
    return sum(_send_to(phone_index, now) for phone_index in phones_waiting(PURPOSE, phones, now=now))


def open_visit(typed: str, browser_token: str, *, now: datetime) -> str:
    """The token of a visit, for the code from the text. Every failure is the same `Refused("wrong_code")`."""
    fits = fitting(typed, browser_token, PURPOSE, now=now)
    with atomic() as session:
        if not fits or not spend(fits[0], now=now):
            raise wrong_code()
        sharing = members_with(fits[0].phone_index)
        token, alone = random_token(), sharing[0].id if len(sharing) == 1 else None
        session.add(
            Visit(
                token_hash=hash_token(token),
                phone_index=fits[0].phone_index,
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


def member_of(visit: Visit) -> Member | None:
    """The member whose page it is; None while several share the phone and none was chosen."""
    member = db.session.get(Member, visit.member_id) if visit.member_id else None
    return member if member is not None and member.erased_at is None else None


def choose_member(visit: Visit, number_typed: str, *, now: datetime) -> None:
    """Choose the member with this number among those who share the phone. Refused: "wrong_number"."""
    whose = visit.token_hash.hex()
    may_try = allow("member page number", whose, limit=NUMBERS_TYPED, window=LASTS, now=now)
    sharing = [m for m in members_with(visit.phone_index) if m.number_index == number_key(number_typed[:32])]
    if not may_try or not sharing:
        raise Refused("wrong_number", _("Nobody with this phone has that member number. Check it."))
    with atomic() as session:
        session.execute(
            update(Visit).where(Visit.token_hash == visit.token_hash).values(member_id=sharing[0].id)
        )


def end_visit(visit: Visit, *, now: datetime) -> None:
    """End a visit: its cookie opens nothing more."""
    with atomic() as session:
        session.execute(update(Visit).where(Visit.token_hash == visit.token_hash).values(ends_at=now))


def members_with(phone_index: bytes) -> Sequence[Member]:
    """The members with this phone, on the roster or gone from it."""
    return db.session.scalars(_held().where(Member.phone_index == phone_index).order_by(Member.id)).all()


def has_unshared_phone(member: Member) -> bool:
    """Whether nobody else shares the member's phone, so that its texts are theirs."""
    return member.phone_index is not None and len(members_with(member.phone_index)) == 1


def _held() -> Any:
    return select(Member).where(Member.erased_at.is_(None), Member.merged_into_id.is_(None))


def _send_to(phone_index: bytes, now: datetime) -> int:
    """Text a code for each waiting request of a phone. The rows are locked and marked before anything is
    queued. Once the allowance is used up, all requests share the phone's last code, so that a stranger who
    asks for it shuts nobody out."""
    with atomic() as session:
        waiting_here = select(CodeRequest).where(*waiting(PURPOSE), CodeRequest.phone_index == phone_index)
        requests = session.scalars(waiting_here.order_by(CodeRequest.id).with_for_update()).all()
        for request in requests:
            request.looked_at, request.lane = now, CodeLane.MEMBER
        live = [r for r in requests if r.expires_at > now and _may_text(phone_index, now)]
        for request in live:
            text_code(request, CodeLane.MEMBER, "member_code", now=now)
        share_last_code(phone_index, PURPOSE, CodeLane.MEMBER, now=now)
        return len(live)


def _may_text(phone_index: bytes, now: datetime) -> bool:
    whose, hour, day = phone_index.hex(), timedelta(hours=1), timedelta(days=1)
    return (
        not lane_use(CodeLane.MEMBER, now).is_used_up
        and allow("member page, hour", whose, limit=TEXTS_AN_HOUR, window=hour, now=now)
        and allow("member page, day", whose, limit=TEXTS_A_DAY, window=day, now=now)
        and take_from_budget(CodeLane.MEMBER, now=now)
    )
