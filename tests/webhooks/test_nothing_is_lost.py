"""kill -9 of workers at each step, and of the receiver: every delivery arrives, some of them twice.

WEBHOOK_EVENTS=10000 (`make chaos ONLY=webhooks`) for more of them.
"""

import os
import random
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from mobilize import settings
from mobilize.database import db
from mobilize.webhooks.endpoints.operations import make_webhook
from mobilize.webhooks.models import DeliveryState, WebhookDelivery, WebhookEvent
from tests.builders import START
from tests.webhooks.kills import kill_workers_and_receiver
from tests.webhooks.receiver import Receiver

EVENTS = int(os.environ.get("WEBHOOK_EVENTS") or 400)


@pytest.mark.timeout(1200)
def test_every_delivery_arrives(pg_app: Flask, base_environ: dict[str, str], tmp_path: Path) -> None:
    receiver = Receiver()
    make_webhook("Our map", receiver.url, ["head_count.reported"], actor="shell", now=START)
    environ = {**base_environ, "DATABASE_URL": settings().database_url}
    now = START + timedelta(seconds=1)
    receiver, killed = kill_workers_and_receiver(environ, receiver, EVENTS, now, tmp_path, random.Random(7))
    receiver.stop()
    arrived = {body["data"]["n"] for body in receiver.bodies}
    assert arrived == set(range(EVENTS)) and len(receiver.ids) == EVENTS
    delivered = select(func.count()).where(WebhookDelivery.state == DeliveryState.DELIVERED)
    assert db.session.scalar(delivered) == EVENTS == db.session.scalar(select(func.count(WebhookEvent.id)))
    assert killed >= 4
    print(f"{EVENTS} events, {killed} workers killed, {receiver.ids.total() - EVENTS} sent twice")
