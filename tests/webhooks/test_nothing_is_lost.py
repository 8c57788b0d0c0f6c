"""kill -9 of workers at each step, of the receiver and of Redis: every head count arrives, some twice.

WEBHOOK_EVENTS=10000 (`make chaos ONLY=webhooks`) for more of them, and for more deaths of Redis, which takes
minutes.
"""

import os
import random
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from mobilize import clock, settings
from mobilize.database import db
from mobilize.webhooks.endpoints.operations import make_webhook
from mobilize.webhooks.models import DeliveryState, WebhookDelivery, WebhookEvent
from tests.builders import START, make_event, make_site
from tests.services.processes import Processes
from tests.services.redis import Redis
from tests.webhooks.kills import kill_redis_too, kill_workers_and_receiver
from tests.webhooks.receiver import Receiver

EVENTS = int(os.environ.get("WEBHOOK_EVENTS") or 400)


@pytest.mark.timeout(1200)
def test_every_delivery_arrives(pg_app: Flask, base_environ: dict[str, str], tmp_path: Path) -> None:
    receiver = Receiver()
    make_webhook("Our map", receiver.url, ["head_count.reported"], actor="shell", now=START)
    environ = {**base_environ, "DATABASE_URL": settings().database_url}
    now = START + timedelta(seconds=1)
    dice, event = random.Random(7), make_event(make_site())
    receiver, killed = kill_workers_and_receiver(environ, receiver, event, EVENTS, now, tmp_path, dice)
    verify(receiver)
    assert killed >= 4
    print(f"{EVENTS} events, {killed} workers killed, {receiver.ids.total() - EVENTS} sent twice")


@pytest.mark.timeout(1200)
def test_every_delivery_arrives_though_redis_dies(
    pg_app: Flask, environ: dict[str, str], redis_server: Redis, redis_url: str, processes: Processes
) -> None:
    receiver = Receiver()
    make_webhook("Our map", receiver.url, ["head_count.reported"], actor="shell", now=clock.now())
    event = make_event(make_site(), starts_at=clock.now(), ends_at=clock.now() + timedelta(hours=1))
    redis_dies = 3 if EVENTS >= 10_000 else 1
    receiver, killed = kill_redis_too(environ, receiver, event, EVENTS, redis_server, processes, redis_dies)
    verify(receiver)
    assert killed >= 1 or redis_dies == 1
    print(
        f"{EVENTS} events, Redis killed {redis_dies} times and empty afterwards, {killed} workers killed, "
        f"{receiver.ids.total() - EVENTS} sent twice"
    )


def verify(receiver: Receiver) -> None:
    """Each event arrived, and is known to have."""
    receiver.stop()
    arrived = {body["data"]["head_count"] for body in receiver.bodies}
    assert arrived == set(range(EVENTS)) and len(receiver.ids) == EVENTS
    db.session.rollback()
    delivered = select(func.count()).where(WebhookDelivery.state == DeliveryState.DELIVERED)
    assert db.session.scalar(delivered) == EVENTS == db.session.scalar(select(func.count(WebhookEvent.id)))
