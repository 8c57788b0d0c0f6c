"""Consequences of texts that were refused or not delivered, by what the carrier's error code means."""

import uuid
from datetime import datetime, time, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mobilize import clock
from mobilize.observability import metrics
from mobilize.texts.carriers import meaning_of
from mobilize.texts.carriers.base import ErrorMeaning, SendResult
from mobilize.texts.consent.carrier_blocks import carriers_that_block, is_left_over, note_block
from mobilize.texts.consent.suppressions import note_bad_number, opt_out
from mobilize.texts.models import Attempt, AttemptOutcome, OutboxText, Sender, TextState
from mobilize.texts.sending.claiming import ClaimedText
from mobilize.texts.sending.pauses import pause_sending
from mobilize.texts.sending.senders import SENDER_OF, other_than

UNDER_WAY = (TextState.CLAIMED, TextState.UNKNOWN)
# The day by which carriers count what they take from us.
DAY_OF_CARRIERS = "America/Los_Angeles"
RETRY_AFTER = timedelta(hours=1)
SLOWEST = timedelta(minutes=1)


def not_accepted(session: Session, text: ClaimedText, answer: SendResult, *, now: datetime) -> None:
    """A call ended without a clear yes. Part of `delivery.record`'s transaction."""
    code = answer.error_code or 0
    meaning = meaning_of(code)
    if answer.outcome is AttemptOutcome.REFUSED:
        _count(text.carrier, meaning)
    if answer.outcome is AttemptOutcome.UNKNOWN:
        to_unknown(session, text.id, text.n, now=now)
    elif (
        answer.outcome in (AttemptOutcome.SLOWED, AttemptOutcome.NOT_SENT)
        or meaning is ErrorMeaning.SLOW_DOWN
    ):
        _later(session, text.id, text.n, now + _pause(text.n))
        if answer.outcome is not AttemptOutcome.NOT_SENT:
            _slow_down(session, text.carrier)
    elif meaning is ErrorMeaning.OPTED_OUT and (other := _way_around(text.to, text.carrier)):
        _by_other(session, text.id, other, now)
        return
    elif meaning is ErrorMeaning.USED_UP_TODAY:
        _later(session, text.id, text.n, _tomorrow(now))
    elif meaning is ErrorMeaning.SET_UP_WRONG:
        # The sender is paused by this; a code, which no pause holds, must not be tried without a rest.
        _later(session, text.id, text.n, now + _pause(text.n))
    else:
        _settle(session, text.id, TextState.FAILED, code, now)
    if answer.outcome is AttemptOutcome.REFUSED:
        consequences(code, text.to, carrier=text.carrier, now=now)


def did_not_arrive(text: OutboxText, code: int, *, carrier: str, now: datetime) -> None:
    """A receipt says failed or undelivered for the text's latest attempt, by this carrier."""
    meaning = meaning_of(code)
    _count(carrier, meaning)
    if meaning is ErrorMeaning.OPTED_OUT and (other := _way_around(text.to, carrier)):
        text.state, text.next_try_at, text.error_code = TextState.WAITING, now, code
        text.carrier, text.number = other, None
        return
    again = now + (RETRY_AFTER if meaning is ErrorMeaning.ONE_RETRY else _pause(text.tries))
    if meaning is ErrorMeaning.USED_UP_TODAY:
        again = _tomorrow(now)
    often = meaning in (ErrorMeaning.SLOW_DOWN, ErrorMeaning.USED_UP_TODAY) and text.tries < 5
    worth_it = often or (meaning is ErrorMeaning.ONE_RETRY and text.tries == 1)
    if worth_it and again < text.expires_at:
        text.state, text.next_try_at, text.error_code = TextState.WAITING, again, code
    else:
        text.state, text.error_code, text.settled_at = TextState.FAILED, code, now
    consequences(code, text.to, carrier=carrier, now=now)


def consequences(code: int, phone: str, *, carrier: str, now: datetime) -> None:
    """Apply what a code says beyond this one text: about the number, or about the sender."""
    meaning = meaning_of(code)
    if meaning is ErrorMeaning.OPTED_OUT:
        note_block(phone, carrier, now=now)
        opt_out(phone, source="carrier", wording=str(code), now=now)
    elif meaning is ErrorMeaning.BAD_NUMBER:
        note_bad_number(phone, code, now=now)
    elif meaning in (ErrorMeaning.STOP_SENDER, ErrorMeaning.SET_UP_WRONG):
        pause_sending(f"carrier_{code}", now=now, sender=SENDER_OF[carrier])


def to_unknown(session: Session, outbox_id: uuid.UUID, n: int, *, now: datetime) -> None:
    """Nobody can say whether this attempt left: it is looked up in the carrier's log, never just repeated."""
    session.execute(
        update(OutboxText)
        .where(OutboxText.id == outbox_id, OutboxText.state == TextState.CLAIMED, OutboxText.tries == n)
        .values(state=TextState.UNKNOWN, claimed_by=None, claimed_until=None)
    )
    session.execute(
        update(Attempt)
        .where(Attempt.outbox_id == outbox_id, Attempt.n == n, Attempt.outcome == AttemptOutcome.STARTED)
        .values(outcome=AttemptOutcome.UNKNOWN, look_after=now)
    )


def has_sid(session: Session, text: ClaimedText) -> bool:
    """A receipt has already brought the carrier's id of this attempt."""
    sid = select(Attempt.sid).where(Attempt.outbox_id == text.id, Attempt.n == text.n)
    return session.scalar(sid) is not None


def _count(carrier: str, meaning: ErrorMeaning | None) -> None:
    metrics.CARRIER_ERRORS.labels(carrier, meaning or "other").inc()


def _later(session: Session, outbox_id: uuid.UUID, n: int, moment: datetime) -> None:
    session.execute(
        update(OutboxText)
        .where(OutboxText.id == outbox_id, OutboxText.state.in_(UNDER_WAY), OutboxText.tries == n)
        .values(state=TextState.WAITING, next_try_at=moment, claimed_by=None, claimed_until=None)
    )


def _settle(session: Session, outbox_id: uuid.UUID, state: TextState, code: int, now: datetime) -> None:
    session.execute(
        update(OutboxText)
        .where(OutboxText.id == outbox_id, OutboxText.state.in_(UNDER_WAY))
        .values(state=state, error_code=code, settled_at=now, claimed_by=None, claimed_until=None)
    )


def _way_around(phone: str, carrier: str) -> str | None:
    """The carrier that may send it where this one, which has not taken it, blocks a number that has come back
    with us. Where there is none, or it blocks too, the refusal is an opt-out."""
    other = other_than(carrier)
    open_to_it = other is not None and other not in carriers_that_block(phone)
    return other if open_to_it and is_left_over(phone, carrier) else None


def _by_other(session: Session, outbox_id: uuid.UUID, carrier: str, now: datetime) -> None:
    session.execute(
        update(OutboxText)
        .where(OutboxText.id == outbox_id, OutboxText.state.in_(UNDER_WAY))
        .values(
            state=TextState.WAITING,
            next_try_at=now,
            carrier=carrier,
            number=None,
            claimed_by=None,
            claimed_until=None,
        )
    )


def _pause(tries: int) -> timedelta:
    """2, 4, 8 ... seconds, a minute at most."""
    return min(SLOWEST, timedelta(seconds=2 ** min(tries, 6)))


def _tomorrow(now: datetime) -> datetime:
    """The beginning of the carriers' next day; the claim then waits for the hours of texts."""
    return clock.on_local_day(now, DAY_OF_CARRIERS, 1, time(0))


def _slow_down(session: Session, carrier: str) -> None:
    """The carrier asked us to slow down: all workers leave out about two seconds."""
    of_carrier = Sender.name == SENDER_OF[carrier]
    session.execute(update(Sender).where(of_carrier).values(tokens=-2 * Sender.rate))
