"""Who wants no more texts is told so by one text, and gets no other."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from mobilize.database import atomic, db, new_id
from mobilize.demo.carrier.server import Carrier
from mobilize.texts.models import Inbound, OutboxText, TextClass, TextState
from mobilize.texts.operations import opt_in, opt_out
from mobilize.texts.queries import is_opted_out
from mobilize.texts.receiving.inbound import take_inbound
from mobilize.texts.sending import claiming
from mobilize.texts.sending.delivery import drain, sweep
from mobilize.texts.sending.pauses import pause_sending
from tests.at_once import all_at_once
from tests.builders import make_member
from tests.texts.conftest import MIA, NATE, bodies, fresh

CLEAR, DOUBTFUL = "please stop texting me", "Can you stop"
NOTED = "Test Local 100: noted, no more texts from us. START turns them on again."
QUESTION = "Test Local 100: noted, no more texts. If you did not mean that, reply START."


def hear(body: str, now: datetime, phone: str = MIA) -> Inbound:
    row = take_inbound(f"SM{new_id().hex}", phone, body, now=now)
    assert row is not None
    return row


def confirmations() -> list[OutboxText]:
    db.session.rollback()
    of_rule = OutboxText.idempotency_key.startswith("opt_out:")
    return list(db.session.scalars(select(OutboxText).where(of_rule).order_by(OutboxText.queued_at)))


@pytest.mark.parametrize(("body", "expected"), [(CLEAR, NOTED), (DOUBTFUL, QUESTION)])
def test_a_wish_is_obeyed_and_says_so_and_a_doubtful_one_asks(
    carrier: Carrier, now: datetime, body: str, expected: str
) -> None:
    make_member(phone=MIA)
    hear(body, now)
    assert is_opted_out(MIA)
    assert drain(now=now).accepted == 1
    assert bodies(carrier) == [expected]


def test_a_spanish_reader_is_told_in_spanish(carrier: Carrier, now: datetime) -> None:
    make_member(phone=MIA, language="es")
    hear("ya no me manden mensajes por favor", now)
    drain(now=now)
    [body] = bodies(carrier)
    assert "ya no te mandamos textos" in body and "START" in body


@pytest.mark.parametrize(
    "body", ["STOP", " stop ", "Unsubscribe", "CANCEL", "end", "quit", "revoke", "OPTOUT"]
)
def test_a_keyword_that_the_carrier_confirms_is_not_confirmed_by_us(
    app: Flask, now: datetime, body: str
) -> None:
    make_member(phone=MIA)
    hear(body, now)
    assert is_opted_out(MIA) and confirmations() == []


@pytest.mark.parametrize("body", ["Stop.", "ALTO", "stop stop stop", "baja"])
def test_a_word_that_the_carrier_does_not_know_is_confirmed_by_us(
    app: Flask, now: datetime, body: str
) -> None:
    make_member(phone=MIA)
    hear(body, now)
    assert is_opted_out(MIA) and len(confirmations()) == 1


def test_the_same_wish_again_is_not_confirmed_again(carrier: Carrier, now: datetime) -> None:
    make_member(phone=MIA)
    for minute, body in enumerate([CLEAR, DOUBTFUL, "STOP", CLEAR]):
        hear(body, now + timedelta(minutes=minute))
        drain(now=now + timedelta(minutes=minute))
    assert bodies(carrier) == [NOTED]


def test_two_wishes_at_once_are_confirmed_once(app: Flask, now: datetime) -> None:
    make_member(phone=MIA)
    all_at_once(app, *[lambda: hear(CLEAR, now).id for _ in range(4)])
    assert len(confirmations()) == 1


def test_after_a_start_the_next_wish_is_confirmed(carrier: Carrier, now: datetime) -> None:
    make_member(phone=MIA)
    for minute, body in enumerate([CLEAR, "START", CLEAR]):
        hear(body, now + timedelta(minutes=minute))
        drain(now=now + timedelta(minutes=minute))
    assert [body for body in bodies(carrier) if "no more" in body] == [NOTED, NOTED]


def test_a_start_takes_back_a_confirmation_that_still_waits(app: Flask, now: datetime) -> None:
    make_member(phone=MIA)
    hear(CLEAR, now)
    hear("START", now + timedelta(seconds=1))
    [text] = confirmations()
    assert (text.state, text.reason) == (TextState.DROPPED, "back_in")


def test_after_five_minutes_it_is_too_late_for_a_confirmation(carrier: Carrier, now: datetime) -> None:
    """So too for a wish that was caught up late from the carrier's log."""
    make_member(phone=MIA)
    hear(CLEAR, now)
    late = now + timedelta(minutes=5)
    assert drain(now=late).claimed == 0
    sweep(now=late)
    [text] = confirmations()
    assert (text.state, text.reason) == (TextState.DROPPED, "too_late")


def test_a_pause_holds_no_confirmation(
    carrier: Carrier, now: datetime, queued: Callable[..., OutboxText]
) -> None:
    make_member(phone=MIA)
    queued(NATE, purpose="another")
    pause_sending("the office stopped it", now=now)
    hear(CLEAR, now)
    assert drain(now=now, unheld_only=True).accepted == 1
    assert bodies(carrier) == [NOTED]


def test_the_spending_breaker_holds_none_either(
    app: Flask, carrier: Carrier, now: datetime, queued: Callable[..., OutboxText]
) -> None:
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], spending_limit_cents_an_hour=1)
    make_member(phone=MIA)
    for n in range(3):
        queued(NATE, purpose=f"costs:{n}")
    drain(now=now)
    hear(CLEAR, now)
    assert drain(now=now).accepted == 1 and bodies(carrier)[-1] == NOTED


def test_who_wants_to_be_out_and_in_all_the_time_waits_for_a_pause_like_others(
    carrier: Carrier, now: datetime
) -> None:
    make_member(phone=MIA)
    pause_sending("the office stopped it", now=now)
    for second in range(5):
        hear(CLEAR, now + timedelta(seconds=2 * second))
        drain(now=now + timedelta(seconds=2 * second))
        hear("START", now + timedelta(seconds=2 * second + 1))
    assert bodies(carrier) == [NOTED] * 3


def test_the_carrier_may_hold_it_no_longer_than_the_five_minutes(carrier: Carrier, now: datetime) -> None:
    make_member(phone=MIA)
    hear(CLEAR, now)
    [claimed] = claiming.claim(10, by="test", now=now + timedelta(minutes=1))
    assert claimed.validity_s == 240


def test_nothing_else_leaves_for_somebody_who_opted_out(
    carrier: Carrier, now: datetime, queued: Callable[..., OutboxText]
) -> None:
    make_member(phone=MIA)
    before = queued(purpose="reminder:1:1")
    hear(CLEAR, now)
    likely = [
        queued(purpose="answer:1:1"),
        queued(purpose="opted:1:1", wording="opt_out_noted", merge_fields={}),
        queued(purpose="opt_out:1:1"),
        queued(purpose="opt_out:2:1", wording="opt_out_noted", merge_fields={}, text_class=TextClass.NOTICE),
        queued(
            purpose="opt_out:3:1", wording="opt_out_noted", merge_fields={}, due_at=now - timedelta(minutes=6)
        ),
    ]
    assert drain(now=now).accepted == 1
    assert bodies(carrier) == [NOTED]
    sweep(now=now)
    assert {fresh(text).reason for text in [before, *likely]} == {"opted_out"}


def test_a_stranger_is_obeyed_and_not_texted(app: Flask, now: datetime) -> None:
    hear(CLEAR, now, phone=NATE)
    assert is_opted_out(NATE) and confirmations() == []


def test_an_opt_out_that_came_another_way_has_no_confirmation(app: Flask, now: datetime) -> None:
    make_member(phone=MIA)
    opt_out(MIA, source="page", now=now)
    assert confirmations() == []
    hear(CLEAR, now + timedelta(minutes=1))
    assert confirmations() == [], "they were out already"
    opt_in(MIA, source="reply", now=now + timedelta(minutes=2))
    hear(CLEAR, now + timedelta(minutes=3))
    assert len(confirmations()) == 1


def test_danger_with_a_wish_for_no_texts_is_confirmed_too(app: Flask, now: datetime) -> None:
    make_member(phone=MIA)
    row = hear("stop texting me or I call the police", now)
    assert (row.intent, row.done_at) == ("alarm", None)
    assert [text.wording for text in confirmations()] == ["opt_out_noted"]


def test_a_confirmation_that_was_forgotten_is_not_sent_again(app: Flask, now: datetime) -> None:
    make_member(phone=MIA)
    hear(CLEAR, now)
    with atomic() as session:
        session.delete(confirmations()[0])
    hear(CLEAR, now + timedelta(days=8))
    assert confirmations() == []
