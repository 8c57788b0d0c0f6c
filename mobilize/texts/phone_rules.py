"""Who may be texted: opt-outs by number, those the roster brought, and numbers the carrier cannot reach."""

from collections.abc import Set
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    SQLColumnExpression,
    and_,
    case,
    exists,
    literal,
    or_,
    select,
)

from mobilize.crypto import blind_index
from mobilize.database import atomic, db, insert, new_id
from mobilize.phones import may_be_texted
from mobilize.roster.models import Member
from mobilize.texts.consents import note_consent
from mobilize.texts.models import ConsentKind, PhoneRule, TextClass


def opt_out(phone: str, *, source: str, wording: str | None = None, now: datetime) -> None:
    """No text to this number from here on, until START. `source`: reply, carrier, page, person.

    Twice keeps the later moment: one that was missed and caught up late changes nothing said since. When
    this has returned, no claim made later takes a text to it.
    """
    with atomic():
        _write(phone, {"opted_out_at": now, "source": source, "wording": wording})
        note_consent(phone, ConsentKind.TEXTS, given=False, how=source, wording=wording, now=now)


def opt_in(phone: str, *, source: str, wording: str | None = None, now: datetime) -> None:
    """Texts again, because this number itself said START, UNSTOP or ALTA; also against the roster's
    opt-out."""
    with atomic():
        _write(phone, {"back_in_at": now, "source": source, "bad_at": None, "bad_code": None})
        note_consent(phone, ConsentKind.TEXTS, given=True, how=source, wording=wording, now=now)


def note_bad_number(phone: str, error_code: int, *, now: datetime) -> None:
    """The carrier cannot reach this number: the chair is told, and only codes somebody asks for are tried."""
    _write(phone, {"bad_at": now, "bad_code": error_code, "source": "carrier"}, keep={"source"})


def is_opted_out(phone: str) -> bool:
    """Has this number said STOP, or did the roster say so, without a START since?"""
    bix = blind_index("phone", phone)
    return bool(db.session.scalar(select(says_stop(_value(bix)))))


def may_text(phone: str, klass: TextClass = TextClass.MEMBER) -> str | None:
    """None when this number may be texted, else the reason: premium, opted_out or bad_number."""
    if not may_be_texted(phone):
        return "premium"
    bix = blind_index("phone", phone)
    if db.session.scalar(select(says_stop(_value(bix)))):
        return "opted_out"
    if klass is not TextClass.ASKED and db.session.scalar(select(is_bad(_value(bix)))):
        return "bad_number"
    return None


def says_stop(phone_bix: SQLColumnExpression[bytes]) -> ColumnElement[bool]:
    """SQL: the number behind this column is opted out. The claim of a delivery carries it."""
    mine = PhoneRule.phone_bix == phone_bix
    came_back = PhoneRule.back_in_at.is_not(None)
    stopped = exists().where(
        mine,
        PhoneRule.opted_out_at.is_not(None),
        or_(PhoneRule.back_in_at.is_(None), PhoneRule.back_in_at < PhoneRule.opted_out_at),
    )
    in_the_file = exists().where(Member.phone_bix == phone_bix, Member.opted_out_in_file.is_(True))
    return or_(stopped, and_(in_the_file, ~exists().where(mine, came_back)))


def is_bad(phone_bix: SQLColumnExpression[bytes]) -> ColumnElement[bool]:
    """SQL: the carrier has said that it cannot reach the number behind this column."""
    return exists().where(PhoneRule.phone_bix == phone_bix, PhoneRule.bad_at.is_not(None))


def _value(bix: bytes) -> ColumnElement[bytes]:
    return literal(bix, LargeBinary(16))


def _write(phone: str, values: dict[str, Any], keep: Set[str] = frozenset()) -> None:
    """Insert or update the one row of this number; `keep` are columns an existing row does not change."""
    row_id = new_id()
    with atomic() as session:
        session.execute(
            insert(PhoneRule)
            .values(
                id=row_id,
                phone_bix=blind_index("phone", phone),
                phone_enc=PhoneRule.phone.seal(row_id, phone),
                **values,
            )
            .on_conflict_do_update(
                index_elements=["phone_bix"],
                set_={name: _later(name, value) for name, value in values.items() if name not in keep},
            )
        )


def _later(name: str, value: Any) -> Any:
    """Of two moments of opting out, or of coming back, the later one counts, in whatever order they come."""
    if name not in {"opted_out_at", "back_in_at"}:
        return value
    column = PhoneRule.__table__.c[name]
    return case((column > value, column), else_=literal(value, column.type))
