"""The fallback scheduler: a worker runs the timetable itself when Redis or beat is away.

While this process is woken through Redis, there is nothing to do. When Redis is gone, or it is woken no more
and beat's heartbeat has been missing for `SILENT_FOR`, one worker takes the lease of each queue and runs its
part of the timetable, in a thread, until it is woken again: no queue waits for another. Started with the
worker and not by `worker_ready`, which never comes while Redis is away.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from celery import bootsteps
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from mobilize import clock, locks
from mobilize.observability import metrics
from workers.broker import connect

BEAT, TICK = "beat", "tick"
SILENT_FOR = timedelta(seconds=10)
LEASE = timedelta(seconds=20)
LOOK_EVERY_S = 0.5
ASK_EVERY = 6  # looks, while all is well: the heartbeat is in the database
AWAKE_FOR_S = 1.5  # after a message
PING_WITHIN_S = 0.5
ONE_TRY: dict[str, Any] = {
    "socket_connect_timeout": PING_WITHIN_S,
    "socket_timeout": PING_WITHIN_S,
    "retry": Retry(NoBackoff(), 0),
}

_log = logging.getLogger(__name__)
# Held while a message is worked off, and when one last was.
_working = threading.Lock()
_woken_at = [0.0]


@contextmanager
def woken() -> Iterator[None]:
    """Around a task that came as a message: while one is worked off, and a moment after, there is no need for
    a second one beside it."""
    with _working:
        try:
            yield
        finally:
            _woken_at[0] = time.monotonic()


class Ticker(bootsteps.StartStopStep):
    """The scheduler's threads, one for each queue this worker takes. They start after the pool: children are
    forked before there is a second thread."""

    requires = {"celery.worker.components:Pool"}

    def __init__(self, worker: Any, **_: Any):
        self.stopping = threading.Event()
        self.threads: list[threading.Thread] = []

    def start(self, worker: Any) -> None:
        for queue in worker.app.amqp.queues.consume_from:
            arguments = (worker.app, queue, self.stopping)
            self.threads.append(threading.Thread(target=keep_time, args=arguments, daemon=True))
            self.threads[-1].start()

    def stop(self, worker: Any) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(5)

    terminate = stop


def keep_time(app: Any, queue: str, stopping: threading.Event) -> None:
    """Look twice a second whether the queue needs us; survives whatever a task raises."""
    from workers.app import flask_app

    holder = f"{socket.gethostname()[:40]}:{os.getpid()}"
    ran_at: dict[str, float] = {}
    looks, needed = 0, False
    with connect(flask_app.config["MOBILIZE"], **ONE_TRY) as broker:
        while not stopping.wait(LOOK_EVERY_S):
            metrics.WORKER_HEARTBEAT.labels(queue).set_to_current_time()
            metrics.sample()
            looks += 1
            if _is_awake():
                needed = False
                continue
            try:
                is_gone = _is_gone(broker)
                if not (is_gone or needed) and looks % ASK_EVERY:
                    continue
                with flask_app.app_context():
                    needed = is_gone or _beat_is_silent()
                    if needed and locks.acquire(f"{TICK}-{queue}", holder, ttl=LEASE, now=clock.now()):
                        run_what_is_due(app, queue, ran_at, time.monotonic())
            except Exception:
                _log.exception("the fallback scheduler failed, and goes on")


def run_what_is_due(app: Any, queue: str, ran_at: dict[str, float], moment: float) -> None:
    """Run every entry of the queue whose time has come since it last ran here; a failing one does not keep
    back the others."""
    from workers.timetable import TIMETABLE

    for entry in TIMETABLE:
        is_ours = entry.queue == queue and entry.task != "workers.beat_is_alive"
        if not is_ours or moment - ran_at.get(entry.task, 0.0) < entry.seconds:
            continue
        ran_at[entry.task] = moment
        try:
            app.tasks[entry.task]()
        except Exception:
            _log.exception("%s failed in the fallback scheduler", entry.task)


def _is_awake() -> bool:
    return _working.locked() or time.monotonic() - _woken_at[0] < AWAKE_FOR_S


def _is_gone(broker: Redis) -> bool:
    """Redis is not there. Celery itself says so seconds later: its client tries again first."""
    try:
        return not broker.ping()
    except RedisError:
        return True


def _beat_is_silent() -> bool:
    last_run = locks.last_run(BEAT)
    return last_run is None or clock.now() - last_run > SILENT_FOR
