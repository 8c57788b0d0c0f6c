"""The fallback scheduler: a process of a worker runs what its clock has woken it for, when the message that
should have done so does not come, wherever between the clock, Redis and this process it was lost.

A thread that sleeps until the clock notes a wake (`pending_wakes`). Started with the worker, not by
`worker_ready`, which never comes while Redis is away.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from celery import bootsteps
from celery.worker import state

from mobilize.failpoints import seconds
from mobilize.observability import metrics
from workers.runtime import pending_wakes
from workers.runtime.beat import Clock
from workers.runtime.pending_wakes import PendingWakes

MESSAGE_COMES_WITHIN_S = 1.0
LOOK_AGAIN_S = 0.5  # while a message is worked off
# So long without work, and a process retires.
IDLE_S = seconds(20.0)
RETIRES_IN_S = 5.0

_log = logging.getLogger(__name__)
# Held while a message is worked off.
_working = threading.Lock()
_worked_at = [0.0]


@contextmanager
def woken(queue: str) -> Iterator[None]:
    """Around a task that came as a message: messages arrive, and what the clock noted needs nobody else."""
    with _working:
        if queue in pending_wakes.of_queue:
            pending_wakes.of_queue[queue].take()
        try:
            yield
        finally:
            _worked_at[0] = time.monotonic()


class FallbackScheduler(bootsteps.StartStopStep):
    """The scheduler's thread, one for each queue this process takes. Starts after the pool: children are
    forked before there is a second thread."""

    requires = {"celery.worker.components:Pool"}

    def __init__(self, worker: Any, **_: Any):
        self.stopping = threading.Event()
        self.running = threading.Lock()

    def start(self, worker: Any) -> None:
        for queue in worker.app.amqp.queues.consume_from:
            if noted := pending_wakes.of_queue.get(queue):
                clock = Clock(worker.app) if pending_wakes.keeps_clock(queue) else None
                arguments = (worker.app, queue, noted, self.stopping, self.running, clock)
                threading.Thread(target=keep_time, args=arguments, daemon=True).start()

    def stop(self, worker: Any) -> None:
        self.stopping.set()
        self.running.acquire(timeout=5)  # what is under way ends first

    terminate = stop


def keep_time(
    app: Any,
    queue: str,
    noted: PendingWakes,
    stopping: threading.Event,
    running: threading.Lock,
    clock: Clock | None,
) -> None:
    """Run what was noted and not taken; survives whatever a task raises. The process retires when it has
    nothing to do, or ends when its clock stands still."""
    while not stopping.is_set():
        metrics.WORKER_HEARTBEAT.labels(queue).set_to_current_time()
        metrics.sample()
        if clock and clock.stands_still():
            _log.error("the clock stands still")
            os._exit(1)
        if not noted.wait(IDLE_S):
            if not clock and _is_idle():
                _retire()
                return
        elif _working.locked():
            stopping.wait(LOOK_AGAIN_S)
        else:
            if not noted.is_lost():
                stopping.wait(MESSAGE_COMES_WITHIN_S)
            if not _working.locked():
                with running:
                    run(app, noted.take(), stopping)


def run(app: Any, tasks: Sequence[str], stopping: threading.Event) -> None:
    """Run these tasks one after the other; a failing one does not keep back the others."""
    for task in tasks:
        if stopping.is_set():
            return
        try:
            app.tasks[task]()
        except Exception:
            _log.exception("%s failed in the fallback scheduler", task)


def _is_idle() -> bool:
    return not _working.locked() and time.monotonic() - _worked_at[0] >= IDLE_S


def _retire() -> None:
    """End as when told to stop: what arrives at this moment stays in the queue, and noted."""
    from workers.app import run_log

    with suppress(Exception):  # the database may be away
        run_log.write_rest()
    state.should_stop = os.EX_OK
    time.sleep(RETIRES_IN_S)
    if not _working.locked():  # it waits for a broker that is away
        os._exit(0)
