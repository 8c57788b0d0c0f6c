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
from functools import partial
from typing import Any

from sqlalchemy import Select, select, union_all, update

from mobilize import failpoints, settings
from mobilize.backup import gaps
from mobilize.database import atomic
from mobilize.observability import metrics
from mobilize.texts.carriers import CARRIERS
from mobilize.texts.carriers.base import SendResult
from mobilize.texts.consent.suppressions import is_bad, is_confirmation, says_stop
from mobilize.texts.models import Attempt, AttemptOutcome, OutboxText, TextClass, TextState
from mobilize.texts.sending import failures, senders, trial
from mobilize.texts.sending.claiming import (
    CALL_WITHIN_S,
    ClaimedText,
    IsMoot,
    claim,
    due_texts,
    due_zones,
    never_moot,
)
from mobilize.texts.sending.limits import under_cap

IN_FLIGHT = 64  # calls at once; at 50 ms each that is 1,280 a second, more than one process can make
CLAIM_AT_LEAST = 32  # so that the claim's transaction is shared by many texts
NOTED_AFTER = timedelta(minutes=1)  # by then whoever is free to send it would have
LOOK_AGAIN_S = 0.5  # while no answer comes
GATHER_S = 0.04  # answers are recorded together, for the same reason

_numbers = itertools.count(1)


@dataclass
class DrainCounts:
    """The counts of one drain."""

    claimed: int = 0
    accepted: int = 0
    unknown: int = 0
    not_accepted: int = 0

    def add(self, answers: list[tuple[ClaimedText, SendResult]]) -> None:
        for _text, answer in answers:
            if answer.outcome is AttemptOutcome.ACCEPTED:
                self.accepted += 1
            elif answer.outcome is AttemptOutcome.UNKNOWN:
                self.unknown += 1
            else:
                self.not_accepted += 1


def drain(
    *,
    now: datetime,
    at_most: int = 2000,
    unheld_only: bool = False,
    is_moot: IsMoot = never_moot,
    is_staff: trial.IsStaff = trial.nobody,
    is_stopping: Callable[[], bool] = lambda: False,
) -> DrainCounts:
    """Send what is due, `at_most` so many, and return when nothing more may leave now.

    `unheld_only`: what something may hold is left to others; `is_moot` and `is_staff` as in `claim`. After a
    restore nothing but new codes and alarms leaves until the minutes that were lost are looked up
    (`mobilize.texts.recovery`). Once `is_stopping` says so nothing more is claimed; what is under way is
    finished and recorded. Safe to run twice, at once, late, and to be killed anywhere. `now` is the moment it
    starts; while it works it counts on from there with the monotonic clock.
    """
    drained = DrainCounts()
    if not settings().carriers_set_up:
        return drained
    began, by = time.monotonic(), _name()
    in_flight: dict[Future[SendResult], ClaimedText] = {}
    zones = due_zones(now, unheld_only=unheld_only)
    if not zones:
        return drained
    gap = gaps.look()
    take = partial(
        claim,
        by=by,
        zones=zones,
        unheld_only=unheld_only,
        unheld_since=gap.opened_at if gap else None,
        is_moot=is_moot,
        is_staff=is_staff,
    )
    with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="carrier") as pool:
        more = True
        while more or in_flight:
            moment = now + timedelta(seconds=time.monotonic() - began)
            room = min(IN_FLIGHT - len(in_flight), at_most - drained.claimed)
            more = more and not is_stopping()
            if more and (room >= CLAIM_AT_LEAST or not in_flight):
                claimed = _claim_by_routes(take, room, moment) if room > 0 else []
                failpoints.reach("claimed")
                more = bool(claimed)
                drained.claimed += len(claimed)
                in_flight |= _call(pool, claimed)
            answers = _gather(in_flight)
            # A carrier that hangs holds up what it was given, and not what has become due since.
            more = more or (bool(in_flight) and not answers)
            failpoints.reach("answered")
            record(answers, now=now + timedelta(seconds=time.monotonic() - began))
            failpoints.reach("recorded")
            drained.add(answers)
    return drained


def record(answers: list[tuple[ClaimedText, SendResult]], *, now: datetime) -> None:
    """Write down how calls ended. A text that a receipt has meanwhile moved on stays where it is."""
    if not answers:
        return
    answers = sorted(answers, key=lambda pair: (pair[0].carrier, pair[0].id))
    with atomic() as session:
        if len(settings().carriers_set_up) > 1:
            senders.note_calls([(text.carrier, answer) for text, answer in answers], now=now)
        accepted = [text.id for text, answer in answers if answer.outcome is AttemptOutcome.ACCEPTED]
        if accepted:
            session.execute(
                update(OutboxText)
                .where(OutboxText.id.in_(accepted), OutboxText.state.in_(failures.UNDER_WAY))
                .values(state=TextState.ACCEPTED, claimed_by=None, claimed_until=None)
                .execution_options(synchronize_session=False)
            )
        for text, answer in answers:
            if answer.outcome is not AttemptOutcome.ACCEPTED:
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
                    "look_after": now if answer.outcome is AttemptOutcome.UNKNOWN else None,
                }
                for text, answer in answers
                if not (answer.outcome is AttemptOutcome.UNKNOWN and failures.has_sid(session, text))
            ],
        )
        failpoints.reach("recording")
    for text, answer in answers:
        metrics.CARRIER_CALLS.labels(text.carrier, answer.outcome).inc()


def sweep(*, now: datetime, is_moot: IsMoot = never_moot) -> int:
    """Mark as unknown what a worker claimed and never recorded, and drop what must not be sent any more;
    `is_moot` as in `claim`. After a restore nothing is dropped before it is known whether it has left.

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
        if gaps.look() is None:
            _drop_what_must_not_leave(now, is_moot)
        _note_the_cap(now)
        failpoints.reach("sweeping")
        return len(expired)


def to_sweep(now: datetime) -> Select[Any]:
    """SELECT of claims that ran out, and of due texts that are useless by now, or might have left."""
    ran_out = select(OutboxText.id).where(
        OutboxText.state == TextState.CLAIMED, OutboxText.claimed_until < now
    )
    useless = select(OutboxText.id).where(
        OutboxText.state == TextState.WAITING, OutboxText.next_try_at <= now, OutboxText.expires_at <= now
    )
    return select(union_all(ran_out, useless, due_texts(now)).subquery())


def _note_the_cap(now: datetime) -> None:
    """Store why a due text still waits, for the log's page: this number has had its texts for today."""
    due = (OutboxText.state == TextState.WAITING) & (OutboxText.next_try_at <= now - NOTED_AFTER)
    over = update(OutboxText).where(
        due, OutboxText.text_class == TextClass.MEMBER, OutboxText.reason.is_(None)
    )
    with atomic() as session:
        session.execute(
            over.where(OutboxText.event_id.is_not(None), ~under_cap(now))
            .values(reason="too_many")
            .execution_options(synchronize_session=False)
        )


def _drop_what_must_not_leave(now: datetime, is_moot: IsMoot) -> None:
    waiting = OutboxText.state == TextState.WAITING
    due = OutboxText.next_try_at <= now
    with atomic() as session:
        for reason, why in (
            ("too_many", (OutboxText.expires_at <= now) & ~under_cap(now)),
            ("too_late", OutboxText.expires_at <= now),
            ("opted_out", due & says_stop(OutboxText.phone_index) & ~is_confirmation(now)),
            ("not_missing", due & is_moot()),
            (
                "bad_number",
                due & (OutboxText.text_class != TextClass.REQUESTED) & is_bad(OutboxText.phone_index),
            ),
        ):
            dropped = session.execute(
                update(OutboxText)
                .where(waiting, why)
                .values(state=TextState.DROPPED, reason=reason, settled_at=now)
                .execution_options(synchronize_session=False)
            )
            metrics.TEXTS_DROPPED.labels(reason).inc(dropped.rowcount)  # type: ignore[attr-defined]


def _claim_by_routes(take: Callable[..., list[ClaimedText]], room: int, now: datetime) -> list[ClaimedText]:
    """What may leave now, by whichever sender takes it."""
    names, claimed = settings().carriers_set_up, list[ClaimedText]()
    routes = senders.routes(now) if len(names) > 1 else [senders.ALONE[names[0]]]
    for route in routes:
        if len(claimed) < room:
            claimed += take(room - len(claimed), now=now, route=route)
    return claimed


def _call(pool: ThreadPoolExecutor, claimed: list[ClaimedText]) -> dict[Future[SendResult], ClaimedText]:
    call_before = time.monotonic() + CALL_WITHIN_S
    send = _sender_in_this_app()
    return {pool.submit(send, text, call_before): text for text in claimed}


def _sender_in_this_app():  # type: ignore[no-untyped-def]
    """The call as a pool thread makes it: with the app's settings, and without a database session."""
    from flask import current_app

    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def send(text: ClaimedText, call_before: float) -> SendResult:
        if time.monotonic() > call_before:
            return SendResult(AttemptOutcome.NOT_SENT)
        with app.app_context():
            carrier = CARRIERS[text.carrier]
            callback = carrier.callback(text.id, text.n)
            return carrier.send(
                text.to, text.body, callback=callback, validity_s=text.validity_s, number=text.number
            )

    return send


def _gather(in_flight: dict[Future[SendResult], ClaimedText]) -> list[tuple[ClaimedText, SendResult]]:
    if not in_flight:
        return []
    wait(in_flight, LOOK_AGAIN_S, return_when=FIRST_COMPLETED)
    time.sleep(GATHER_S)
    done = [future for future in in_flight if future.done()]
    return [(in_flight.pop(future), future.result()) for future in done]


def _name() -> str:
    return f"{socket.gethostname()[:20]}:{os.getpid()}:{next(_numbers)}"
