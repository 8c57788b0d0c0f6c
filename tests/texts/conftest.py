"""A stand-in carrier for each test, and shorthands for the outbox."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from mobilize import clock
from mobilize.database import db
from mobilize.demo.carrier.server import Carrier
from mobilize.demo.carrier.telnyx import TelnyxCarrier
from mobilize.texts.models import Attempt, OutboxText, Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_text

MIA = "+12135550101"
NATE = "+12135550102"


@pytest.fixture
def now() -> datetime:
    """The real time: the carrier's log has its own clock, which looks are compared with."""
    return clock.now()


@pytest.fixture
def carrier(app: Flask) -> Iterator[Carrier]:
    """A fresh stand-in, which the app's texts go to. It posts nothing back: tests post receipts
    themselves."""
    settings = app.config["MOBILIZE"]
    standing_in = Carrier(
        settings.twilio_account_sid, settings.twilio_auth_token, settings.public_base_url
    ).start()
    standing_in.faults.receipts_lost = 1.0
    app.config["MOBILIZE"] = dataclasses.replace(
        settings, twilio_api_url=standing_in.url, segments_per_second=5000.0
    )
    yield standing_in
    standing_in.stop()


@pytest.fixture
def second(app: Flask, carrier: Carrier) -> Iterator[TelnyxCarrier]:
    """A second carrier beside the first, and posting nothing back either."""
    settings = app.config["MOBILIZE"]
    standing_in = TelnyxCarrier("KEY-for-tests", settings.public_base_url)
    standing_in.start()
    standing_in.faults.receipts_lost = 1.0
    app.config["MOBILIZE"] = dataclasses.replace(
        settings,
        telnyx_api_key=standing_in.token,
        telnyx_public_key=standing_in.public_key,
        telnyx_numbers=(standing_in.store.number,),
        telnyx_api_url=standing_in.url,
        telnyx_segments_per_second=5000.0,
    )
    yield standing_in
    standing_in.stop()


@pytest.fixture
def queued(now: datetime) -> Callable[..., OutboxText]:
    """Queue one text that may leave at any hour, unless the test says otherwise."""

    def queue(phone: str = MIA, purpose: str = "test:1:1", **values: Any) -> OutboxText:
        planned = {
            "wording": "as_written",
            "language": "en",
            "text_class": TextClass.REQUESTED,
            "tz": "America/Los_Angeles",
            "due_at": now,
            "expires_at": now + timedelta(hours=2),
            "priority": Priority.REMINDER,
            "merge_fields": {"body": f"Hello, {purpose}"},
            **values,
        }
        return queue_text(PlannedText(purpose=purpose, phone=phone, **planned), now=now)

    return queue


def fresh(text: OutboxText) -> OutboxText:
    """The row as it stands in the database now."""
    db.session.rollback()
    row = db.session.get(OutboxText, text.id, populate_existing=True)
    assert row is not None
    return row


def attempt(text: OutboxText, n: int = 1) -> Attempt:
    db.session.rollback()
    row = db.session.get(Attempt, (text.id, n), populate_existing=True)
    assert row is not None
    return row


def bodies(carrier: Carrier) -> list[str]:
    """The bodies the carrier took, in order."""
    return [taken["body"] for taken in carrier.store.ledger()]
