"""Words kept at a carrier: forgotten after the days the union chose, once, and never while that is off."""

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from mobilize.database import db
from mobilize.demo.carrier.server import Carrier
from mobilize.demo.carrier.telnyx import TelnyxCarrier
from mobilize.texts.models import Attempt, Inbound, OutboxText
from mobilize.texts.receiving.inbound import InboundChannel, take_inbound
from mobilize.texts.redaction import redact_due
from mobilize.texts.sending.delivery import drain
from tests.texts.conftest import MIA

Queue = Callable[..., OutboxText]
A_DAY = timedelta(days=1)


@pytest.fixture
def sent(carrier: Carrier, queued: Queue, now: datetime) -> list[OutboxText]:
    """Three texts at the carrier, and one that came in with a picture."""
    texts = [queued(f"+121355501{i:02d}", f"text:{i}:1") for i in range(3)]
    drain(now=now)
    incoming = carrier.store.receive(MIA, "a private word")
    take_inbound(incoming.sid, MIA, incoming.body, via=InboundChannel("twilio", media=1), now=now)
    return texts


@pytest.fixture
def after_three_days(app: Flask, carrier: Carrier) -> None:
    app.config["MOBILIZE"] = dataclasses.replace(app.config["MOBILIZE"], text_redact_after_days=3)


def kept(carrier: Carrier) -> list[str]:
    return [message.body for message in carrier.store.messages if message.body]


def test_unless_it_is_set_the_carrier_keeps_them(carrier: Carrier, sent: list[OutboxText], now: datetime):
    assert redact_due(now=now + 999 * A_DAY) == 0
    assert len(kept(carrier)) == 4


def test_after_the_days_that_are_set_they_are_forgotten_once(
    carrier: Carrier, sent: list[OutboxText], after_three_days: None, now: datetime
):
    assert redact_due(now=now + 2 * A_DAY) == 0
    assert redact_due(now=now + 4 * A_DAY) == 4
    assert kept(carrier) == []
    assert None not in [
        *db.session.scalars(select(Attempt.redacted_at)),
        *db.session.scalars(select(Inbound.redacted_at)),
    ]
    calls = carrier.calls
    assert redact_due(now=now + 5 * A_DAY) == 0 and carrier.calls == calls


def test_what_the_carrier_does_not_know_any_more_is_done(
    carrier: Carrier, sent: list[OutboxText], after_three_days: None, now: datetime
):
    carrier.store.by_sid.clear()
    assert redact_due(now=now + 4 * A_DAY) == 4


def test_a_carrier_that_fails_is_asked_again_the_next_time(
    carrier: Carrier, sent: list[OutboxText], after_three_days: None, now: datetime
):
    own, carrier.authorization = carrier.authorization, "somebody else's"
    assert redact_due(now=now + 4 * A_DAY) == 0 and len(kept(carrier)) == 4
    carrier.authorization = own
    assert redact_due(now=now + 4 * A_DAY) == 4


def test_a_carrier_without_such_a_call_is_left_out(
    app: Flask, carrier: Carrier, second: TelnyxCarrier, queued: Queue, now: datetime
):
    app.config["MOBILIZE"] = dataclasses.replace(
        app.config["MOBILIZE"], text_redact_after_days=1, carriers=("telnyx", "twilio")
    )
    queued()
    drain(now=now)
    assert redact_due(now=now + 4 * A_DAY) == 0 and len(kept(second)) == 1
