"""The workers' own clock, for when Redis or beat is away.

While beat's heartbeat arrives through Redis and a worker's child, there is nothing to do. When it has been
missing for `SILENT_FOR`, one worker takes the lease and runs the timetable itself, in a thread, until the
heartbeat is back. Started with the worker and not by `worker_ready`, which never comes while Redis is away.
"""

import logging
import os
import socket
import threading
import time
from datetime import timedelta
from typing import Any

from celery import bootsteps

from mobilize import clock, leases

BEAT, TICK = "beat", "tick"
SILENT_FOR = timedelta(seconds=10)
LEASE = timedelta(seconds=20)
LOOK_EVERY_S = 0.5

_log = logging.getLogger(__name__)


class Ticker(bootsteps.StartStopStep):
    """After the pool, so that the children are forked before there is a second thread."""

    requires = {"celery.worker.components:Pool"}

    def __init__(self, worker: Any, **_: Any):
        self.stopping = threading.Event()
        self.thread: threading.Thread | None = None

    def start(self, worker: Any) -> None:
        self.thread = threading.Thread(target=keep_time, args=(worker.app, self.stopping), daemon=True)
        self.thread.start()

    def stop(self, worker: Any) -> None:
        self.stopping.set()
        if self.thread:
            self.thread.join(5)

    terminate = stop


def keep_time(app: Any, stopping: threading.Event) -> None:
    """Look twice a second whether the timetable needs us; survives whatever a task raises."""
    from workers.app import flask_app

    holder = f"{socket.gethostname()[:40]}:{os.getpid()}"
    ran_at: dict[str, float] = {}
    while not stopping.wait(LOOK_EVERY_S):
        try:
            with flask_app.app_context():
                if _beat_is_silent() and leases.take(TICK, holder, lasts=LEASE, now=clock.now()):
                    run_what_is_due(app, ran_at, time.monotonic())
        except Exception:
            _log.exception("the ticker stumbled, and goes on")


def run_what_is_due(app: Any, ran_at: dict[str, float], moment: float) -> None:
    """Run every entry whose time has come since it last ran here; a failing one does not keep back the
    others."""
    from workers.timetable import TIMETABLE

    for entry in TIMETABLE:
        if entry.task == "workers.beat_is_alive" or moment - ran_at.get(entry.task, 0.0) < entry.seconds:
            continue
        ran_at[entry.task] = moment
        try:
            app.tasks[entry.task]()
        except Exception:
            _log.exception("%s failed in the ticker", entry.task)


def _beat_is_silent() -> bool:
    heard = leases.last_run(BEAT)
    return heard is None or clock.now() - heard > SILENT_FOR
