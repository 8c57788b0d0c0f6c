"""Taking texts out of the outbox to send: whose turn it is, whether they may leave now, and how fast.

Everything is decided in one transaction, committed before any call is made: the rows are this worker's, an
attempt is written down for each, the sender's tokens are spent, and the questions the texts ask are open.
"""

import json
import logging
import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select, true, update
from sqlalchemy.orm import Session

from mobilize import database, settings
from mobilize.crypto import CannotOpen, blind_index
from mobilize.database import atomic, db, is_postgres
from mobilize.texts import rehearsal, windows
from mobilize.texts.caps import under_cap
from mobilize.texts.holds import is_code, is_not_held
from mobilize.texts.models import Attempt, OutboxText, Outcome, Sender, TextClass, TextState
from mobilize.texts.phone_rules import is_bad, says_stop
from mobilize.texts.questions import open_questions
from mobilize.texts.senders import MAIN_SENDER, add_sender
from mobilize.texts.spending import note_spent
from mobilize.texts.wordings import BadWording, render

CLAIM_LASTS = timedelta(seconds=rehearsal.seconds(60))
# A text that is claimed is called out at once; one that had to wait this long in the process is handed back.
CALL_WITHIN_S = rehearsal.seconds(20)
# Until PostgreSQL has statistics of a queue that was filled a moment ago, it would sort all of it each time
# instead of reading the index that is in this very order.
_IN_ORDER = select(
    func.set_config("enable_sort", "off", True), func.set_config("enable_bitmapscan", "off", True)
)
# How much of the queue is looked at for what may leave, in multiples of what is claimed.
HEAD = 4
_WAITING = OutboxText.state == literal_column("'waiting'")  # a literal, so that the partial index is used

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claimed:
    """One text this process may hand to the carrier, once, as attempt `n`."""

    id: uuid.UUID
    n: int
    to: str
    body: str
    validity_s: int
    useless_after: datetime


def claim(
    limit: int, *, by: str, now: datetime, zones: list[str] | None = None, sender: str = MAIN_SENDER
) -> list[Claimed]:
    """Up to `limit` due texts, most urgent first, marked as `by`'s and committed.

    Leaves out what is opted out, outside its window, useless by now, or more than the sender's tokens allow;
    while the sender is paused, everything but codes. Two workers at once get different texts; what is not
    recorded within 60 s is swept up as unknown. `zones` is what `due_zones` said lately; texts of other zones
    that keep to hours stay for the next drain.
    """
    with atomic() as session:
        main = _lock_sender(session, sender, now)
        tokens = _tokens(main, now)
        if tokens <= 0:
            return []
        zones = due_zones(now) if zones is None else zones
        wanted = _wanted(now, paused=main.paused_at is not None)
        rows = _within(tokens, _due(session, min(limit, math.ceil(tokens)), zones, wanted, now))
        if not rows:
            return []
        ready = [claimed for row in rows if (claimed := _opened(session, row, now))]
        _mark(session, ready, by, now)
        open_questions([_question(row) for row in rows if row.asks and row.event_id], now=now)
        spent = sum(row.segments for row in rows)
        session.execute(
            update(Sender).where(Sender.name == sender).values(tokens=tokens - spent, refilled_at=now)
        )
        on_codes = sum(row.segments for row in rows if row.is_code)
        note_spent(session, spent - on_codes, code_segments=on_codes, now=now)
        rehearsal.reach("claiming")
        return ready


def due_zones(now: datetime) -> list[str]:
    """The zones of all texts that are due: goes through every one of them, so once a drain is enough."""
    due = select(OutboxText.tz).where(_WAITING, OutboxText.next_try_at <= now)
    return list(db.session.scalars(due.distinct()))


def may_leave(zones: list[str], now: datetime) -> ColumnElement[bool]:
    """SQL: the text's window is open in its zone."""
    open_now = [
        and_(OutboxText.klass == klass, OutboxText.tz.in_(zones_open))
        for klass in windows.WINDOWS
        if (zones_open := windows.open_zones(klass, zones, now))
    ]
    return or_(OutboxText.klass == TextClass.ASKED, OutboxText.urgent.is_(True), *open_now)


def _lock_sender(session: Session, name: str, now: datetime) -> Sender:
    sender = session.get(Sender, name, with_for_update=True, populate_existing=True)
    if sender is None:
        add_sender(name, now=now)
        sender = session.get(Sender, name, with_for_update=True, populate_existing=True)
        assert sender is not None  # noqa: S101 - inserted one line above
    return sender


def _tokens(sender: Sender, now: datetime) -> float:
    """How many segments this sender may send now. A second's worth is saved up at most."""
    rate = settings().segments_per_second
    if sender.rate != rate:
        sender.rate = rate
    waited = max(0.0, (now - sender.refilled_at) / timedelta(seconds=1))
    return min(max(rate, 1.0), sender.tokens + waited * rate)


def _due(
    session: Session, limit: int, zones: list[str], wanted: tuple[ColumnElement[bool], ...], now: datetime
) -> Sequence[Any]:
    """The most urgent that may leave now. Whether one may is asked of those at the head of the queue, and of
    all of them only where so many of these may not: asked of 37,000 it takes a third of a second."""
    waiting = (
        _WAITING,
        OutboxText.next_try_at <= now,
        OutboxText.useless_after > now,
        may_leave(zones, now),
    )
    in_order = (OutboxText.priority, OutboxText.due_at)
    head = select(OutboxText.id).where(*waiting).order_by(*in_order).limit(HEAD * limit).subquery()
    at_the_head = OutboxText.id.in_(select(head.c.id))
    if is_postgres():
        session.execute(_IN_ORDER)
    for where in ((at_the_head, _WAITING), waiting):
        chosen = select(*_TO_SEND).where(*where, *wanted).order_by(*in_order).limit(limit)
        if is_postgres():
            chosen = chosen.with_for_update(skip_locked=True, of=OutboxText)
        rows = session.execute(chosen).all()
        if len(rows) == limit:
            break
    return rows


def _wanted(now: datetime, *, paused: bool) -> tuple[ColumnElement[bool], ...]:
    """SQL: this number takes a text like this one now, and nothing holds it."""
    return (
        ~says_stop(OutboxText.phone_bix),
        or_(OutboxText.klass == TextClass.ASKED, ~is_bad(OutboxText.phone_bix)),
        under_cap(now),
        is_not_held(),
        is_code() if paused else true(),
    )


_TO_SEND = (
    OutboxText.id,
    OutboxText.to_enc,
    OutboxText.blanks_enc,
    OutboxText.wording,
    OutboxText.language,
    OutboxText.klass,
    OutboxText.urgent,
    OutboxText.tz,
    OutboxText.useless_after,
    OutboxText.segments,
    OutboxText.asks,
    OutboxText.asks_until,
    OutboxText.event_id,
    OutboxText.phone_bix,
    OutboxText.tries,
    is_code().label("is_code"),
)


def _within(tokens: float, rows: Sequence[Any]) -> list[Any]:
    """As many as the tokens reach for; the last may overdraw, which the next refill pays back."""
    taken = []
    for row in rows:
        if tokens <= 0:
            break
        taken.append(row)
        tokens -= row.segments
    return taken


def _opened(session: Session, row: Any, now: datetime) -> Claimed | None:
    """The text in clear, ready to hand over. One that cannot be rendered is set aside for a person."""
    try:
        return Claimed(
            id=row.id,
            n=row.tries + 1,
            to=OutboxText.to.open(row.id, row.to_enc),
            body=render(
                row.wording, row.language, json.loads(OutboxText.blanks.open(row.id, row.blanks_enc))
            ),
            validity_s=windows.validity_s(row.klass, row.tz, row.useless_after, now, urgent=row.urgent),
            useless_after=row.useless_after,
        )
    except (BadWording, CannotOpen) as problem:
        _log.error("text %s cannot be rendered: %s", row.id, type(problem).__name__)
        reason = "bad_wording" if isinstance(problem, BadWording) else "cannot_open"
        session.execute(
            update(OutboxText)
            .where(OutboxText.id == row.id)
            .values(state=TextState.STUCK, reason=reason, settled_at=now)
        )
        return None


def _mark(session: Session, claimed: list[Claimed], by: str, now: datetime) -> None:
    if not claimed:
        return
    session.execute(
        # By their ids alone: they are locked and waiting, and asked for "waiting" as well, PostgreSQL without
        # statistics reads the whole queue for them (95 ms instead of 7, of 37,000).
        update(OutboxText)
        .where(OutboxText.id.in_([text.id for text in claimed]))
        .values(
            state=TextState.CLAIMED,
            claimed_by=by,
            claimed_until=now + CLAIM_LASTS,
            tries=OutboxText.tries + 1,
            reason=None,
        )
        .execution_options(synchronize_session=False)
    )
    attempts = Attempt.__table__
    session.execute(
        # RETURNING makes one statement of many rows, instead of one each.
        database.insert(attempts).returning(attempts.c.n),
        [
            {
                "outbox_id": text.id,
                "n": text.n,
                "started_at": now,
                "outcome": Outcome.STARTED,
                "body_bix": blind_index("body", text.body),
                "looks": 0,
                "blind_looks": 0,
            }
            for text in claimed
        ],
    )


def _question(row: Any) -> tuple[bytes, str, uuid.UUID, datetime]:
    return row.phone_bix, row.asks, row.event_id, row.asks_until or row.useless_after
