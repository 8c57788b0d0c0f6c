"""What the carrier told us and we did not hear: its log is read from time to time, and taken in as if it had
come by itself. Texts to us first, since one of them may be a STOP.
"""

from datetime import datetime, timedelta

from sqlalchemy import select

from mobilize import leases, settings
from mobilize.database import db
from mobilize.texts import carrier
from mobilize.texts.carrier import LogUnreadable
from mobilize.texts.inbound import take_inbound
from mobilize.texts.models import Attempt, OutboxText, TextState
from mobilize.texts.receipts import note_receipt

CAUGHT_UP = "texts.catch_up"
# Read again each time: what arrived while the last reading was under way.
OVERLAP = timedelta(minutes=10)
# The first time, and after a long rest. Bodies are kept a week, and what is older concerns no open question.
FIRST_TIME, AT_MOST = timedelta(hours=1), timedelta(days=7)
# A receipt usually comes within seconds; the carrier holds a text for ten hours at most.
RECEIPT_IS_LATE, GIVEN_UP = timedelta(minutes=10), timedelta(hours=12)


def catch_up(*, now: datetime) -> tuple[int, int]:
    """Take in the texts and the receipts we missed; returns how many of each were new.

    Safe to run twice and at once: a text is taken once per carrier's id, a receipt once per status. While the
    log cannot be read nothing happens, and the next time reads from where this one would have.
    """
    if not carrier.is_set_up():
        return 0, 0
    heard = leases.last_run(CAUGHT_UP)
    since = max(heard - OVERLAP, now - AT_MOST) if heard else now - FIRST_TIME
    try:
        found = take_missed_texts(since), _missed_receipts(now)
    except LogUnreadable:
        return 0, 0
    leases.note_run(CAUGHT_UP, now=now)
    return found


def take_missed_texts(since: datetime) -> int:
    """Those in the carrier's log since then; how many of them were new. Raises `LogUnreadable`.

    Oldest first, each at the moment it came: a START after a STOP stays the later word.
    """
    ours = settings().text_number
    texts = sorted(carrier.came_in(ours, since), key=lambda text: text.created_at) if ours else []
    return sum(
        take_inbound(text.sid, text.sender, text.body[:1600], now=text.created_at) is not None
        for text in texts
    )


def _missed_receipts(now: datetime) -> int:
    """What became of texts that were taken a while ago and of which nothing was heard since."""
    waiting = dict(
        db.session.execute(
            select(Attempt.sid, Attempt.started_at)
            .join(OutboxText, OutboxText.id == Attempt.outbox_id)
            .where(
                OutboxText.state == TextState.ACCEPTED,
                Attempt.sid.is_not(None),
                Attempt.started_at.between(now - GIVEN_UP, now - RECEIPT_IS_LATE),
            )
        ).all()
    )
    db.session.rollback()
    if not waiting:
        return 0
    log = carrier.went_out(min(waiting.values()) - OVERLAP)
    return sum(
        note_receipt(text.sid, text.status, outbox_id=None, error_code=text.error_code, now=now)
        for text in log
        if text.sid in waiting
    )
