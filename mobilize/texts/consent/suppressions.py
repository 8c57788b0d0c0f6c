"""Permission to text a number: opt-outs, those of the roster, and numbers the carrier cannot reach."""

from collections.abc import Collection, Set
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    SQLColumnExpression,
    and_,
    bindparam,
    case,
    exists,
    literal,
    or_,
    select,
    union,
)

from mobilize.database import atomic, db, insert, new_id
from mobilize.fast.statements import CachedStatement, run
from mobilize.keys.crypto import blind_index
from mobilize.phones import may_be_texted
from mobilize.roster.models import Member
from mobilize.texts.consent.consents import note_consent
from mobilize.texts.models import ConsentKind, OutboxText, Suppression, TextClass

# The confirmation of an opt-out, the one text that still goes to who opted out (`confirmations.py`): how its
# key begins, its wordings, and how long after the wish it may leave.
OPT_OUT = "opt_out"
CONFIRMATIONS = ("opt_out_noted", "opt_out_doubtful", "wrong_number_noted")
CONFIRM_WITHIN = timedelta(minutes=5)
# Where a number stands that is opted out.
_NUMBERS = (Suppression.phone_index, Member.phone_index)


def opt_out(phone: str, *, source: str, wording: str | None = None, now: datetime) -> None:
    """No text to this number from here on, until START. `source`: reply, carrier, page, person.

    Repeated, the later moment counts: one that is caught up late does not undo a later START. When
    this has returned, no claim made later takes a text to it.
    """
    with atomic():
        _write(phone, {"opted_out_at": now, "source": source, "wording": wording})
        note_consent(phone, ConsentKind.TEXTS, agreed=False, how=source, wording=wording, now=now)


def repeat_opt_out(phone_index: bytes, *, source: str, wording: str | None, now: datetime) -> None:
    """The same after a restore, of a number that only its index is known of."""
    _write_index(phone_index, None, {"opted_out_at": now, "source": source, "wording": wording})


def opt_in(phone: str, *, source: str, wording: str | None = None, now: datetime) -> None:
    """Texts again, because this number itself said START, UNSTOP or ALTA; also against the roster's
    opt-out."""
    with atomic():
        _write(phone, {"back_in_at": now, "source": source, "bad_at": None, "bad_code": None})
        note_consent(phone, ConsentKind.TEXTS, agreed=True, how=source, wording=wording, now=now)


def note_bad_number(phone: str, error_code: int, *, now: datetime) -> None:
    """Record that the carrier cannot reach this number: its chair is told, only requested texts are tried."""
    _write(phone, {"bad_at": now, "bad_code": error_code, "source": "carrier"}, keep={"source"})


def is_opted_out(phone: str) -> bool:
    """Whether this number said STOP, or the roster did, without a START since."""
    phone_index = blind_index("phone", phone)
    return bool(run(_SAYS_STOP, {"phone": phone_index})[0][0])


def opted_out_among(phone_indexes: Collection[bytes]) -> set[bytes]:
    """Those of these numbers that are opted out, by their blind indexes, with one query."""
    named = [select(column.label("phone_index")).where(column.in_(phone_indexes)) for column in _NUMBERS]
    numbers = union(*named).subquery()
    return set(db.session.scalars(select(numbers.c.phone_index).where(says_stop(numbers.c.phone_index))))


def may_text(phone: str, text_class: TextClass = TextClass.MEMBER) -> str | None:
    """None when this number may be texted, else the reason: premium, opted_out or bad_number."""
    if not may_be_texted(phone):
        return "premium"
    phone_index = blind_index("phone", phone)
    if run(_SAYS_STOP, {"phone": phone_index})[0][0]:
        return "opted_out"
    if text_class is not TextClass.REQUESTED and run(_IS_BAD, {"phone": phone_index})[0][0]:
        return "bad_number"
    return None


def says_stop(phone_index: SQLColumnExpression[bytes], *, of_many: bool = False) -> ColumnElement[bool]:
    """SQL: the number behind this column is opted out. The claim of a delivery carries it. `of_many`: asked
    of most of the roster, so that those who are opted out are put together once."""
    stopped = _among(
        phone_index,
        Suppression.phone_index,
        Suppression.opted_out_at.is_not(None),
        or_(Suppression.back_in_at.is_(None), Suppression.back_in_at < Suppression.opted_out_at),
        of_many=of_many,
    )
    in_the_file = _among(
        phone_index,
        Member.phone_index,
        Member.opted_out_in_file.is_(True),
        Member.phone_index.is_not(None),  # as the index of them is
        of_many=of_many,
    )
    came_back = _among(
        phone_index, Suppression.phone_index, Suppression.back_in_at.is_not(None), of_many=of_many
    )
    return or_(stopped, and_(in_the_file, ~came_back))


def is_confirmation(now: datetime) -> ColumnElement[bool]:
    """SQL, for the claim: the text is the confirmation of an opt-out, and the wish is not older than five
    minutes."""
    return and_(
        OutboxText.idempotency_key.startswith(f"{OPT_OUT}:"),
        OutboxText.wording.in_(CONFIRMATIONS),
        OutboxText.text_class == TextClass.REQUESTED,
        OutboxText.due_at > now - CONFIRM_WITHIN,
    )


def is_bad(phone_index: SQLColumnExpression[bytes], *, of_many: bool = False) -> ColumnElement[bool]:
    """SQL: the carrier has said that it cannot reach the number behind this column. `of_many` as above."""
    return _among(phone_index, Suppression.phone_index, Suppression.bad_at.is_not(None), of_many=of_many)


def _among(
    phone_index: SQLColumnExpression[bytes], numbers: Any, *which: ColumnElement[bool], of_many: bool
) -> ColumnElement[bool]:
    """SQL: the number is among these, looked up for each, or in all of them at once."""
    if not of_many:
        return exists().where(numbers == phone_index, *which)
    in_them: ColumnElement[bool] = phone_index.in_(select(numbers).where(*which).correlate(None))
    return in_them


_PHONE: ColumnElement[bytes] = bindparam("phone", type_=LargeBinary(16))
_SAYS_STOP = CachedStatement(lambda: select(says_stop(_PHONE)))
_IS_BAD = CachedStatement(lambda: select(is_bad(_PHONE)))


def _write(phone: str, values: dict[str, Any], keep: Set[str] = frozenset()) -> None:
    _write_index(blind_index("phone", phone), phone, values, keep)


def _write_index(
    phone_index: bytes, phone: str | None, values: dict[str, Any], keep: Set[str] = frozenset()
) -> None:
    """Insert or update the one row of this number; `keep` are columns an existing row does not change."""
    row_id = new_id()
    with atomic() as session:
        session.execute(
            insert(Suppression)
            .values(
                id=row_id,
                phone_index=phone_index,
                phone_enc=None if phone is None else Suppression.phone.seal(row_id, phone),
                **values,
            )
            .on_conflict_do_update(
                index_elements=["phone_index"],
                set_={name: _later(name, value) for name, value in values.items() if name not in keep},
            )
        )


def _later(name: str, value: Any) -> Any:
    """Of two moments of opting out, or of coming back, the later one counts, in whatever order they come."""
    if name not in {"opted_out_at", "back_in_at"}:
        return value
    column = Suppression.__table__.c[name]
    return case((column > value, column), else_=literal(value, column.type))
