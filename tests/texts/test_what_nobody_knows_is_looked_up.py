"""The days when something goes wrong between us and the carrier: one accept per purpose, none missing."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from mobilize.demo.carrier.server import Carrier
from mobilize.texts.carriers import twilio as real_client
from mobilize.texts.models import AttemptOutcome, OutboxText, TextState
from mobilize.texts.queries import doubled_texts, may_text, paused_senders
from mobilize.texts.receiving.receipts import note_receipt
from mobilize.texts.sending.claiming import claim
from mobilize.texts.sending.delivery import drain, sweep
from mobilize.texts.sending.reconciling import look_again_at_stuck, reconcile
from tests.texts.conftest import MIA, attempt, bodies, fresh

Queue = Callable[..., OutboxText]


def look_until_settled(now: datetime) -> datetime:
    """All the looks of one case: at once, after 60 s, after 180 s."""
    for seconds in (1, 62, 183):
        reconcile(now=now + timedelta(seconds=seconds))
    return now + timedelta(seconds=184)


@pytest.mark.parametrize("trouble", ["drop_accepted", "500_accepted", "garbage_accepted"])
def test_taken_without_a_readable_yes_is_found_in_the_log(
    carrier: Carrier, queued: Queue, now: datetime, trouble: str
):
    text = queued()
    carrier.faults.next = {trouble: 1}
    assert drain(now=now).unknown == 1
    assert fresh(text).state is TextState.UNKNOWN
    assert drain(now=now + timedelta(seconds=5)).claimed == 0
    assert reconcile(now=now + timedelta(seconds=5)).adopted == 1
    assert (fresh(text).state, attempt(text).outcome) == (TextState.ACCEPTED, AttemptOutcome.ADOPTED)
    assert len(bodies(carrier)) == 1


@pytest.mark.parametrize("trouble", ["drop", "500"])
def test_lost_before_it_was_taken_is_sent_anew_after_three_looks(
    carrier: Carrier, queued: Queue, now: datetime, trouble: str
):
    text = queued()
    carrier.faults.next = {trouble: 1}
    drain(now=now)
    for seconds, looks in ((1, 1), (30, 1), (62, 2), (120, 2)):
        reconcile(now=now + timedelta(seconds=seconds))
        assert attempt(text).looks == looks
        assert drain(now=now + timedelta(seconds=seconds)).claimed == 0
    reconcile(now=now + timedelta(seconds=183))
    after = now + timedelta(seconds=184)
    assert attempt(text).outcome is AttemptOutcome.NOT_FOUND
    assert drain(now=after).accepted == 1
    assert attempt(text, 2).outcome is AttemptOutcome.ACCEPTED
    assert len(bodies(carrier)) == 1


def test_killed_between_claim_and_call(carrier: Carrier, queued: Queue, now: datetime):
    text = queued()
    claim(10, by="killed", now=now)
    assert sweep(now=now + timedelta(seconds=59)) == 0
    assert sweep(now=now + timedelta(seconds=61)) == 1
    assert sweep(now=now + timedelta(seconds=61)) == 0
    after = look_until_settled(now + timedelta(seconds=61))
    assert after - now < timedelta(minutes=5)
    drain(now=after)
    assert (fresh(text).state, len(bodies(carrier))) == (TextState.ACCEPTED, 1)


def test_killed_between_the_carriers_yes_and_our_note(carrier: Carrier, queued: Queue, now: datetime):
    text = queued()
    (claimed,) = claim(10, by="killed", now=now)
    real_client.send(claimed.to, claimed.body, callback="", validity_s=60)
    sweep(now=now + timedelta(seconds=61))
    assert reconcile(now=now + timedelta(seconds=61)).adopted == 1
    assert drain(now=now + timedelta(seconds=300)).claimed == 0
    assert (fresh(text).state, len(bodies(carrier))) == (TextState.ACCEPTED, 1)


def test_a_receipt_settles_an_unknown_without_a_look(carrier: Carrier, queued: Queue, now: datetime):
    text = queued()
    carrier.faults.next = {"drop_accepted": 1}
    drain(now=now)
    sid = carrier.store.ledger()[0]["sid"]
    note_receipt(sid, "sent", outbox_id=text.id, error_code=None, now=now)
    assert (fresh(text).state, attempt(text).sid) == (TextState.SENT, sid)
    assert reconcile(now=now + timedelta(minutes=5)).looked == 0


def test_the_same_words_to_one_number_for_two_purposes_are_told_apart(
    carrier: Carrier, queued: Queue, now: datetime
):
    texts = [queued(purpose=f"p{n}", merge_fields={"body": "the same words"}) for n in range(2)]
    carrier.faults.next = {"drop_accepted": 1, "drop": 1}
    drain(now=now)
    drain(now=look_until_settled(now))
    assert len({attempt(t, fresh(t).tries).sid for t in texts}) == 2
    assert len(bodies(carrier)) == 2


def test_an_older_text_with_the_same_words_is_not_mistaken_for_it(
    carrier: Carrier, queued: Queue, now: datetime
):
    queued(purpose="yesterday", merge_fields={"body": "the same words"})
    drain(now=now)
    queued(purpose="today", merge_fields={"body": "the same words"})
    carrier.faults.next = {"drop": 1}
    drain(now=now)
    assert reconcile(now=now + timedelta(seconds=1)).adopted == 0
    drain(now=look_until_settled(now))
    assert len(bodies(carrier)) == 2


def test_a_list_that_lags_under_three_minutes_doubles_nothing(carrier: Carrier, queued: Queue, now: datetime):
    queued()
    carrier.faults.next = {"drop_accepted": 1}
    drain(now=now)
    carrier.faults.list_lag_s = 3600
    reconcile(now=now)
    reconcile(now=now + timedelta(seconds=61))
    carrier.faults.list_lag_s = 0
    after = look_until_settled(now + timedelta(seconds=122))
    assert (drain(now=after).claimed, len(bodies(carrier))) == (0, 1)


def test_a_list_that_lags_longer_doubles_one_and_it_is_counted(
    carrier: Carrier, queued: Queue, now: datetime
):
    text = queued()
    carrier.faults.next = {"drop_accepted": 1}
    carrier.faults.list_lag_s = 3600
    drain(now=now)
    drain(now=look_until_settled(now))
    first, second = carrier.store.ledger()
    assert doubled_texts() == 0
    for sid in (second["sid"], first["sid"]):
        note_receipt(sid, "delivered", outbox_id=text.id, error_code=None, now=now + timedelta(minutes=6))
    assert (doubled_texts(), attempt(text).outcome) == (1, AttemptOutcome.LATE)


def test_a_log_that_cannot_be_read_goes_to_a_person(carrier: Carrier, queued: Queue, now: datetime):
    text = queued()
    carrier.faults.next = {"drop_accepted": 1}
    carrier.faults.list_trouble = "500"
    drain(now=now)
    for minute in range(6):
        reconcile(now=now + timedelta(minutes=minute, seconds=minute))
    assert (fresh(text).state, fresh(text).reason) == (TextState.STUCK, "log_unreadable")
    carrier.faults.list_trouble = ""
    look_again_at_stuck(now=now + timedelta(minutes=10))
    reconcile(now=now + timedelta(minutes=10))
    assert (fresh(text).state, len(bodies(carrier))) == (TextState.ACCEPTED, 1)


def test_garbage_instead_of_the_log_proves_nothing(carrier: Carrier, queued: Queue, now: datetime):
    text = queued()
    carrier.faults.next = {"drop": 1}
    carrier.faults.list_trouble = "garbage"
    drain(now=now)
    reconcile(now=now + timedelta(seconds=1))
    assert (attempt(text).looks, attempt(text).blind_looks) == (0, 1)


def test_slow_down_is_repeated_later_and_everybody_takes_a_breath(
    carrier: Carrier, queued: Queue, now: datetime
):
    text, other = queued(purpose="a"), None
    carrier.faults.next = {"429": 1}
    assert drain(now=now).not_accepted == 1
    assert (fresh(text).state, attempt(text).outcome) == (TextState.WAITING, AttemptOutcome.SLOWED)
    other = queued(purpose="b")
    assert drain(now=now + timedelta(seconds=1)).claimed == 0
    assert drain(now=now + timedelta(seconds=6)).accepted == 2
    assert fresh(other).state is TextState.ACCEPTED
    assert len(bodies(carrier)) == 2


def test_a_carrier_that_is_not_there_costs_nothing(carrier: Carrier, queued: Queue, now: datetime):
    text = queued()
    carrier.stop()
    assert drain(now=now).not_accepted == 1
    assert (fresh(text).state, attempt(text).outcome) == (TextState.WAITING, AttemptOutcome.NOT_SENT)


@pytest.mark.parametrize(
    ("code", "state", "paused"),
    [(21610, "failed", False), (21211, "failed", False), (20003, "waiting", True), (21408, "failed", False)],
)
def test_a_definite_no_is_never_repeated_blindly(
    carrier: Carrier, queued: Queue, now: datetime, code: int, state: str, paused: bool
):
    text = queued()
    carrier.faults.refuse = {MIA: code}
    drain(now=now)
    assert fresh(text).state == state
    assert bool(paused_senders()) is paused
    assert may_text(MIA) == {21610: "opted_out", 21211: "bad_number"}.get(code)
    assert bodies(carrier) == []
