"""How a decided claim is stored: in one statement on PostgreSQL, in one short transaction elsewhere.

Both store the same rows. One statement is a transaction by itself and saves BEGIN, COMMIT and three round
trips, which is half of what a check-in costs; SQLite knows no INSERT inside a WITH, and has no round trips.
"""

from datetime import datetime
from functools import partial
from itertools import product
from typing import Any

from sqlalchemy import CTE, Uuid, bindparam, case, literal, null, or_, select

from mobilize import crypto
from mobilize.checkins.decision import Decision, Proof
from mobilize.checkins.models import Attendance, Evidence, KnownPhone, Outcome, Tier, Walkup
from mobilize.checkins.typed import WALKUPS_KEPT
from mobilize.database import insert, new_id
from mobilize.direct import Ready, Wire

Row = dict[str, Any]
# What was typed is kept with these, so that a person can say who it was.
_KEPT_FOR_A_PERSON = (Outcome.WALKUP, Outcome.AMBIGUOUS)
# Columns of evidence that only strike days write: see `Proof.is_seldom`.
_SELDOM = ("says", "duty")


def row_of(proof: Proof, decided: Decision, now: datetime) -> Row:
    """Every value that is stored of a claim, under the names its statements use."""
    row = {
        "evidence_id": new_id(),
        "event_id": proof.event_id,
        "shift_id": decided.shift_id,
        "nonce": proof.nonce,
        "body_hash": crypto.fingerprint(proof.body),
        "method": proof.method,
        "tier": proof.method.tier,
        "outcome": decided.outcome,
        "member_id": decided.member_id,
        "chapter_id": decided.chapter_id,
        "walkup_id": None,
        "gate_id": proof.gate_id,
        "device_hmac": proof.device,
        "grant_id": proof.grant_id,
        "happened_at": proof.happened_at,
        "clock_error_s": proof.clock_error_s,
        "recorded_at": now,
    }
    if decided.outcome is Outcome.COUNTED:
        row["attendance_id"] = new_id()
    if proof.is_seldom:
        row |= {"says": proof.says, "duty": proof.duty}
    if decided.outcome in _KEPT_FOR_A_PERSON and proof.typed is not None:
        row["walkup_id"] = walkup_id = new_id()
        row["walkup_typed_enc"] = Walkup.typed.seal(walkup_id, proof.typed.text)
        row["walkup_typed_bix"] = proof.typed.bix
        row["walkup_kind"] = proof.typed.kind
        row["walkup_until"] = now + WALKUPS_KEPT
    return row


def store(wire: Wire, row: Row, phone: Row | None) -> Outcome | None:
    """Store it all, or nothing; `phone` is remembered with it.

    `counted` becomes `repeat` where she is in already. None: the same nonce was stored a moment ago.
    """
    return _in_steps(wire, row, phone) if wire.in_steps else _at_once(wire, row, phone)


def remember(wire: Wire, phone: Row) -> None:
    """Keep what was typed on a phone, without a check-in."""
    wire.run(_PHONE, phone)


def _in_steps(wire: Wire, row: Row, phone: Row | None) -> Outcome | None:
    try:
        with wire.writing():
            if "attendance_id" in row:
                added = wire.run(_ATTEND, row) == [(row["attendance_id"],)]
                row["outcome"] = Outcome.COUNTED if added else Outcome.REPEAT
            if row["walkup_id"]:
                [(row["walkup_id"],)] = wire.run(_WALK_UP, row)
            if phone:
                wire.run(_PHONE, phone)
            if not wire.run(_EVIDENCE_IN_FULL if "says" in row else _EVIDENCE, row):
                raise _StoredAlready
    except _StoredAlready:
        return None
    outcome: Outcome = row["outcome"]
    return outcome


def _at_once(wire: Wire, row: Row, phone: Row | None) -> Outcome | None:
    parts = "attendance_id" in row, row["walkup_id"] is not None, phone is not None, "says" in row
    statement = _AT_ONCE[parts]
    try:
        [(outcome,)] = wire.run(statement, row | (phone or {}))
    except wire.taken:
        return None  # and with it everything else in the statement
    return Outcome(outcome)


class _StoredAlready(Exception):
    """Undoes the steps before it."""


def _bound(table: Any, **names: str) -> Row:
    """Each named column of a table as a parameter, called as the row calls it."""
    return {column: bindparam(name, type_=table.c[column].type) for column, name in names.items()}


def _attend() -> Any:
    """Add her, or strengthen what stands there already. No row comes back where it stays as it was."""
    table = Attendance.__table__
    same = ("event_id", "shift_id", "member_id", "chapter_id", "tier")
    values = _bound(table, id="attendance_id", first_at="happened_at", **{name: name for name in same})
    added = insert(table).values(late=literal(False), was_eligible=literal(False), **values)
    new, there = added.excluded, table.c
    other_kind, earlier = new.tier != there.tier, new.first_at < there.first_at
    is_back = there.out_at < new.first_at
    return added.on_conflict_do_update(
        index_elements=["event_id", "shift_id", "member_id"],
        set_={
            "tier": case((other_kind, literal(Tier.VERIFIED, there.tier.type)), else_=there.tier),
            "first_at": case((earlier, new.first_at), else_=there.first_at),
            "out_at": case((is_back, null()), else_=there.out_at),
        },
        where=or_(other_kind, earlier, is_back),
    ).returning(there.id)


def _walk_up() -> Any:
    """Once per event and number; the id of the row that stands there, old or new."""
    table = Walkup.__table__
    names = {"id": "walkup_id", "event_id": "event_id", "until": "walkup_until"}
    names |= {name: f"walkup_{name}" for name in ("typed_enc", "typed_bix", "kind")}
    added = insert(table).values(_bound(table, **names))
    return added.on_conflict_do_update(
        index_elements=["event_id", "typed_bix"], set_={"until": table.c.until}
    ).returning(table.c.id)


def _phone() -> Any:
    table = KnownPhone.__table__
    said = ("typed_enc", "typed_bix", "used_on")
    names = {"id": "phone_id", "token_hash": "phone_token_hash"} | {name: f"phone_{name}" for name in said}
    added = insert(table).values(_bound(table, **names))
    return added.on_conflict_do_update(
        index_elements=["id"], set_={name: added.excluded[name] for name in said}
    )


def _evidence(*seldom: str, **instead: Any) -> Any:
    table = Evidence.__table__
    written = [column.name for column in table.c if column.name in seldom or column.name not in _SELDOM]
    names = {name: name for name in written} | {"id": "evidence_id"}
    return insert(table).values(_bound(table, **names) | instead).returning(table.c.outcome)


def _together(attends: bool, walks_up: bool, has_phone: bool, seldom: bool) -> Any:
    """The evidence with whatever goes with it. Its nonce being taken undoes the whole statement."""
    there, parts = Evidence.__table__.c, list[CTE]()
    instead: dict[str, Any] = {}
    if attends:
        attended = _attend().cte("attended")
        mine = select(attended.c.id).scalar_subquery() == bindparam("attendance_id", type_=Uuid())
        counted, repeat = (literal(word, there.outcome.type) for word in (Outcome.COUNTED, Outcome.REPEAT))
        instead["outcome"], parts = case((mine, counted), else_=repeat), [attended]
    if walks_up:
        walked_up = _walk_up().cte("walked_up")
        instead["walkup_id"], parts = select(walked_up.c.id).scalar_subquery(), [walked_up]
    if has_phone:
        parts.append(_phone().cte("phone"))
    return _evidence(*(_SELDOM if seldom else ()), **instead).add_cte(*parts)


_ATTEND, _WALK_UP, _PHONE = Ready(_attend), Ready(_walk_up), Ready(_phone)
_EVIDENCE = Ready(lambda: _evidence().on_conflict_do_nothing())
_EVIDENCE_IN_FULL = Ready(lambda: _evidence(*_SELDOM).on_conflict_do_nothing())
_AT_ONCE = {
    parts: Ready(partial(_together, *parts))
    for parts in product((True, False), repeat=4)
    if not (parts[0] and parts[1])  # who is found is no walk-up
}
