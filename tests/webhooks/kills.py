"""Workers that deliver webhooks, killed again and again, each a process of its own; a receiver that dies, and
the Redis that wakes them."""

import multiprocessing
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, insert, select

import config
from mobilize import clock, create_app, failpoints
from mobilize.actions.models import Event
from mobilize.checkins.models import HeadCount
from mobilize.database import atomic, db, new_id
from mobilize.webhooks.events.operations import collect
from mobilize.webhooks.models import DeliveryState, WebhookDelivery
from mobilize.webhooks.sending.delivery import deliver
from tests.services.processes import Processes
from tests.services.redis import Redis
from tests.webhooks.receiver import Receiver

STEPS = ("webhooks collected", "webhooks claimed", "webhooks answered")
# What was claimed by a worker that died is free again.
LATER = timedelta(seconds=61)
MOST_ROUNDS = 2000
WORKERS = 8


def fill(event: Event, begin: int, end: int, now: datetime) -> None:
    """Heads are counted at an event: from `begin` to before `end`, each number once."""
    common = {"event_id": event.id, "shift_id": event.shifts[0].id, "counted_at": now, "recorded_at": now}
    for first in range(begin, end, 1000):
        rows = [
            {**common, "id": new_id(), "nonce": n.to_bytes(16), "n": n, "via": "line", "by": "shell"}
            for n in range(first, min(end, first + 1000))
        ]
        with atomic() as session:
            session.execute(insert(HeadCount), rows)


def kill_workers_and_receiver(
    environ: Mapping[str, str],
    receiver: Receiver,
    event: Event,
    events: int,
    began: datetime,
    folder: Path,
    dice: random.Random,
) -> tuple[Receiver, int]:
    """Workers that collect and deliver are killed at each step and in between, and now and then the receiver
    is away or fails; then a last one finishes. Some of the `events` happen before each, so that a quick one
    leaves work for the next. Returns the receiver, and how many workers were killed."""
    now, killed = began, 0
    for n in range(WORKERS):
        fill(event, events * n // WORKERS, events * (n + 1) // WORKERS, now)
        if n % 4 == 2:
            receiver, now = _away(receiver, environ, now, folder)
        receiver.status = 500 if n % 4 == 3 else 204
        step = STEPS[n % len(STEPS)] if n % 4 else ""
        exit_code, now = _run(environ, now, folder, step, dice.uniform(0.05, 0.4))
        killed += exit_code == -9
        now += LATER
    receiver.status = 204
    for _round in range(MOST_ROUNDS):
        if not collect(now) and not _waiting():
            break
        deliver(now)
        now += LATER
    return receiver, killed


def kill_redis_too(
    environ: Mapping[str, str],
    receiver: Receiver,
    event: Event,
    events: int,
    redis: Redis,
    processes: Processes,
    dies: int,
) -> tuple[Receiver, int]:
    """Redis dies so often, and each time a worker and the receiver after it. A worker with its clock goes on
    by itself while Redis is dead, and with one that came back empty; then the worker is killed, and the
    receiver away for some seconds. Returns the receiver, and how many workers were killed in the middle of
    their work."""
    worker, killed, part = _start_worker(processes, environ), 0, events // (3 * dies)
    for n in range(dies):
        redis.crash()
        fill(event, 3 * n * part, (3 * n + 1) * part, clock.now())
        _wait_until(lambda: len(receiver.ids) >= (3 * n + 1) * part, "what happened without Redis")  # noqa: B023
        redis.start()
        redis.empty()
        fill(event, (3 * n + 1) * part, (3 * n + 2) * part, clock.now())
        _wait_until(lambda: len(receiver.ids) > (3 * n + 1) * part, "the first with an empty Redis")  # noqa: B023
        killed += len(receiver.ids) < (3 * n + 2) * part
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        receiver.stop()
        fill(event, (3 * n + 2) * part, (3 * n + 3) * part if n + 1 < dies else events, clock.now())
        worker = _start_worker(processes, environ)
        time.sleep(5)
        receiver = _next(receiver)
    _wait_until(lambda: len(receiver.ids) >= events and not _waiting(), "the last")
    return receiver, killed


def _start_worker(processes: Processes, environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    return processes.celery("worker", "--queues", "codes,long", environ=environ)


def _wait_until(ready: Callable[[], bool], what: str, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"{what} did not arrive"
        time.sleep(0.02)


def _away(
    receiver: Receiver, environ: Mapping[str, str], began: datetime, folder: Path
) -> tuple[Receiver, datetime]:
    """Nobody listens while one worker tries; then another listens there, which knows what came before. With
    the time that worker came to: what happens next may not be older than what it has looked through."""
    receiver.stop()
    _exit_code, now = _run(environ, began, folder, "", 1.0)
    return _next(receiver), now


def _next(receiver: Receiver) -> Receiver:
    """Another one at the same address, which knows what came before."""
    after = Receiver(receiver.port)
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
    process.join(60 if step else 2 + seconds)
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
            collect(now)
            deliver(now)


def _waiting() -> int:
    db.session.rollback()
    waits = select(func.count()).where(WebhookDelivery.state == DeliveryState.WAITING)
    return db.session.scalar(waits) or 0
