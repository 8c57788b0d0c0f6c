"""Delivery receipts of the carrier: unordered, repeated, and sometimes there before the call is recorded."""

import uuid
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, null, or_, select, update
from sqlalchemy.orm import Session

from mobilize import failpoints
from mobilize.database import UtcDateTime, atomic, insert, is_postgres
from mobilize.fast.statements import CachedStatement, Rows, all_or_nothing, retried, run
from mobilize.observability import metrics
from mobilize.texts.models import Attempt, AttemptOutcome, OutboxText, Receipt, TextState
from mobilize.texts.sending import failures

# accepted < queued < sending < sent < {undelivered, failed, canceled} < delivered: forward only.
STATE_OF = {
    "accepted": TextState.ACCEPTED,
    "scheduled": TextState.ACCEPTED,
    "queued": TextState.ACCEPTED,
    "sending": TextState.ACCEPTED,
    "sent": TextState.SENT,
    "undelivered": TextState.FAILED,
    "failed": TextState.FAILED,
    "canceled": TextState.FAILED,
    "delivered": TextState.DELIVERED,
    "read": TextState.DELIVERED,
}
RANK = {
    TextState.WAITING: 0,
    TextState.CLAIMED: 0,
    TextState.UNKNOWN: 0,
    TextState.STUCK: 0,
    TextState.DROPPED: 0,
    TextState.ACCEPTED: 1,
    TextState.SENT: 2,
    TextState.FAILED: 3,
    TextState.DELIVERED: 4,
}
# Attempts whose message may have left without our knowing its name; for an address without `n`, likeliest
# first.
IN_DOUBT = (AttemptOutcome.UNKNOWN, AttemptOutcome.STARTED, AttemptOutcome.NOT_FOUND)


def note_receipt(
    sid: str,
    status: str,
    *,
    outbox_id: uuid.UUID | None,
    error_code: int | None,
    now: datetime,
    n: int | None = None,
) -> bool:
    """Store one receipt and move its text forward. False for a repeat, which changes nothing.

    Found by the carrier's id where we know it, else by our own from the address: `outbox_id` and `n`, the
    attempt. One that fits nothing is stored as it is.
    """
    is_new = _note_usual(sid, status, error_code, now)
    if is_new is None:
        is_new = _note_unusual(sid, status, outbox_id, error_code, now, n)
    if is_new:
        metrics.RECEIPTS.labels(STATE_OF.get(status, "other")).inc()
    return is_new


def _note_usual(sid: str, status: str, error_code: int | None, now: datetime) -> bool | None:
    """The usual receipt, noted in one statement: a success of a message whose sid is stored.

    None: not one of these, and nothing was done.
    """
    state = STATE_OF.get(status)
    if state is None or state is TextState.FAILED or not is_postgres():
        return None
    failpoints.reach("receiving")
    values = {"sid": sid, "status": status, "code": error_code, "now": now}
    [(fitting, new)] = retried(lambda: _stored_usual(state, values))
    return bool(new) if fitting else None


def _note_unusual(
    sid: str, status: str, outbox_id: uuid.UUID | None, error_code: int | None, now: datetime, n: int | None
) -> bool:
    with atomic() as session:
        text, attempt = _whose(session, sid, outbox_id, n)
        if not _is_new(session, sid, status, text, error_code, now):
            return False
        if text and attempt:
            _move_on(text, attempt, sid, status, error_code, now)
        failpoints.reach("receiving")
        return True


def _stored_usual(state: TextState, values: dict[str, Any]) -> Rows:
    with all_or_nothing():
        return run(_USUAL[state], values)


def _usual(state: TextState) -> Any:
    """SQL: the receipt, stored if it is new, and its text moved on; how many attempts it fits, and whether
    it is new. A text that another receipt moves at the same moment is looked at again when that is done."""
    sid: Any = bindparam("sid")
    now = bindparam("now", type_=UtcDateTime())
    attempt = select(Attempt.outbox_id, Attempt.n).where(Attempt.sid == sid).cte()
    columns = ["sid", "status", "outbox_id", "error_code", "received_at"]
    new = (
        insert(Receipt)
        .from_select(columns, select(sid, bindparam("status"), attempt.c.outbox_id, bindparam("code"), now))
        .on_conflict_do_nothing()
        .returning(Receipt.outbox_id)
        .cte()
    )
    values: dict[str, Any] = {"state": state, "claimed_by": null(), "claimed_until": null()}
    if state is TextState.DELIVERED:
        values |= {"settled_at": now, "error_code": null()}
    behind = or_(*(OutboxText.state == one for one, rank in RANK.items() if rank < RANK[state]))
    if state is not TextState.DELIVERED:
        behind = and_(behind, ~_waits_for_its_next_attempt())
    moved = (
        update(OutboxText)
        .where(OutboxText.id == new.c.outbox_id, OutboxText.tries == attempt.c.n, behind)
        .values(values)
        .cte()
    )
    how_many = [select(func.count()).select_from(one).scalar_subquery() for one in (attempt, new)]
    return select(*how_many).add_cte(moved)


def _waits_for_its_next_attempt() -> ColumnElement[bool]:
    """SQL: a receipt has said that the last attempt did not arrive, and the text is sent once more. That it
    was "sent" before, said late, is no news; only "delivered" is."""
    return and_(OutboxText.state == TextState.WAITING, OutboxText.error_code.is_not(None))


_USUAL = {
    state: CachedStatement(partial(_usual, state))
    for state in (TextState.ACCEPTED, TextState.SENT, TextState.DELIVERED)
}


def _whose(
    session: Session, sid: str, outbox_id: uuid.UUID | None, n: int | None
) -> tuple[OutboxText | None, Attempt | None]:
    """The text, locked, and the attempt this message is: the one with its sid, else the one it names.

    Which of several attempts a message is matters: given to an older one, the looks for the newer one would
    find its message owned, and it would be sent once more.
    """
    owner = session.scalar(select(Attempt.outbox_id).where(Attempt.sid == sid))
    text = session.get(OutboxText, owner or outbox_id, with_for_update=True) if owner or outbox_id else None
    if text is None:
        return None, None
    attempts = session.scalars(select(Attempt).where(Attempt.outbox_id == text.id).order_by(Attempt.n)).all()
    named = [a for a in attempts if a.sid == sid]
    unnamed = [a for a in attempts if a.sid is None and a.outcome in IN_DOUBT and n in (None, a.n)]
    return text, next(iter(named + sorted(unnamed, key=lambda a: IN_DOUBT.index(a.outcome))), None)


def _is_new(
    session: Session, sid: str, status: str, text: OutboxText | None, error_code: int | None, now: datetime
) -> bool:
    outbox_id = text.id if text else None
    row = {"sid": sid, "status": status, "outbox_id": outbox_id, "error_code": error_code, "received_at": now}
    stored = insert(Receipt).values(row).on_conflict_do_nothing().returning(Receipt.sid)
    return session.scalar(stored) is not None


def _move_on(
    text: OutboxText,
    attempt: Attempt,
    sid: str,
    status: str,
    error_code: int | None,
    now: datetime,
) -> None:
    if attempt.sid is None:
        late = attempt.outcome is AttemptOutcome.NOT_FOUND and attempt.n < text.tries
        attempt.sid, attempt.look_after, attempt.ended_at = sid, None, now
        attempt.outcome = AttemptOutcome.LATE if late else AttemptOutcome.ADOPTED
        if text.state is TextState.UNKNOWN and attempt.n == text.tries + 1:
            text.tries = attempt.n  # made in minutes that a restore has lost
    state = STATE_OF.get(status)
    if state is None or attempt.n != text.tries or RANK[state] <= RANK[text.state]:
        return
    if state is TextState.FAILED:
        failures.did_not_arrive(text, error_code or 0, carrier=attempt.carrier, now=now)
        return
    waits_for_the_next = text.state is TextState.WAITING and text.error_code is not None
    if waits_for_the_next and state is not TextState.DELIVERED:
        return
    if text.state is TextState.STUCK:
        text.reason, text.settled_at = None, None
    text.state, text.claimed_by, text.claimed_until = state, None, None
    if state is TextState.DELIVERED:
        text.settled_at, text.error_code = now, None
