"""Redaction of the bodies of texts at the carriers, once they are TEXT_REDACT_AFTER_DAYS old, and older by a
day than the newest backup that was verified: after a restore, what is not in the books is looked up by its
words.

What we keep ourselves has its own periods (`privacy/retention/periods.py`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from mobilize import settings
from mobilize.backup import archive
from mobilize.database import atomic, db
from mobilize.texts import carriers
from mobilize.texts.carriers.base import CarrierModule, NotRedacted
from mobilize.texts.models import Attempt, Inbound

AT_ONCE = 200
BEFORE_THE_BACKUP = timedelta(days=1)
# A carrier that fails so often in a row is left alone until the next time.
GIVES_UP_AFTER = 5


def redact_due(*, now: datetime) -> int:
    """Let the carriers forget the words of old texts, ours and those to us; returns how many.

    Nothing while the setting is 0, or no backup was verified. What was redacted is noted one by one: killed
    in between, the next time redacts one again, which changes nothing. A carrier without such a call is left
    out.
    """
    days, until = settings().text_redact_after_days, archive.state().holds_until
    if not days or until is None:
        return 0
    before = min(now - timedelta(days=days), until - BEFORE_THE_BACKUP)
    redacted = 0
    for carrier in carriers.set_up():
        if carrier.KEEPS_WORDS:
            redacted += _redact_all(carrier, Attempt, _attempts(carrier.NAME, before), now)
            redacted += _redact_all(carrier, Inbound, _inbound(carrier.NAME, before), now)
    return redacted


def _attempts(carrier: str, before: datetime) -> Sequence[tuple[str, int]]:
    due = (
        select(Attempt.sid)
        .where(Attempt.redacted_at.is_(None), Attempt.sid.is_not(None), Attempt.carrier == carrier)
        .where(Attempt.started_at < before)
        .order_by(Attempt.started_at)
    )
    return [(sid, 0) for sid in db.session.scalars(due.limit(AT_ONCE)) if sid]


def _inbound(carrier: str, before: datetime) -> Sequence[tuple[str, int]]:
    due = (
        select(Inbound.sid, Inbound.media)
        .where(Inbound.redacted_at.is_(None), Inbound.carrier == carrier, Inbound.received_at < before)
        .order_by(Inbound.received_at)
    )
    return [(sid, media) for sid, media in db.session.execute(due.limit(AT_ONCE))]


def _redact_all(carrier: CarrierModule, table: Any, due: Sequence[tuple[str, int]], now: datetime) -> int:
    db.session.rollback()  # no transaction is open across a call
    redacted = failed = 0
    for sid, media in due:
        try:
            carrier.redact(sid, media=media > 0)
        except NotRedacted:
            failed += 1
            if failed == GIVES_UP_AFTER:
                break
            continue
        failed = 0
        redacted += 1
        with atomic() as session:
            session.execute(update(table).where(table.sid == sid).values(redacted_at=now))
    return redacted
