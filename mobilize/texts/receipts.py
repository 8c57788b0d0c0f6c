"""What the carrier says became of a text. Receipts come unordered, repeated, and sometimes before our own
note."""

import uuid
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Integer, String, bindparam, func, null, or_, select, update
from sqlalchemy.orm import Session

from mobilize.database import Moment, atomic, insert, is_postgres
from mobilize.direct import Ready, on_wire
from mobilize.texts import failures, rehearsal
from mobilize.texts.models import Attempt, OutboxText, Outcome, Receipt, TextState

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
IN_DOUBT = (Outcome.UNKNOWN, Outcome.STARTED, Outcome.NOT_FOUND)


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
    known = _note_usual(sid, status, error_code, now)
    if known is not None:
        return known
    with atomic() as session:
        text, attempt = _whose(session, sid, outbox_id, n)
        if not _is_new(session, sid, status, text, error_code, now):
            return False
        if text and attempt:
            _move_on(session, text, attempt, sid, status, error_code, now)
        rehearsal.reach("receiving")
        return True


def _note_usual(sid: str, status: str, error_code: int | None, now: datetime) -> bool | None:
    """The same in one statement for nearly all there are: good news of a message whose name we know.

    None: not one of these, and nothing was done.
    """
    state = STATE_OF.get(status)
    if state is None or state is TextState.FAILED or not is_postgres():
        return None
    rehearsal.reach("receiving")
    values = {"sid": sid, "status": status, "error_code": error_code, "now": now}
    [(known, new)] = on_wire(lambda wire: wire.run(_USUAL[state], values))
    return bool(new) if known else None


def _usual(state: TextState) -> Any:
    """SQL: the receipt, stored if it is new, and its text moved on; how many attempts it fits, and whether
    it is new. A text that another receipt moves at the same moment is looked at again when that is done."""
    sid, now = bindparam("sid", type_=String), bindparam("now", type_=Moment())
    mine = select(Attempt.outbox_id, Attempt.n).where(Attempt.sid == sid).cte("mine")
    status, code = bindparam("status", type_=String), bindparam("error_code", type_=Integer)
    columns = ["sid", "status", "outbox_id", "error_code", "received_at"]
    new = (
        insert(Receipt)
        .from_select(columns, select(sid, status, mine.c.outbox_id, code, now))
        .on_conflict_do_nothing()
        .returning(Receipt.outbox_id)
        .cte("new")
    )
    values: dict[str, Any] = {"state": state, "claimed_by": null(), "claimed_until": null()}
    if state is TextState.DELIVERED:
        values |= {"settled_at": now, "error_code": null()}
    behind = or_(*(OutboxText.state == one for one, rank in RANK.items() if rank < RANK[state]))
    moved = (
        update(OutboxText)
        .where(OutboxText.id == new.c.outbox_id, OutboxText.id == mine.c.outbox_id)
        .where(OutboxText.tries == mine.c.n, behind)
        .values(values)
        .returning(OutboxText.id)
        .cte("moved")
    )
    how_many = [select(func.count()).select_from(one).scalar_subquery() for one in (mine, new)]
    return select(*how_many).add_cte(moved)


_USUAL = {
    state: Ready(partial(_usual, state))
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
    ours = [a for a in attempts if a.sid == sid]
    unnamed = [a for a in attempts if a.sid is None and a.outcome in IN_DOUBT and n in (None, a.n)]
    return text, next(iter(ours + sorted(unnamed, key=lambda a: IN_DOUBT.index(a.outcome))), None)


def _is_new(
    session: Session, sid: str, status: str, text: OutboxText | None, error_code: int | None, now: datetime
) -> bool:
    ours = text.id if text else None
    row = {"sid": sid, "status": status, "outbox_id": ours, "error_code": error_code, "received_at": now}
    stored = insert(Receipt).values(row).on_conflict_do_nothing().returning(Receipt.sid)
    return session.scalar(stored) is not None


def _move_on(
    session: Session,
    text: OutboxText,
    attempt: Attempt,
    sid: str,
    status: str,
    error_code: int | None,
    now: datetime,
) -> None:
    if attempt.sid is None:
        late = attempt.outcome is Outcome.NOT_FOUND and attempt.n < text.tries
        attempt.sid, attempt.look_after, attempt.ended_at = sid, None, now
        attempt.outcome = Outcome.LATE if late else Outcome.ADOPTED
    state = STATE_OF.get(status)
    if state is None or attempt.n != text.tries or RANK[state] <= RANK[text.state]:
        return
    if state is TextState.FAILED:
        failures.did_not_arrive(session, text, error_code or 0, now=now)
        return
    text.state, text.claimed_by, text.claimed_until = state, None, None
    if state is TextState.DELIVERED:
        text.settled_at, text.error_code = now, None
