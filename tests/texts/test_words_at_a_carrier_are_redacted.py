"""Words kept at a carrier: forgotten after the days the union chose, once, never while that is off, and never
what no backup that was verified holds."""

import dataclasses
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from mobilize.backup.archive import VERIFIED
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
def backups(app: Flask, carrier: Carrier, tmp_path: Path) -> Path:
    app.config["MOBILIZE"] = dataclasses.replace(app.config["MOBILIZE"], backup_folder=str(tmp_path))
    return tmp_path


@pytest.fixture
def after_three_days(app: Flask, backups: Path, now: datetime) -> None:
    """The setting; and whatever is asked about is in a backup that was verified."""
    app.config["MOBILIZE"] = dataclasses.replace(app.config["MOBILIZE"], text_redact_after_days=3)
    verify(backups, now + 30 * A_DAY)


def verify(backups: Path, taken_at: datetime) -> None:
    """As if the backup of this moment had been verified last."""
    entry = {"file": "a", "taken_at": taken_at.isoformat(), "at": taken_at.isoformat(), "opened": True}
    (backups / VERIFIED).write_text(json.dumps(entry), encoding="utf-8")


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


def test_what_the_newest_verified_backup_does_not_hold_by_a_day_is_kept(
    carrier: Carrier, sent: list[OutboxText], after_three_days: None, backups: Path, now: datetime
):
    verify(backups, now + A_DAY / 2)
    assert redact_due(now=now + 90 * A_DAY) == 0 and len(kept(carrier)) == 4
    verify(backups, now + A_DAY * 1.1)
    assert redact_due(now=now + 2 * A_DAY) == 0, "nor before its days are over"
    assert redact_due(now=now + 4 * A_DAY) == 4


def test_without_a_verified_backup_nothing_is_forgotten(
    carrier: Carrier, sent: list[OutboxText], after_three_days: None, backups: Path, now: datetime
):
    (backups / VERIFIED).unlink()
    assert redact_due(now=now + 90 * A_DAY) == 0 and len(kept(carrier)) == 4


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
    app: Flask, second: TelnyxCarrier, backups: Path, queued: Queue, now: datetime
):
    verify(backups, now + 30 * A_DAY)
    app.config["MOBILIZE"] = dataclasses.replace(
        app.config["MOBILIZE"], text_redact_after_days=1, carriers=("telnyx", "twilio")
    )
    queued()
    drain(now=now)
    assert redact_due(now=now + 4 * A_DAY) == 0 and len(kept(second)) == 1
