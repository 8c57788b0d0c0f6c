"""Storage of decided requests: one statement on PostgreSQL, one short transaction elsewhere.

Both store the same rows. One statement is a transaction by itself, for one request or for fifty, and saves
BEGIN, COMMIT and the round trips; SQLite knows no INSERT inside a WITH, and has no round trips.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import and_, bindparam, case, literal, null, or_, select
from sqlalchemy.exc import IntegrityError

from mobilize.checkins.models import Attendance, Evidence, KnownPhone, Outcome, Tier, Walkup
from mobilize.checkins.record.decision import CheckInRequest, Decision
from mobilize.checkins.record.identifiers import WALKUPS_KEPT
from mobilize.database import insert, inside_atomic, is_postgres, new_id
from mobilize.fast.statements import CachedStatement, all_or_nothing, given_rows, run, run_for
from mobilize.fast.versions import LineVersion, mark_changed, raised
from mobilize.keys import crypto

StatementRow = dict[str, Any]
# What was typed is kept with these, so that a person can say who it was.
_KEPT_FOR_REVIEW = (Outcome.WALKUP, Outcome.AMBIGUOUS)


def row_of(request: CheckInRequest, decided: Decision, now: datetime) -> StatementRow:
    """Every value that is stored of a request, under the names its statements use."""
    method = decided.method or request.method
    row = {
        "evidence_id": new_id(),
        "event_id": request.event_id,
        "shift_id": decided.shift_id,
        "nonce": request.nonce,
        "body_hash": crypto.fingerprint(request.body),
        "method": method,
        "tier": method.tier,
        "outcome": decided.outcome,
        "member_id": decided.member_id,
        "chapter_id": decided.chapter_id,
        "walkup_id": None,
        "gate_id": request.gate_id,
        "device_hmac": request.device,
        "ticket_hmac": request.ticket,
        "ticket_place": decided.ticket_place,
        "grant_id": request.grant_id,
        "happened_at": request.happened_at,
        "clock_error_s": request.clock_error_s,
        "time_uncertain": decided.time_uncertain,
        "recorded_at": now,
        "kind": request.kind,
        "duty": request.duty,
        "attendance_id": None,
        "observed": request.method.is_observed,
    }
    if decided.outcome is Outcome.COUNTED:
        row["attendance_id"] = new_id()
    if decided.outcome in _KEPT_FOR_REVIEW and request.typed is not None:
        row["walkup_id"] = walkup_id = new_id()
        row["walkup_typed_enc"] = Walkup.typed.seal(walkup_id, request.typed.text)
        row["walkup_typed_index"] = request.typed.index
        row["walkup_kind"] = request.typed.kind
        row["walkup_until"] = now + WALKUPS_KEPT
    return row


def store(rows: Sequence[StatementRow]) -> list[Outcome] | None:
    """Store all of these rows, or none; the row of a phone (`known_phones.phone_row`) with them.

    Returns an outcome for each: `counted` becomes `repeat` where they are in already. None: a nonce, or
    the place of a ticket, was taken a moment ago. No two may be about the same nonce, member, number, phone
    or ticket.
    """
    try:
        with all_or_nothing():
            return _at_once(rows) if is_postgres() else [_in_steps(row) for row in rows]
    except (IntegrityError, _StoredAlready):
        return None


def remember(phone: StatementRow) -> None:
    """Keep what was typed on a phone, without a check-in."""
    with all_or_nothing():
        run(_PHONE, phone)


def _at_once(rows: Sequence[StatementRow]) -> list[Outcome]:
    # Everybody locks in this order, so that two of these never wait for each other.
    ordered = sorted(
        rows, key=lambda row: (row["event_id"], str(row["member_id"]), row.get("walkup_typed_index") or b"")
    )
    if inside_atomic():
        # The version last: more may follow here, for which rows are locked.
        mark_changed(*{row["event_id"] for row in rows})
    stored = run_for(_IN_PART if inside_atomic() else _AT_ONCE, ordered)
    outcomes = {evidence_id: outcome for evidence_id, outcome, *_event in stored}
    return [Outcome(outcomes[row["evidence_id"]]) for row in rows]


def _in_steps(row: StatementRow) -> Outcome:
    if row["attendance_id"]:
        added = run(_ATTEND, row) == [(row["attendance_id"],)]
        row["outcome"] = Outcome.COUNTED if added else Outcome.REPEAT
    if row["walkup_id"]:
        [(row["walkup_id"],)] = run(_WALK_UP, row)
    if "phone_id" in row:
        run(_PHONE, row)
    if not run(_EVIDENCE, row):
        raise _StoredAlready
    mark_changed(row["event_id"])
    outcome: Outcome = row["outcome"]
    return outcome


class _StoredAlready(Exception):
    """Rolls back the steps before it: the nonce was stored a moment ago."""


_ATTENDANCE = {"id": "attendance_id", "first_at": "happened_at"} | {
    name: name for name in ("event_id", "shift_id", "member_id", "chapter_id", "tier", "observed")
}
_WALKUP = {"id": "walkup_id", "event_id": "event_id", "until": "walkup_until"} | {
    name: f"walkup_{name}" for name in ("typed_enc", "typed_index", "kind")
}
_PHONE_COLUMNS = {"id": "phone_id"} | {
    name: f"phone_{name}" for name in ("token_hash", "typed_enc", "typed_index", "used_on")
}
_WHOLE = {column.name: column.name for column in Evidence.__table__.c} | {"id": "evidence_id"}


def _added(table: Any, names: dict[str, str], rows: Any = None, **instead: Any) -> Any:
    """INSERT of these columns, called as the row calls them: of one row, or of all given ones that have an
    id for this table."""
    if rows is None:
        bound = {column: bindparam(name, type_=table.c[column].type) for column, name in names.items()}
        return insert(table).values(bound | instead)
    values = {column: rows.c[name] for column, name in names.items()} | instead
    selected = select(*values.values()).where(values["id"].is_not(None))
    return insert(table).from_select(list(values), selected, include_defaults=False)


def _attend(rows: Any = None) -> Any:
    """Add the member, or strengthen the row that is stored already. Nothing is returned where it stays."""
    table = Attendance.__table__
    added = _added(table, _ATTENDANCE, rows, late=literal(False), was_eligible=literal(False))
    new, stored = added.excluded, table.c
    other_kind, earlier = new.tier != stored.tier, new.first_at < stored.first_at
    is_back = stored.out_at < new.first_at
    is_observed = and_(new.observed, ~stored.observed)
    return added.on_conflict_do_update(
        index_elements=["event_id", "shift_id", "member_id"],
        set_={
            "tier": case((other_kind, literal(Tier.VERIFIED, stored.tier.type)), else_=stored.tier),
            "first_at": case((earlier, new.first_at), else_=stored.first_at),
            "out_at": case((is_back, null()), else_=stored.out_at),
            "observed": or_(stored.observed, new.observed),
        },
        where=or_(other_kind, earlier, is_back, is_observed),
    ).returning(stored.id)


def _walk_up(rows: Any = None) -> Any:
    """Once per event and number; the id of the row that stands there, old or new."""
    table = Walkup.__table__
    added = _added(table, _WALKUP, rows)
    return added.on_conflict_do_update(
        index_elements=["event_id", "typed_index"], set_={"until": table.c.until}
    ).returning(table.c.id, *([table.c.event_id, table.c.typed_index] if rows is not None else []))


def _phone(rows: Any = None) -> Any:
    added = _added(KnownPhone.__table__, _PHONE_COLUMNS, rows)
    newer = {name: added.excluded[name] for name in ("typed_enc", "typed_index", "used_on")}
    return added.on_conflict_do_update(index_elements=["id"], set_=newer)


def _evidence() -> Any:
    table = Evidence.__table__
    return _added(table, _WHOLE).on_conflict_do_nothing().returning(table.c.outcome)


def _all_at_once(*, versions: bool) -> Any:
    """The evidence with whatever goes with it, with `versions` also the line's. One nonce being taken undoes
    the whole statement."""
    named = ((Attendance, _ATTENDANCE), (Walkup, _WALKUP), (KnownPhone, _PHONE_COLUMNS), (Evidence, _WHOLE))
    kinds = {name: table.__table__.c[column].type for table, names in named for column, name in names.items()}
    rows, stored = given_rows(kinds), Evidence.__table__.c
    attended, walked_up = _attend(rows).cte("attended"), _walk_up(rows).cte("walked_up")
    counted, repeat = (literal(word, stored.outcome.type) for word in (Outcome.COUNTED, Outcome.REPEAT))
    is_new = rows.c.attendance_id.in_(select(attended.c.id))
    outcome = case((rows.c.attendance_id.is_(None), rows.c.outcome), (is_new, counted), else_=repeat)
    same = (walked_up.c.event_id == rows.c.event_id) & (walked_up.c.typed_index == rows.c.walkup_typed_index)
    walkup = select(walked_up.c.id).where(same).scalar_subquery()
    added = _added(Evidence.__table__, _WHOLE, rows, outcome=outcome, walkup_id=walkup)
    added = added.add_cte(_phone(rows).cte("phone")).returning(stored.id, stored.outcome, stored.event_id)
    if not versions:
        return added
    evidence = added.cte("evidence")
    # Of what is stored, so that it comes last: many raise a version, and each locks it for its commit only.
    events = select(evidence.c.event_id, literal(1)).distinct().order_by(evidence.c.event_id)
    changed = raised(insert(LineVersion.__table__).from_select(["event_id", "n"], events)).cte("changed")
    return select(evidence.c.id, evidence.c.outcome).add_cte(changed)


_ATTEND, _WALK_UP = CachedStatement(_attend), CachedStatement(_walk_up)
_PHONE, _EVIDENCE = CachedStatement(_phone), CachedStatement(_evidence)
_AT_ONCE, _IN_PART = (CachedStatement(partial(_all_at_once, versions=alone)) for alone in (True, False))
