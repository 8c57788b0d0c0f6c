"""Recovery of the texts after a restore: what may have left in the minutes that were lost is looked up in the
carriers' logs before anything leaves again.

What was due then is *unknown*; three minutes later, when a message that was taken in the last of them is in
its carrier's list, and the journal was replayed, the logs are read: texts to us first, one of which may be a
STOP. A text that is there is adopted, one that is not leaves. While a log cannot be read nothing but new
codes, emergencies and confirmations of opt-outs does.
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from mobilize import failpoints, settings
from mobilize.backup import gaps
from mobilize.backup.gaps import GapReason, OpenGap, open_gaps
from mobilize.database import atomic, db, insert
from mobilize.keys.crypto import blind_index
from mobilize.texts import carriers
from mobilize.texts.carriers.base import CarrierMessage, CarrierModule, LogUnreadable
from mobilize.texts.models import (
    AFTER_RESTORE,
    Attempt,
    AttemptOutcome,
    OutboxText,
    TextState,
    UnmatchedMessage,
)
from mobilize.texts.receiving.missed_events import OVERLAP, take_missed_texts
from mobilize.texts.sending import unmatched
from mobilize.texts.sending.claiming import TO_SEND, ClaimedText, open_questions, opened, question_of
from mobilize.texts.sending.spending import note_spent

# A carrier's list lags by less, see `texts/sending/reconciling.py`; that of a demo's stand-in by nothing.
LOGS_ARE_WHOLE_AFTER = timedelta(seconds=failpoints.seconds(180))
BATCH = 500
UNREADABLE = "log_unreadable"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

is_recovering = open_gaps


@dataclass
class RecoveryCounts:
    """The counts of one recovery."""

    unknown: int = 0
    unmatched: int = 0
    adopted: int = 0
    given_back: int = 0
    stuck: int = 0
    is_done: bool = False


def recover(*, now: datetime) -> RecoveryCounts:
    """Take the next step of the gap that is open; nothing where there is none. Safe to run twice and at once,
    and to be killed anywhere."""
    counts = RecoveryCounts()
    gap = gaps.look()
    if gap is None:
        unmatched.forget_old(now=now)
        return counts
    counts.unknown = _mark_due_as_unknown(gap, now)
    is_whole = settings().is_demo or gap.age >= LOGS_ARE_WHOLE_AFTER
    if not is_whole or not gap.is_replayed:
        return counts
    try:
        take_missed_texts(gap.from_at - OVERLAP)
        counts.unmatched = sum(_store_unmatched(carrier, gap) for carrier in carriers.set_up())
    except LogUnreadable:
        if not gap.is_given_up:
            gaps.note_trouble(gap.id, UNREADABLE)
            return counts
    _settle_unknown(gap, counts, now)
    gaps.note_log_read(gap.id, is_loss=counts.unmatched > 0)
    counts.is_done = True
    return counts


def _mark_due_as_unknown(gap: OpenGap, now: datetime) -> int:
    """What was due before the gap was noticed may have left in it. Each batch is a transaction."""
    if not settings().carriers_set_up:
        return 0
    due = (
        OutboxText.state == TextState.WAITING,
        OutboxText.next_try_at <= gap.opened_at,
        OutboxText.queued_at < gap.opened_at,
    )
    total = 0
    while True:
        with atomic() as session:
            batch = select(*TO_SEND).where(*due).limit(BATCH).with_for_update(skip_locked=True, of=OutboxText)
            rows = session.execute(batch).all()
            texts = [text for row in rows if (text := opened(session, row, _first_carrier(), now))]
            _make_unknown(session, texts, gap)
        total += len(texts)
        if len(rows) < BATCH:
            return total


def _make_unknown(session: Session, texts: list[ClaimedText], gap: OpenGap) -> None:
    """An attempt of which nobody knows, for each. `tries` stays: it may never have been made."""
    if not texts:
        return
    ids = [text.id for text in texts]
    state = {"state": TextState.UNKNOWN, "reason": AFTER_RESTORE}
    session.execute(
        update(OutboxText)
        .where(OutboxText.id.in_(ids))
        .values(state)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        insert(Attempt.__table__).returning(Attempt.__table__.c.n),
        [
            {
                "outbox_id": text.id,
                "n": text.n,
                "started_at": gap.from_at,
                "outcome": AttemptOutcome.UNKNOWN,
                "carrier": text.carrier,
                "body_index": blind_index("body", text.body),
                "looks": 0,
                "blind_looks": 0,
            }
            for text in texts
        ],
    )


def _store_unmatched(carrier: CarrierModule, gap: OpenGap) -> int:
    """The messages in this carrier's log since the gap began that no attempt knows; how many there are."""
    messages = [one for one in carrier.outbound_since(gap.from_at - OVERLAP) if one.to]
    return sum(
        _store_batch(carrier, messages[start : start + BATCH]) for start in range(0, len(messages), BATCH)
    )


def _store_batch(carrier: CarrierModule, messages: Sequence[CarrierMessage]) -> int:
    sids = [message.sid for message in messages]
    with atomic() as session:
        owned = set(session.scalars(select(Attempt.sid).where(Attempt.sid.in_(sids))))
        rows = [_row(carrier, message) for message in messages if message.sid not in owned]
        if rows:
            session.execute(insert(UnmatchedMessage).on_conflict_do_nothing(), rows)
    return len(rows)


def _row(carrier: CarrierModule, message: CarrierMessage) -> dict[str, Any]:
    named = _UUID.search(message.callback)
    return {
        "sid": message.sid,
        "carrier": carrier.NAME,
        "phone_index": blind_index("phone", message.to),
        "body_index": blind_index("body", message.body) if message.body else None,
        "names_id": uuid.UUID(named.group()) if named else None,
        "created_at": message.created_at,
    }


def _settle_unknown(gap: OpenGap, counts: RecoveryCounts, now: datetime) -> None:
    """Each text in doubt: adopted, waiting again, or left to a person."""
    proves = _absence_proves(gap, counts)
    while True:
        with atomic() as session:
            of_gap = select(*TO_SEND, OutboxText.reason).where(*_in_doubt()).limit(BATCH)
            rows = session.execute(of_gap.with_for_update(skip_locked=True, of=OutboxText)).all()
            messages = unmatched.of_phones(session, {row.phone_index for row in rows}, now)
            left = [row for row in rows if _settle(session, row, messages, proves, counts, now)]
            open_questions([question_of(row) for row in left if row.asks and row.event_id], now=now)
            if left:
                note_spent(session, sum(row.segments for row in left), now=now)
        if len(rows) < BATCH:
            return


def _settle(
    session: Session, row: Any, messages: Any, proves: bool, counts: RecoveryCounts, now: datetime
) -> bool:
    """Whether it has left."""
    text = opened(session, row, _first_carrier(), now)
    if text is None:
        return False
    message = unmatched.pick(messages.get(row.phone_index, []), text, row.language)
    if message is not None and unmatched.is_certain(message, row.id):
        unmatched.adopt(session, message, row.id, text.n, now=now)
        counts.adopted += 1
        return True
    if message is not None or not proves:
        unmatched.leave_to_person(session, message, row.id, text.n, now=now)
        counts.stuck += 1
        return False
    _give_back(session, row, text.n, now)
    counts.given_back += 1
    return False


def _give_back(session: Session, row: Any, n: int, now: datetime) -> None:
    """It has not left. Where somebody has taken it back meanwhile, it does not."""
    session.execute(delete(Attempt).where(Attempt.outbox_id == row.id, Attempt.n == n))
    values: dict[str, Any] = {"state": TextState.WAITING, "reason": None}
    if row.reason != AFTER_RESTORE:
        values = {"state": TextState.DROPPED, "settled_at": now}
    session.execute(
        update(OutboxText)
        .where(OutboxText.id == row.id)
        .values(values)
        .execution_options(synchronize_session=False)
    )


def _in_doubt() -> tuple[Any, ...]:
    """SQL: its attempt is looked up by nobody else."""
    attempt = exists().where(
        Attempt.outbox_id == OutboxText.id,
        Attempt.n == OutboxText.tries + 1,
        Attempt.outcome == AttemptOutcome.UNKNOWN,
        Attempt.look_after.is_(None),
    )
    return OutboxText.state == TextState.UNKNOWN, attempt


def _absence_proves(gap: OpenGap, counts: RecoveryCounts) -> bool:
    """Whether what no log shows has not left. A list that is promised for no moment proves it only where
    nothing says that anything left by it at all."""
    if gap.is_given_up:
        return False
    doubtful = [carrier for carrier in carriers.set_up() if not carrier.ABSENCE_PROVES]
    if not doubtful:
        return True
    if gap.reason is GapReason.SILENCE and not counts.unmatched:
        return True
    used = set(db.session.scalars(select(UnmatchedMessage.carrier).distinct()))
    return not any(_first_carrier() == one.NAME or one.NAME in used for one in doubtful)


def _first_carrier() -> str:
    return settings().carriers_set_up[0]
