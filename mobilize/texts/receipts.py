"""What the carrier says became of a text. Receipts come unordered, repeated, and sometimes before our own
note."""

import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobilize.database import atomic, insert
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
    with atomic() as session:
        text, attempt = _whose(session, sid, outbox_id, n)
        if not _is_new(session, sid, status, text, error_code, now):
            return False
        if text and attempt:
            _move_on(session, text, attempt, sid, status, error_code, now)
        rehearsal.reach("receiving")
        return True


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
