"""Two carriers behind one outbox: whichever fails, each text leaves once, by the number it should."""

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from mobilize.database import db, new_id
from mobilize.demo.carrier.server import Carrier
from mobilize.demo.carrier.telnyx import TelnyxCarrier
from mobilize.texts import carriers
from mobilize.texts.carriers import telnyx, twilio
from mobilize.texts.carriers.base import ErrorMeaning
from mobilize.texts.consent.carrier_blocks import carriers_that_block
from mobilize.texts.models import Attempt, AttemptOutcome, OutboxText, Priority, Sender, TextState
from mobilize.texts.operations import answer, opt_in
from mobilize.texts.queries import is_opted_out, paused_senders
from mobilize.texts.receiving.inbound import InboundChannel, take_inbound
from mobilize.texts.receiving.missed_events import catch_up
from mobilize.texts.receiving.receipts import note_receipt
from mobilize.texts.sending.delivery import drain
from mobilize.texts.sending.pauses import pause_sending, resume_sending
from mobilize.texts.sending.reconciling import look_again_at_stuck, reconcile
from mobilize.texts.sending.senders import REST, routes
from tests.texts.conftest import MIA, attempt, fresh

Queue = Callable[..., OutboxText]
TELNYX = InboundChannel("telnyx", "+12135550150")


@pytest.fixture
def many(queued: Queue) -> Callable[..., list[OutboxText]]:
    """So many texts, each to a number of its own."""

    def queue(n: int, purpose: str = "many", **values: object) -> list[OutboxText]:
        return [queued(f"+121355501{i:02d}", f"{purpose}:{i}:1", **values) for i in range(n)]

    return queue


def sent_by(one: Carrier) -> list[str]:
    return [text["to"] for text in one.store.ledger()]


def left_once(texts: list[OutboxText], *ones: Carrier) -> bool:
    left = sorted(phone for one in ones for phone in sent_by(one))
    return left == sorted(fresh(text).to for text in texts)


def test_while_both_work_new_texts_leave_by_the_first(
    carrier: Carrier, second: TelnyxCarrier, many: Callable[..., list[OutboxText]], now: datetime
):
    texts = many(5)
    assert drain(now=now).accepted == 5
    assert left_once(texts, carrier) and sent_by(second) == []
    assert attempt(texts[0]).carrier == "twilio"


def test_when_the_first_answers_nobody_new_texts_leave_by_the_second_and_what_it_held_is_not_sent_again(
    carrier: Carrier, second: TelnyxCarrier, many: Callable[..., list[OutboxText]], now: datetime
):
    """It takes each text and drops the line: what it holds is found in its log, and leaves by nobody else."""
    held = many(6, "held")
    carrier.faults.shares = {"drop_accepted": 1.0}
    assert drain(now=now).unknown == 6
    later = now + timedelta(seconds=1)
    new = many(4, "new")
    assert drain(now=later).accepted == 4
    assert {attempt(text).carrier for text in new} == {"telnyx"}
    assert {fresh(text).state for text in held} == {TextState.UNKNOWN}
    carrier.faults.shares = {}
    assert reconcile(now=later).adopted == 6
    assert left_once(held + new, carrier, second)


def test_what_the_first_never_took_is_looked_for_in_its_log_before_the_second_sends_it(
    carrier: Carrier, second: TelnyxCarrier, many: Callable[..., list[OutboxText]], now: datetime
):
    texts = many(6)
    carrier.faults.shares = {"500": 1.0}
    drain(now=now)
    for seconds in (1, 62, 120):
        reconcile(now=now + timedelta(seconds=seconds))
        drain(now=now + timedelta(seconds=seconds))
    assert sent_by(second) == [], "three looks have not been taken yet"
    for seconds in (183, 184):
        reconcile(now=now + timedelta(seconds=seconds))
        drain(now=now + timedelta(seconds=seconds))
    assert len(sent_by(second)) >= 5, "one of them may have been the try whether the first works again"
    assert {attempt(text, 1).outcome for text in texts} == {AttemptOutcome.NOT_FOUND}


def test_one_that_failed_is_tried_with_one_text_and_takes_over_again(
    carrier: Carrier, second: TelnyxCarrier, many: Callable[..., list[OutboxText]], now: datetime
):
    many(6, "before")
    carrier.faults.shares = {"drop": 1.0}
    drain(now=now)
    assert [(route.carrier, route.takes_new) for route in routes(now)] == [("telnyx", True)]
    tried = now + REST + timedelta(seconds=2)
    many(8, "still")
    drain(now=tried)
    assert len(sent_by(second)) == 7, "the eighth was the try"
    assert [route.carrier for route in routes(tried + timedelta(seconds=5))] == ["telnyx"]
    carrier.faults.shares = {}
    back = tried + REST + timedelta(seconds=5)
    many(8, "again")
    drain(now=back)
    many(8, "last")
    drain(now=back + timedelta(seconds=1))
    assert [(route.carrier, route.takes_new) for route in routes(back)] == [("twilio", True)]
    assert len(sent_by(carrier)) == 1 + 8


def test_one_whose_credentials_are_wrong_is_paused_and_the_other_sends(
    carrier: Carrier, second: TelnyxCarrier, many: Callable[..., list[OutboxText]], now: datetime
):
    texts = many(4)
    carrier.authorization = "Basic of somebody else"
    drain(now=now)
    assert [sender.paused_reason for sender in paused_senders()] == ["carrier_20003"]
    assert drain(now=now + timedelta(minutes=1)).accepted == 4
    assert left_once(texts, second)
    resume_sending()
    carrier.authorization = second.authorization
    assert routes(now)[0].carrier == "twilio"


def test_a_pause_of_the_office_stays_one_whatever_a_carrier_still_says(
    carrier: Carrier, second: TelnyxCarrier, many: Callable[..., list[OutboxText]], now: datetime
):
    many(2)
    pause_sending("the office stopped it", now=now)
    pause_sending("carrier_20003", now=now)
    assert [sender.paused_reason for sender in paused_senders()] == ["the office stopped it"]
    assert drain(now=now).claimed == 0


def test_what_a_carrier_held_that_is_set_up_no_more_goes_to_a_person(
    app: Flask, carrier: Carrier, second: TelnyxCarrier, queued: Queue, now: datetime
):
    carrier.faults.next = {"drop_accepted": 1}
    text = queued()
    drain(now=now)
    app.config["MOBILIZE"] = dataclasses.replace(app.config["MOBILIZE"], twilio_auth_token="")
    for minute in range(5):
        reconcile(now=now + timedelta(minutes=minute, seconds=1))
        drain(now=now + timedelta(minutes=minute, seconds=2))
    assert (fresh(text).state, fresh(text).reason) == (TextState.STUCK, "log_unreadable")
    assert sent_by(second) == []


def test_a_pause_of_the_office_holds_the_texts_of_both(
    carrier: Carrier, second: TelnyxCarrier, many: Callable[..., list[OutboxText]], now: datetime
):
    many(3)
    pause_sending("the office stopped it", now=now)
    assert drain(now=now).claimed == 0
    resume_sending()
    assert drain(now=now).accepted == 3


def test_what_the_second_s_log_does_not_show_goes_to_a_person_and_its_receipt_still_counts(
    carrier: Carrier, second: TelnyxCarrier, queued: Queue, now: datetime
):
    """Its records are promised for no moment: that one is not there proves nothing."""
    carrier.stop()
    texts = [queued(f"+121355501{i:02d}", f"down:{i}:1") for i in range(6)]
    drain(now=now)
    second.faults.shares = {"500_accepted": 1.0}
    second.faults.list_lag_s = 3600
    drain(now=now + timedelta(seconds=20))
    unknown = [text for text in texts if fresh(text).state is TextState.UNKNOWN]
    assert unknown
    for seconds in (21, 82, 203):
        reconcile(now=now + timedelta(seconds=seconds))
    assert {(fresh(text).state, fresh(text).reason) for text in unknown} == {(TextState.STUCK, "not_found")}
    heard_of = unknown.pop()
    (sid,) = [text["sid"][2:] for text in second.store.ledger() if text["to"] == heard_of.to]
    note_receipt(sid, "sent", outbox_id=heard_of.id, n=2, error_code=None, now=now + timedelta(seconds=299))
    assert (fresh(heard_of).state, fresh(heard_of).reason) == (TextState.SENT, None)
    second.faults.list_lag_s = 0
    assert look_again_at_stuck(now=now + timedelta(seconds=300)) == len(unknown)
    assert reconcile(now=now + timedelta(seconds=301)).adopted == len(unknown)
    assert len(sent_by(second)) == len(unknown) + 1


def test_a_code_is_not_waited_for_asking_again_makes_a_new_one(
    carrier: Carrier, second: TelnyxCarrier, queued: Queue, now: datetime
):
    carrier.faults.shares = {"drop_accepted": 1.0}
    codes = [queued(MIA, f"sign_in:{new_id()}:1", priority=Priority.CODE) for _ in range(6)]
    drain(now=now)
    again = queued(MIA, f"sign_in:{new_id()}:1", priority=Priority.CODE)
    assert drain(now=now + timedelta(seconds=1)).accepted == 1
    assert attempt(again).carrier == "telnyx"
    assert {fresh(code).state for code in codes} == {TextState.UNKNOWN}


def test_an_answer_leaves_by_the_number_that_was_written_to(
    carrier: Carrier, second: TelnyxCarrier, queued: Queue, now: datetime
):
    queued()
    drain(now=now)
    came = take_inbound("f" * 32, MIA, "who is this", via=TELNYX, now=now)
    assert came
    drain(now=now + timedelta(seconds=1))
    assert sent_by(second) == [MIA]
    assert second.store.ledger()[0]["from_"] == "+12135550150"


def test_an_answer_waits_for_its_carrier_rather_than_come_from_another_number(
    carrier: Carrier, second: TelnyxCarrier, queued: Queue, now: datetime
):
    queued()
    drain(now=now)
    pause_sending("carrier_10009", now=now, sender="telnyx")
    came = take_inbound("f" * 32, MIA, "hello you", via=TELNYX, now=now)
    assert came and answer(came, "help", {}, language="en", now=now)
    assert drain(now=now + timedelta(seconds=1)).claimed == 0
    resume_sending()
    assert drain(now=now + timedelta(seconds=2)).accepted == 1 and sent_by(second) == [MIA]


def test_an_opt_out_at_either_holds_at_both(
    carrier: Carrier, second: TelnyxCarrier, queued: Queue, now: datetime
):
    take_inbound("f" * 32, MIA, "STOP", via=TELNYX, now=now)
    assert is_opted_out(MIA) and carriers_that_block(MIA) == ["telnyx"]
    queued()
    assert drain(now=now + timedelta(seconds=1)).claimed == 0


def test_start_at_one_does_not_lift_the_block_of_the_other_whose_texts_leave_by_the_first(
    carrier: Carrier, second: TelnyxCarrier, queued: Queue, now: datetime
):
    second.store.receive(MIA, "STOP")
    take_inbound("f" * 32, MIA, "STOP", via=TELNYX, now=now)
    take_inbound("SM" + "e" * 32, MIA, "START", now=now + timedelta(seconds=1))
    drain(now=now + timedelta(seconds=2))
    assert not is_opted_out(MIA) and carriers_that_block(MIA) == ["telnyx"]
    pause_sending("carrier_20003", now=now)
    text = queued(purpose="after:1:1")
    drain(now=now + timedelta(seconds=3))
    assert (fresh(text).state, fresh(text).carrier) == (TextState.WAITING, "twilio")
    assert not is_opted_out(MIA), "that the second refuses is left over from before"
    resume_sending()
    drain(now=now + timedelta(seconds=4))
    assert fresh(text).state is TextState.ACCEPTED and sent_by(second) == []


def test_who_is_blocked_by_both_and_comes_back_on_the_page_is_tried_once_and_is_out_again(
    carrier: Carrier, second: TelnyxCarrier, queued: Queue, now: datetime
):
    for one, via in ((carrier, InboundChannel()), (second, TELNYX)):
        one.store.receive(MIA, "STOP")
        take_inbound(new_id().hex, MIA, "STOP", via=via, now=now)
    opt_in(MIA, source="page", now=now + timedelta(seconds=1))
    text = queued()
    drain(now=now + timedelta(seconds=2))
    assert (fresh(text).state, fresh(text).tries) == (TextState.FAILED, 1)
    assert is_opted_out(MIA)


def test_a_status_that_says_so_later_sends_it_by_the_other_too(
    carrier: Carrier, second: TelnyxCarrier, queued: Queue, now: datetime
):
    take_inbound("SM" + "d" * 32, MIA, "STOP", now=now)
    take_inbound("f" * 32, MIA, "START", via=TELNYX, now=now + timedelta(seconds=1))
    drain(now=now + timedelta(seconds=1))
    text = queued()
    drain(now=now + timedelta(seconds=2))
    later = now + timedelta(seconds=3)
    note_receipt(str(attempt(text).sid), "undelivered", outbox_id=text.id, error_code=21610, now=later)
    assert (fresh(text).state, fresh(text).carrier) == (TextState.WAITING, "telnyx")
    drain(now=later)
    assert fresh(text).state is TextState.ACCEPTED and not is_opted_out(MIA)


def test_with_one_carrier_its_refusal_is_an_opt_out_as_ever(carrier: Carrier, queued: Queue, now: datetime):
    take_inbound("SM" + "d" * 32, MIA, "STOP", now=now)
    take_inbound("f" * 32, MIA, "START", via=TELNYX, now=now + timedelta(seconds=1))
    carrier.store.opted_out.add(MIA)
    text = queued()
    drain(now=now + timedelta(seconds=2))
    assert fresh(text).state is TextState.FAILED and is_opted_out(MIA)


def test_what_was_missed_is_caught_up_from_both_logs(
    carrier: Carrier, second: TelnyxCarrier, queued: Queue, now: datetime
):
    carrier.store.receive("+12135550111", "STOP")
    second.store.receive("+12135550112", "STOP")
    assert catch_up(now=now)[0] == 2
    assert is_opted_out("+12135550111") and is_opted_out("+12135550112")
    assert catch_up(now=now)[0] == 0


def test_each_sender_has_its_carrier_its_numbers_and_its_pace(
    carrier: Carrier, second: TelnyxCarrier, queued: Queue, now: datetime
):
    queued()
    take_inbound("f" * 32, MIA, "who is this", via=TELNYX, now=now)
    drain(now=now)
    senders = db.session.scalars(select(Sender).order_by(Sender.carrier)).all()
    assert [(one.carrier, one.numbers, one.rate) for one in senders] == [
        ("telnyx", "+12135550150", 5000.0),
        ("twilio", "+12135550100", 5000.0),
    ]


def test_no_code_means_something_at_two_carriers() -> None:
    def codes(meanings: dict[ErrorMeaning, frozenset[int]]) -> list[int]:
        return sorted(code for some in meanings.values() for code in some)

    both = codes(twilio.MEANINGS) + codes(telnyx.MEANINGS)
    assert len(both) == len(set(both))
    assert carriers.meaning_of(40300) is carriers.meaning_of(21610) is ErrorMeaning.OPTED_OUT


def test_every_call_is_written_down_with_its_carrier(
    carrier: Carrier, second: TelnyxCarrier, many: Callable[..., list[OutboxText]], now: datetime
):
    carrier.faults.shares = {"drop": 1.0}
    many(6)
    drain(now=now)
    many(6, "more")
    drain(now=now + timedelta(seconds=1))
    assert set(db.session.scalars(select(Attempt.carrier))) == {"twilio", "telnyx"}
