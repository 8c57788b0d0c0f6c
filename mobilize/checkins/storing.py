"""How decided claims are stored: in one statement on PostgreSQL, in one short transaction elsewhere.

Both store the same rows. One statement is a transaction by itself, for one claim or for fifty, and saves
BEGIN, COMMIT and the round trips; SQLite knows no INSERT inside a WITH, and has no round trips.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, literal, null, or_, select

from mobilize import crypto
from mobilize.checkins.decision import Decision, Proof
from mobilize.checkins.models import Attendance, Evidence, KnownPhone, Outcome, Tier, Walkup
from mobilize.checkins.typed import WALKUPS_KEPT
from mobilize.database import insert, new_id
from mobilize.direct import Ready, Wire, given

Row = dict[str, Any]
# What was typed is kept with these, so that a person can say who it was.
_KEPT_FOR_A_PERSON = (Outcome.WALKUP, Outcome.AMBIGUOUS)


def row_of(proof: Proof, decided: Decision, now: datetime) -> Row:
    """Every value that is stored of a claim, under the names its statements use."""
    method = decided.method or proof.method
    row = {
        "evidence_id": new_id(),
        "event_id": proof.event_id,
        "shift_id": decided.shift_id,
        "nonce": proof.nonce,
        "body_hash": crypto.fingerprint(proof.body),
        "method": method,
        "tier": method.tier,
        "outcome": decided.outcome,
        "member_id": decided.member_id,
        "chapter_id": decided.chapter_id,
        "walkup_id": None,
        "gate_id": proof.gate_id,
        "device_hmac": proof.device,
        "ticket_hmac": proof.ticket,
        "ticket_place": decided.ticket_place,
        "grant_id": proof.grant_id,
        "happened_at": proof.happened_at,
        "clock_error_s": proof.clock_error_s,
        "time_uncertain": decided.time_uncertain,
        "recorded_at": now,
        "says": proof.says,
        "duty": proof.duty,
        "attendance_id": None,
        "observed": proof.method.is_observed,
    }
    if decided.outcome is Outcome.COUNTED:
        row["attendance_id"] = new_id()
    if decided.outcome in _KEPT_FOR_A_PERSON and proof.typed is not None:
        row["walkup_id"] = walkup_id = new_id()
        row["walkup_typed_enc"] = Walkup.typed.seal(walkup_id, proof.typed.text)
        row["walkup_typed_bix"] = proof.typed.bix
        row["walkup_kind"] = proof.typed.kind
        row["walkup_until"] = now + WALKUPS_KEPT
    return row


def store(wire: Wire, rows: Sequence[Row]) -> list[Outcome] | None:
    """Store all of these rows, or none; what stands in a row of a phone (`known_phones.phone_row`) with them.

    Returns an outcome for each: `counted` becomes `repeat` where she is in already. None: a nonce of theirs,
    or the place of a ticket, was taken a moment ago. No two may be about the same deed, member, number,
    phone or ticket.
    """
    try:
        with wire.writing():
            return _at_once(wire, rows) if wire.takes_many else [_in_steps(wire, row) for row in rows]
    except (wire.taken, _StoredAlready):
        return None


def remember(wire: Wire, phone: Row) -> None:
    """Keep what was typed on a phone, without a check-in."""
    wire.run(_PHONE, phone)


def _at_once(wire: Wire, rows: Sequence[Row]) -> list[Outcome]:
    # Everybody locks in this order, so that two of these never wait for each other.
    ordered = sorted(
        rows, key=lambda row: (row["event_id"], str(row["member_id"]), row.get("walkup_typed_bix") or b"")
    )
    outcomes: dict[Any, Any] = dict(wire.run_for(_AT_ONCE, ordered))
    return [Outcome(outcomes[row["evidence_id"]]) for row in rows]


def _in_steps(wire: Wire, row: Row) -> Outcome:
    if row["attendance_id"]:
        added = wire.run(_ATTEND, row) == [(row["attendance_id"],)]
        row["outcome"] = Outcome.COUNTED if added else Outcome.REPEAT
    if row["walkup_id"]:
        [(row["walkup_id"],)] = wire.run(_WALK_UP, row)
    if "phone_id" in row:
        wire.run(_PHONE, row)
    if not wire.run(_EVIDENCE, row):
        raise _StoredAlready
    outcome: Outcome = row["outcome"]
    return outcome


class _StoredAlready(Exception):
    """Undoes the steps before it."""


_ATTENDANCE = {"id": "attendance_id", "first_at": "happened_at"} | {
    name: name for name in ("event_id", "shift_id", "member_id", "chapter_id", "tier", "observed")
}
_WALKUP = {"id": "walkup_id", "event_id": "event_id", "until": "walkup_until"} | {
    name: f"walkup_{name}" for name in ("typed_enc", "typed_bix", "kind")
}
_KNOWN_PHONE = {"id": "phone_id"} | {
    name: f"phone_{name}" for name in ("token_hash", "typed_enc", "typed_bix", "used_on")
}
_WHOLE = {column.name: column.name for column in Evidence.__table__.c} | {"id": "evidence_id"}


def _added(table: Any, names: dict[str, str], rows: Any = None, **instead: Any) -> Any:
    """INSERT of these columns, called as the row calls them: of one row, or of all `given` ones that have an
    id for this table."""
    if rows is None:
        bound = {column: bindparam(name, type_=table.c[column].type) for column, name in names.items()}
        return insert(table).values(bound | instead)
    values = {column: rows.c[name] for column, name in names.items()} | instead
    those = select(*values.values()).where(values["id"].is_not(None))
    return insert(table).from_select(list(values), those, include_defaults=False)


def _attend(rows: Any = None) -> Any:
    """Add her, or strengthen what stands there already. No row comes back where it stays as it was."""
    table = Attendance.__table__
    added = _added(table, _ATTENDANCE, rows, late=literal(False), was_eligible=literal(False))
    new, there = added.excluded, table.c
    other_kind, earlier = new.tier != there.tier, new.first_at < there.first_at
    is_back = there.out_at < new.first_at
    is_observed = and_(new.observed, ~there.observed)
    return added.on_conflict_do_update(
        index_elements=["event_id", "shift_id", "member_id"],
        set_={
            "tier": case((other_kind, literal(Tier.VERIFIED, there.tier.type)), else_=there.tier),
            "first_at": case((earlier, new.first_at), else_=there.first_at),
            "out_at": case((is_back, null()), else_=there.out_at),
            "observed": or_(there.observed, new.observed),
        },
        where=or_(other_kind, earlier, is_back, is_observed),
    ).returning(there.id)


def _walk_up(rows: Any = None) -> Any:
    """Once per event and number; the id of the row that stands there, old or new."""
    table = Walkup.__table__
    added = _added(table, _WALKUP, rows)
    return added.on_conflict_do_update(
        index_elements=["event_id", "typed_bix"], set_={"until": table.c.until}
    ).returning(table.c.id, *([table.c.event_id, table.c.typed_bix] if rows is not None else []))


def _phone(rows: Any = None) -> Any:
    added = _added(KnownPhone.__table__, _KNOWN_PHONE, rows)
    says = {name: added.excluded[name] for name in ("typed_enc", "typed_bix", "used_on")}
    return added.on_conflict_do_update(index_elements=["id"], set_=says)


def _evidence() -> Any:
    table = Evidence.__table__
    return _added(table, _WHOLE).on_conflict_do_nothing().returning(table.c.outcome)


def _all_at_once() -> Any:
    """The evidence with whatever goes with it. One nonce being taken undoes the whole statement."""
    named = ((Attendance, _ATTENDANCE), (Walkup, _WALKUP), (KnownPhone, _KNOWN_PHONE), (Evidence, _WHOLE))
    kinds = {name: table.__table__.c[column].type for table, names in named for column, name in names.items()}
    rows, there = given(kinds), Evidence.__table__.c
    attended, walked_up = _attend(rows).cte("attended"), _walk_up(rows).cte("walked_up")
    counted, repeat = (literal(word, there.outcome.type) for word in (Outcome.COUNTED, Outcome.REPEAT))
    is_new = rows.c.attendance_id.in_(select(attended.c.id))
    outcome = case((rows.c.attendance_id.is_(None), rows.c.outcome), (is_new, counted), else_=repeat)
    same = (walked_up.c.event_id == rows.c.event_id) & (walked_up.c.typed_bix == rows.c.walkup_typed_bix)
    walkup = select(walked_up.c.id).where(same).scalar_subquery()
    added = _added(Evidence.__table__, _WHOLE, rows, outcome=outcome, walkup_id=walkup)
    return added.add_cte(_phone(rows).cte("phone")).returning(there.id, there.outcome)


_ATTEND, _WALK_UP, _PHONE, _EVIDENCE = Ready(_attend), Ready(_walk_up), Ready(_phone), Ready(_evidence)
_AT_ONCE = Ready(_all_at_once)
