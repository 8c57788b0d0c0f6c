"""Inbound texts and receipts whose callbacks we missed: each carrier's log is read from time to time, and
they are taken in as if the callbacks had come. Inbound texts first, since one of them may be a STOP.
"""

from datetime import datetime, timedelta

from sqlalchemy import select

from mobilize.database import db, locks
from mobilize.texts import carriers
from mobilize.texts.carriers.base import CarrierModule, LogUnreadable
from mobilize.texts.models import Attempt, OutboxText, TextState
from mobilize.texts.receiving.callbacks import note_fetched
from mobilize.texts.receiving.inbound import InboundChannel, take_inbound
from mobilize.texts.receiving.receipts import note_receipt

# When the log of each carrier was last read; the first is older than the second.
CAUGHT_UP = {"twilio": "texts.catch_up", "telnyx": "texts.catch_up.telnyx"}
# Read again each time: what arrived while the last reading was under way.
OVERLAP = timedelta(minutes=10)
# The first time, and after a long rest. Bodies are kept a week, and what is older concerns no open question.
FIRST_TIME, AT_MOST = timedelta(hours=1), timedelta(days=7)
# A receipt usually comes within seconds; the carrier holds a text for ten hours at most.
RECEIPT_IS_LATE, WAITED_FOR_AT_MOST = timedelta(minutes=10), timedelta(hours=12)


def catch_up(*, now: datetime) -> tuple[int, int]:
    """Take in the texts and the receipts we missed; returns how many of each were new.

    Safe to run twice and at once: a text is taken once per carrier's id, a receipt once per status. While the
    log of a carrier cannot be read nothing of it happens, and the next time reads from where this one would
    have.
    """
    texts = receipts = 0
    for carrier in carriers.set_up():
        last_run = locks.last_run(CAUGHT_UP[carrier.NAME])
        since = max(last_run - OVERLAP, now - AT_MOST) if last_run else now - FIRST_TIME
        try:
            fetched = _take_missed_texts(carrier, since)
            texts += fetched
            note_fetched(carrier.NAME, fetched, now=now)
            receipts += _missed_receipts(carrier, now)
        except LogUnreadable:
            continue
        locks.record_run(CAUGHT_UP[carrier.NAME], now=now)
    return texts, receipts


def take_missed_texts(since: datetime) -> int:
    """Take in inbound texts of the carriers' logs since then; returns how many are new. Raises
    `LogUnreadable`."""
    return sum(_take_missed_texts(carrier, since) for carrier in carriers.set_up())


def _take_missed_texts(carrier: CarrierModule, since: datetime) -> int:
    """Oldest first, each at the moment it came: a START after a STOP stays the later word."""
    new = 0
    for number in carrier.numbers():
        for text in sorted(carrier.inbound_messages(number, since), key=lambda text: text.created_at):
            via = InboundChannel(carrier.NAME, number)
            taken = take_inbound(text.sid, text.sender, text.body[:1600], via=via, now=text.created_at)
            new += taken is not None
    return new


def _missed_receipts(carrier: CarrierModule, now: datetime) -> int:
    """Receipts of texts that were accepted a while ago and have none yet."""
    waiting = dict(
        db.session.execute(
            select(Attempt.sid, Attempt.started_at)
            .join(OutboxText, OutboxText.id == Attempt.outbox_id)
            .where(
                OutboxText.state == TextState.ACCEPTED,
                Attempt.carrier == carrier.NAME,
                Attempt.sid.is_not(None),
                Attempt.started_at.between(now - WAITED_FOR_AT_MOST, now - RECEIPT_IS_LATE),
            )
        ).all()
    )
    db.session.rollback()
    if not waiting:
        return 0
    log = carrier.outbound_messages(min(waiting.values()) - OVERLAP)
    return sum(
        note_receipt(text.sid, text.status, outbox_id=None, error_code=text.error_code, now=now)
        for text in log
        if text.sid in waiting
    )
