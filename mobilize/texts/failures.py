"""What follows when a text was not taken, or was taken and did not arrive. The carrier's codes, in one place.

Source of the codes: https://www.twilio.com/docs/api/errors
"""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mobilize.texts.carrier import Answer
from mobilize.texts.claiming import Claimed
from mobilize.texts.models import Attempt, OutboxText, Outcome, Sender, TextState
from mobilize.texts.phone_rules import note_bad_number, opt_out
from mobilize.texts.senders import MAIN_SENDER, pause_sending

UNDER_WAY = (TextState.CLAIMED, TextState.UNKNOWN)

OPTED_OUT = {21610}
BAD_NUMBER = {21211, 21614, 21217, 21635, 30005, 30006}
STOP_SENDER = {20003, 21408, 21606, 21612, 21659, 21703, 21704, 21705, 30002, 30032, 30034, 63038}
# Of these, the ones that say nothing about this text: it waits until the sender is put right.
SENDER_IS_SET_UP_WRONG = {20003, 21606, 21703, 21704, 21705}
SLOW_DOWN = {20429, 21611, 30001, 30017, 30022}
ONE_RETRY = {30003, 30008}
RETRY_AFTER = timedelta(hours=1)
SLOWEST = timedelta(minutes=1)


def not_accepted(session: Session, text: Claimed, answer: Answer, *, now: datetime) -> None:
    """A call ended without a clear yes. Part of `delivery.record`'s transaction."""
    code = answer.error_code or 0
    if answer.outcome is Outcome.UNKNOWN:
        to_unknown(session, text.id, text.n, now=now)
    elif answer.outcome in (Outcome.SLOWED, Outcome.NOT_SENT) or code in SLOW_DOWN:
        _later(session, text.id, text.n, now + _pause(text.n))
        if answer.outcome is not Outcome.NOT_SENT:
            _take_a_breath(session)
    elif code in SENDER_IS_SET_UP_WRONG:
        # The sender is paused by this; a code, which no pause holds, must not be tried without a rest.
        _later(session, text.id, text.n, now + _pause(text.n))
    else:
        _settle(session, text.id, TextState.FAILED, code, now)
    if answer.outcome is Outcome.REFUSED:
        consequences(code, text.to, now=now)


def did_not_arrive(session: Session, text: OutboxText, code: int, *, now: datetime) -> None:
    """A receipt says failed or undelivered for the text's latest attempt."""
    again = now + (RETRY_AFTER if code in ONE_RETRY else _pause(text.tries))
    worth_it = (code in ONE_RETRY and text.tries == 1) or (code in SLOW_DOWN and text.tries < 5)
    if worth_it and again < text.useless_after:
        text.state, text.next_try_at, text.error_code = TextState.WAITING, again, code
    else:
        text.state, text.error_code, text.settled_at = TextState.FAILED, code, now
    consequences(code, text.to, now=now)


def consequences(code: int, phone: str, *, now: datetime) -> None:
    """What a code says beyond this one text: about the number, or about the sender."""
    if code in OPTED_OUT:
        opt_out(phone, source="carrier", wording=str(code), now=now)
    elif code in BAD_NUMBER:
        note_bad_number(phone, code, now=now)
    elif code in STOP_SENDER:
        pause_sending(f"carrier_{code}", now=now)


def to_unknown(session: Session, outbox_id: uuid.UUID, n: int, *, now: datetime) -> None:
    """Nobody can say whether this attempt left: it is looked up in the carrier's log, never just repeated."""
    session.execute(
        update(OutboxText)
        .where(OutboxText.id == outbox_id, OutboxText.state == TextState.CLAIMED, OutboxText.tries == n)
        .values(state=TextState.UNKNOWN, claimed_by=None, claimed_until=None)
    )
    session.execute(
        update(Attempt)
        .where(Attempt.outbox_id == outbox_id, Attempt.n == n, Attempt.outcome == Outcome.STARTED)
        .values(outcome=Outcome.UNKNOWN, look_after=now)
    )


def has_sid(session: Session, text: Claimed) -> bool:
    """A receipt has already told us the carrier's name for this attempt."""
    known = select(Attempt.sid).where(Attempt.outbox_id == text.id, Attempt.n == text.n)
    return session.scalar(known) is not None


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


def _pause(tries: int) -> timedelta:
    """2, 4, 8 ... seconds, a minute at most."""
    return min(SLOWEST, timedelta(seconds=2 ** min(tries, 6)))


def _take_a_breath(session: Session) -> None:
    """The carrier asked us to slow down: all workers leave out about two seconds."""
    session.execute(update(Sender).where(Sender.name == MAIN_SENDER).values(tokens=-2 * Sender.rate))
