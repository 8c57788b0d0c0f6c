"""The three steps of a delivery: claim (committed), call the carrier (no transaction open), record.

This is the one named exception to "one operation, one transaction". A worker may be killed between any two
steps: `sweep` finds what it held, and `reconciling` finds out whether it left.
"""

import itertools
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from mobilize import settings
from mobilize.database import atomic
from mobilize.texts import carrier, failures, rehearsal
from mobilize.texts.caps import under_cap
from mobilize.texts.carrier import Answer
from mobilize.texts.claiming import CALL_WITHIN_S, Claimed, claim, due_zones
from mobilize.texts.models import Attempt, OutboxText, Outcome, TextClass, TextState
from mobilize.texts.phone_rules import is_bad, says_stop

IN_FLIGHT = 64  # calls at once; at 50 ms each that is 1,280 a second, more than one process can make
CLAIM_AT_LEAST = 32  # so that the claim's transaction is shared by many texts
NOTED_AFTER = timedelta(minutes=1)  # by then whoever is free to send it would have
GATHER_S = 0.04  # answers are recorded together, for the same reason

_numbers = itertools.count(1)


@dataclass
class Drained:
    """What one drain did."""

    claimed: int = 0
    accepted: int = 0
    unknown: int = 0
    not_accepted: int = 0

    def add(self, answers: list[tuple[Claimed, Answer]]) -> None:
        for _text, answer in answers:
            if answer.outcome is Outcome.ACCEPTED:
                self.accepted += 1
            elif answer.outcome is Outcome.UNKNOWN:
                self.unknown += 1
            else:
                self.not_accepted += 1


def drain(*, now: datetime, at_most: int = 2000, is_stopping: Callable[[], bool] = lambda: False) -> Drained:
    """Send what is due, `at_most` so many, and return when nothing more may leave now.

    Once `is_stopping` says so nothing more is claimed; what is under way is finished and recorded. Safe to
    run twice, at once, late, and to be killed anywhere. `now` is the moment it starts; while it works it
    counts on from there with the monotonic clock.
    """
    drained = Drained()
    if not carrier.is_set_up():
        return drained
    began, by = time.monotonic(), _name()
    in_flight: dict[Future[Answer], Claimed] = {}
    zones = due_zones(now)
    with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="carrier") as pool:
        more = True
        while more or in_flight:
            moment = now + timedelta(seconds=time.monotonic() - began)
            room = min(IN_FLIGHT - len(in_flight), at_most - drained.claimed)
            more = more and not is_stopping()
            if more and (room >= CLAIM_AT_LEAST or not in_flight):
                claimed = claim(room, by=by, now=moment, zones=zones) if room > 0 else []
                rehearsal.reach("claimed")
                more = bool(claimed)
                drained.claimed += len(claimed)
                in_flight |= _call(pool, claimed)
            answers = _gather(in_flight)
            rehearsal.reach("answered")
            record(answers, now=now + timedelta(seconds=time.monotonic() - began))
            rehearsal.reach("recorded")
            drained.add(answers)
    return drained


def record(answers: list[tuple[Claimed, Answer]], *, now: datetime) -> None:
    """Write down how calls ended. A text that a receipt has meanwhile moved on stays where it is."""
    if not answers:
        return
    answers = sorted(answers, key=lambda pair: pair[0].id)
    with atomic() as session:
        accepted = [text.id for text, answer in answers if answer.outcome is Outcome.ACCEPTED]
        if accepted:
            session.execute(
                update(OutboxText)
                .where(OutboxText.id.in_(accepted), OutboxText.state.in_(failures.UNDER_WAY))
                .values(state=TextState.ACCEPTED, claimed_by=None, claimed_until=None)
                .execution_options(synchronize_session=False)
            )
        for text, answer in answers:
            if answer.outcome is not Outcome.ACCEPTED:
                failures.not_accepted(session, text, answer, now=now)
        session.execute(
            update(Attempt),
            [
                {
                    "outbox_id": text.id,
                    "n": text.n,
                    "outcome": answer.outcome,
                    "sid": answer.sid,
                    "error_code": answer.error_code,
                    "ended_at": now,
                    "look_after": now if answer.outcome is Outcome.UNKNOWN else None,
                }
                for text, answer in answers
                if not (answer.outcome is Outcome.UNKNOWN and failures.has_sid(session, text))
            ],
        )
        rehearsal.reach("recording")


def sweep(*, now: datetime) -> int:
    """Mark as unknown what a worker claimed and never recorded, and drop what must not be sent any more.

    Returns how many claims had run out. Twice at once finds nothing the second time.
    """
    with atomic() as session:
        expired = session.execute(
            select(OutboxText.id, OutboxText.tries)
            .where(OutboxText.state == TextState.CLAIMED, OutboxText.claimed_until < now)
            .with_for_update(skip_locked=True)
        ).all()
        for row in expired:
            failures.to_unknown(session, row.id, row.tries, now=now)
        _drop_what_must_not_leave(now)
        _note_the_cap(now)
        rehearsal.reach("sweeping")
        return len(expired)


def _note_the_cap(now: datetime) -> None:
    """Says on the log's page why a due text is still waiting: this number has had its texts for today."""
    due = (OutboxText.state == TextState.WAITING) & (OutboxText.next_try_at <= now - NOTED_AFTER)
    over = update(OutboxText).where(due, OutboxText.klass == TextClass.MEMBER, OutboxText.reason.is_(None))
    with atomic() as session:
        session.execute(
            over.where(OutboxText.event_id.is_not(None), ~under_cap(now))
            .values(reason="too_many")
            .execution_options(synchronize_session=False)
        )


def _drop_what_must_not_leave(now: datetime) -> None:
    waiting = OutboxText.state == TextState.WAITING
    due = OutboxText.next_try_at <= now
    with atomic() as session:
        for reason, why in (
            ("too_many", (OutboxText.useless_after <= now) & ~under_cap(now)),
            ("too_late", OutboxText.useless_after <= now),
            ("opted_out", due & says_stop(OutboxText.phone_bix)),
            ("bad_number", due & (OutboxText.klass != TextClass.ASKED) & is_bad(OutboxText.phone_bix)),
        ):
            session.execute(
                update(OutboxText)
                .where(waiting, why)
                .values(state=TextState.DROPPED, reason=reason, settled_at=now)
                .execution_options(synchronize_session=False)
            )


def _call(pool: ThreadPoolExecutor, claimed: list[Claimed]) -> dict[Future[Answer], Claimed]:
    call_before = time.monotonic() + CALL_WITHIN_S
    base = f"{settings().public_base_url}/texts/receipts/"
    send = _sender_in_this_app()
    return {pool.submit(send, text, f"{base}{text.id}?n={text.n}", call_before): text for text in claimed}


def _sender_in_this_app():  # type: ignore[no-untyped-def]
    """The call as a pool thread makes it: with the app's settings, and without a database session."""
    from flask import current_app

    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def send(text: Claimed, callback: str, call_before: float) -> Answer:
        if time.monotonic() > call_before:
            return Answer(Outcome.NOT_SENT)
        with app.app_context():
            return carrier.send(text.to, text.body, callback=callback, validity_s=text.validity_s)

    return send


def _gather(in_flight: dict[Future[Answer], Claimed]) -> list[tuple[Claimed, Answer]]:
    if not in_flight:
        return []
    wait(in_flight, return_when=FIRST_COMPLETED)
    time.sleep(GATHER_S)
    done = [future for future in in_flight if future.done()]
    return [(in_flight.pop(future), future.result()) for future in done]


def _name() -> str:
    return f"{socket.gethostname()[:20]}:{os.getpid()}:{next(_numbers)}"
