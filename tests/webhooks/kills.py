"""Workers that deliver webhooks, killed again and again, each a process of its own; a receiver that dies."""

import multiprocessing
import os
import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

import config
from mobilize import create_app, failpoints
from mobilize.database import atomic, db
from mobilize.webhooks.events.operations import store
from mobilize.webhooks.events.queries import Happening
from mobilize.webhooks.models import DeliveryState, WebhookDelivery, WebhookTopic
from mobilize.webhooks.sending.delivery import deliver
from tests.webhooks.receiver import Receiver

STEPS = ("webhooks claimed", "webhooks answered")
# What was claimed by a worker that died is free again.
LATER = timedelta(seconds=61)
MOST_ROUNDS = 2000
WORKERS = 8


def fill(begin: int, end: int, now: datetime) -> None:
    """Things happen, numbered from `begin` to before `end`."""
    for first in range(begin, end, 1000):
        with atomic() as session:
            numbers = range(first, min(end, first + 1000))
            store(
                session, [Happening(WebhookTopic.HEAD_COUNT, f"n:{i}", now, {"n": i}) for i in numbers], now
            )


def kill_workers_and_receiver(
    environ: Mapping[str, str],
    receiver: Receiver,
    events: int,
    began: datetime,
    folder: Path,
    dice: random.Random,
) -> tuple[Receiver, int]:
    """Workers are killed at each step and in between, and now and then the receiver is away or fails; then a
    last one finishes. Some of the `events` happen before each, so that a quick one leaves work for the next.
    Returns the receiver, and how many workers were killed."""
    now, killed = began, 0
    for n in range(WORKERS):
        fill(events * n // WORKERS, events * (n + 1) // WORKERS, now)
        if n % 4 == 2:
            receiver = _away(receiver, environ, now, folder)
        receiver.status = 500 if n % 4 == 3 else 204
        exit_code, now = _run(environ, now, folder, STEPS[n % 2] if n % 3 else "", dice.uniform(0.05, 0.4))
        killed += exit_code == -9
        now += LATER
    receiver.status = 204
    for _round in range(MOST_ROUNDS):
        if not _waiting():
            break
        deliver(now)
        now += LATER
    return receiver, killed


def _away(receiver: Receiver, environ: Mapping[str, str], now: datetime, folder: Path) -> Receiver:
    """Nobody listens while one worker tries; then another listens there, which knows what came before."""
    port = receiver.port
    receiver.stop()
    _run(environ, now, folder, "", 1.0)
    after = Receiver(port)
    after.ids, after.bodies = receiver.ids, receiver.bodies
    return after


def _run(
    environ: Mapping[str, str], began: datetime, folder: Path, step: str, seconds: float
) -> tuple[int, datetime]:
    """A worker that is killed at `step`, or after so many seconds: how it ended, and at what time of its."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([__name__])
    note = folder / "note"
    note.write_text(began.isoformat())
    (folder / "armed").touch()
    process = forks.Process(target=_work, args=(dict(environ), began, folder, step))
    process.start()
    process.join(15 if step else 2 + seconds)
    process.kill()
    process.join()
    return process.exitcode or 0, datetime.fromisoformat(note.read_text())


def _work(environ: dict[str, str], began: datetime, folder: Path, step: str) -> None:
    os.environ.update(environ)
    if step:
        failpoints.arm(step, folder / "armed")
    with create_app(config.load()).app_context():
        for n in range(5):
            now = began + n * LATER
            (folder / "note").write_text(now.isoformat())
            deliver(now)


def _waiting() -> int:
    db.session.rollback()
    waits = select(func.count()).where(WebhookDelivery.state == DeliveryState.WAITING)
    return db.session.scalar(waits) or 0
