"""Attempts whose outcome is unknown, looked up in their carrier's log before anything is sent again, by
whichever carrier.

A look finds a message to the same number, with our id or with the same words, created not before the attempt,
that belongs to no other text: then it left, and is adopted. After three readable looks without it (at once,
after 60 s, after 180 s) it is sent anew as the next attempt, where the carrier's list is soon complete; else
it goes to a person, as does a log that cannot be read. What remains is a list that lags by more than 180 s:
one double, which its receipt brings to light (`queries.doubled_texts`).
"""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import Select, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mobilize import failpoints, settings
from mobilize.database import atomic, db
from mobilize.keys.crypto import blind_index
from mobilize.texts.carriers import CARRIERS
from mobilize.texts.carriers.base import CarrierMessage, LogUnreadable
from mobilize.texts.models import Attempt, AttemptOutcome, OutboxText, TextState

LOOKS_AFTER_S = tuple(failpoints.seconds(s) for s in (0, 60, 180))  # counted from the first look
BLIND_LOOKS = 5  # a minute apart; then a person decides
LOOK_AGAIN = timedelta(seconds=failpoints.seconds(60))
CLOCKS_DIFFER = timedelta(seconds=60)
AT_ONCE = 16
# Why a text is stuck, and goes to a person.
UNREADABLE, NOT_FOUND = "log_unreadable", "not_found"


@dataclass
class ReconcileCounts:
    """The counts of one round of looks."""

    looked: int = 0
    adopted: int = 0
    sent_anew: int = 0
    stuck: int = 0


@dataclass(frozen=True)
class DoubtfulAttempt:
    """One attempt in doubt."""

    outbox_id: uuid.UUID
    n: int
    to: str
    carrier: str
    body_index: bytes
    not_before: datetime


def reconcile(*, now: datetime, at_most: int = 200) -> ReconcileCounts:
    """Take the looks that are due. Safe to run twice and at once: each look is taken by one worker."""
    if not settings().carriers_set_up:
        return ReconcileCounts()
    cases = _take_cases(at_most, now)
    failpoints.reach("looking")
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="looks") as pool:
        logs = list(pool.map(_looker(), cases))
    result = ReconcileCounts(looked=len(cases))
    failpoints.reach("looked")
    for case, log in zip(cases, logs, strict=True):
        _decide(case, log, result, now)
    return result


def looks_due(now: datetime) -> Select[Any]:
    """SELECT of the unknown attempts whose next look is due."""
    return select(Attempt.outbox_id).where(
        Attempt.outcome == AttemptOutcome.UNKNOWN, Attempt.look_after <= now
    )


def _take_cases(at_most: int, now: datetime) -> list[DoubtfulAttempt]:
    """Attempts whose next look is due, moved a minute on so that nobody else looks meanwhile."""
    with atomic() as session:
        rows = session.execute(
            select(Attempt, OutboxText)
            .join(OutboxText, OutboxText.id == Attempt.outbox_id)
            .where(
                Attempt.outcome == AttemptOutcome.UNKNOWN,
                Attempt.look_after <= now,
                OutboxText.state == TextState.UNKNOWN,
            )
            .order_by(Attempt.look_after)
            .limit(at_most)
            .with_for_update(skip_locked=True, of=Attempt)
        ).all()
        for attempt, _text in rows:
            attempt.look_after = now + LOOK_AGAIN
        return [
            DoubtfulAttempt(
                text.id,
                attempt.n,
                text.to,
                attempt.carrier,
                attempt.body_index,
                attempt.started_at - CLOCKS_DIFFER,
            )
            for attempt, text in rows
        ]


def _looker():  # type: ignore[no-untyped-def]
    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def look(case: DoubtfulAttempt) -> list[CarrierMessage] | None:
        with app.app_context():
            try:
                return CARRIERS[case.carrier].messages_to(case.to)
            except LogUnreadable:
                return None

    return look


def _decide(
    case: DoubtfulAttempt, log: list[CarrierMessage] | None, result: ReconcileCounts, now: datetime
) -> None:
    if log is None:
        result.stuck += _note_blind_look(case, now)
        return
    if _adopt_one(case, [m for m in log if m.created_at >= case.not_before], now):
        result.adopted += 1
    else:
        sent_anew, stuck = _note_look_without_it(case, now)
        result.sent_anew += sent_anew
        result.stuck += stuck


def _adopt_one(case: DoubtfulAttempt, log: list[CarrierMessage], now: datetime) -> bool:
    """The oldest message of this attempt that no other owns; the unique sid settles a race."""
    for message in reversed(log):
        if not _is_of(case, message) or _is_owned(message.sid):
            continue
        try:
            return adopt(case.outbox_id, case.n, message.sid, now=now)
        except IntegrityError:
            continue
    return False


def _is_of(case: DoubtfulAttempt, message: CarrierMessage) -> bool:
    """By the address we gave it, where the log shows that; else by its words."""
    if message.callback:
        return message.callback == CARRIERS[case.carrier].callback(case.outbox_id, case.n)
    return blind_index("body", message.body) == case.body_index


def adopt(outbox_id: uuid.UUID, n: int, sid: str, *, now: datetime) -> bool:
    """This message is that attempt: it left after all. False when somebody has settled it meanwhile."""
    with atomic() as session:
        text = session.get(OutboxText, outbox_id, with_for_update=True, populate_existing=True)
        attempt = session.get(Attempt, (outbox_id, n), populate_existing=True)
        if text is None or attempt is None or attempt.outcome is not AttemptOutcome.UNKNOWN:
            return False
        attempt.outcome, attempt.sid, attempt.ended_at, attempt.look_after = (
            AttemptOutcome.ADOPTED,
            sid,
            now,
            None,
        )
        if text.state is TextState.UNKNOWN:
            text.state = TextState.ACCEPTED
        failpoints.reach("adopting")
        return True


def _is_owned(sid: str) -> bool:
    return db.session.scalar(select(Attempt.sid).where(Attempt.sid == sid)) is not None


def _note_look_without_it(case: DoubtfulAttempt, now: datetime) -> tuple[int, int]:
    """(1, 0) when that was the last look and the text goes out anew, (0, 1) when it goes to a person."""
    with atomic() as session:
        locked = _locked(session, case)
        if locked is None:
            return 0, 0
        text, attempt = locked
        attempt.looks += 1
        if attempt.looks < len(LOOKS_AFTER_S):
            pause = LOOKS_AFTER_S[attempt.looks] - LOOKS_AFTER_S[attempt.looks - 1]
            attempt.look_after = now + timedelta(seconds=pause)
            return 0, 0
        if not CARRIERS[case.carrier].ABSENCE_PROVES:
            attempt.look_after = None
            text.state, text.reason, text.settled_at = TextState.STUCK, NOT_FOUND, now
            return 0, 1
        attempt.outcome, attempt.ended_at, attempt.look_after = AttemptOutcome.NOT_FOUND, now, None
        text.state, text.next_try_at = TextState.WAITING, now
        failpoints.reach("giving_back")
        return 1, 0


def _note_blind_look(case: DoubtfulAttempt, now: datetime) -> int:
    """Returns 1 when the log stayed unreadable and the text goes to a person."""
    with atomic() as session:
        locked = _locked(session, case)
        if locked is None:
            return 0
        text, attempt = locked
        attempt.blind_looks += 1
        attempt.look_after = now + LOOK_AGAIN
        if attempt.blind_looks < BLIND_LOOKS:
            return 0
        attempt.look_after = None
        text.state, text.reason, text.settled_at = TextState.STUCK, UNREADABLE, now
        return 1


def _locked(session: Session, case: DoubtfulAttempt) -> tuple[OutboxText, Attempt] | None:
    """Both rows, if they are still in doubt."""
    text = session.get(OutboxText, case.outbox_id, with_for_update=True, populate_existing=True)
    attempt = session.get(Attempt, (case.outbox_id, case.n), populate_existing=True)
    if text is None or attempt is None:
        return None
    in_doubt = text.state is TextState.UNKNOWN and attempt.outcome is AttemptOutcome.UNKNOWN
    return (text, attempt) if in_doubt else None


def look_again_at_stuck(*, now: datetime) -> int:
    """Look up once more what got stuck because a log was unreadable or did not show it; returns how many."""
    with atomic() as session:
        stuck = select(OutboxText.id).where(
            OutboxText.state == TextState.STUCK, OutboxText.reason.in_([UNREADABLE, NOT_FOUND])
        )
        ids = list(session.scalars(stuck))
        session.execute(
            update(OutboxText)
            .where(OutboxText.id.in_(ids))
            .values(state=TextState.UNKNOWN, reason=None, settled_at=None)
        )
        session.execute(
            update(Attempt)
            .where(Attempt.outbox_id.in_(ids), Attempt.outcome == AttemptOutcome.UNKNOWN)
            .values(looks=0, blind_looks=0, look_after=now)
        )
        return len(ids)
