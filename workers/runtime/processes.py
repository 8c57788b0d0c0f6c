"""The processes of a worker: one for each queue, forked from one parent that has loaded everything.

So none of the queues waits for another, and what was loaded is in memory once. Each is a Celery worker
without a pool of its own (`--pool solo`); that of the codes keeps the clock too (`beat`), in a
thread. One that dies, or exceeds the time limit, is forked anew. One that finds nothing to do for a while
retires, but for the one with the clock, and is forked when the clock notes something for its queue
(`pending_wakes`) that nobody else takes.
"""

import argparse
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

from celery.bin.base import CLIContext
from celery.bin.worker import worker
from celery.exceptions import SecurityWarning
from celery.platforms import check_privileges

from workers.app import app, load, share_memory
from workers.runtime import metrics, pending_wakes
from workers.timetable import Queue

# Where the processor is short, what somebody waits for comes first.
_NICE = {Queue.CODES: 0, Queue.TEXTS: 2} | dict.fromkeys(
    (Queue.PLANNING, Queue.REPORTS, Queue.JOBS, Queue.LONG), 10
)
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
PAUSE_S = 0.5  # before a process is forked anew
UNTAKEN_S = 0.3  # after which a note shows that no process of the queue is free
STARTS_IN_S = 3.0
FINISHES_IN_S = 30  # a process whose parent is gone ends what it has begun, and then itself

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProcessSpec:
    """What a child does until it is told to stop, and how far it stands back where the processor is short."""

    name: str
    queue: str
    nice: int
    work: Callable[[], object]


def run(options: Sequence[str]) -> int:
    """Run until told to stop; returns the exit code. `options` are those of `celery worker`, of which
    `--queues` chooses some of them, and `--concurrency` is the number of processes that send texts."""
    parser = argparse.ArgumentParser(prog="workers worker", allow_abbrev=False)
    parser.add_argument("-c", "--concurrency", type=int, default=1)
    parser.add_argument("-n", "--hostname", default="worker@%h")
    parser.add_argument("-Q", "--queues", type=lambda text: [Queue(one) for one in text.split(",")])
    own, others = parser.parse_known_args(options)
    how_many = {Queue.TEXTS: own.concurrency}
    queues = [queue for queue in own.queues or Queue for _ in range(how_many.get(queue, 1))]
    check_privileges(app.conf.accept_content)
    load()
    pending_wakes.open_all(queues)
    share_memory()
    specs = [_of_queue(queue, f"{queue}{n}-{own.hostname}", others) for n, queue in enumerate(queues)]
    return _Parent(specs).run()


def _of_queue(queue: Queue, name: str, others: Sequence[str]) -> ProcessSpec:
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    options = [*others, "--pool", "solo", "--queues", queue, "--hostname", name, *quiet]
    return ProcessSpec(name, queue, _NICE[queue], partial(_take_messages, options))


def _take_messages(options: list[str]) -> None:
    warnings.simplefilter("ignore", SecurityWarning)  # said once, by the parent
    frame = CLIContext(app=app, no_color=True, workdir=None, quiet=True)
    worker.main(options, prog_name="workers worker", obj=frame)


class _Parent:
    """Forks a process for each of `specs`; again when one dies, or there is work for one that retired."""

    def __init__(self, specs: Sequence[ProcessSpec]):
        self.specs = specs
        self.resting = list(specs)
        self.running: dict[int, ProcessSpec] = {}
        self.forked_at: dict[str, float] = {}
        self.stopping: int | None = None
        # Nobody writes into it. It ends for the children when the parent does, however that is killed.
        self.alive, self.held_by_parent = os.pipe()
        self.signals, self.wakeup = socket.socketpair()
        for end in (self.signals, self.wakeup):
            end.setblocking(False)
        # The other end of what `deploy/work.py` holds.
        self.ends_with = [int(end) for end in (os.environ.pop("ENDS_WITH", ""),) if end]

    def run(self) -> int:
        for number in STOPS:
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wakeup.fileno(), warn_on_full_buffer=False)
        while self.resting and self.stopping is None:
            self._fork(self.resting.pop(0))
        while self.running:
            self._wait()
            self._bury()
            self._wake()
        return 0

    def _wait(self) -> None:
        """Until a child ends, we are told to stop, or there is a note for a queue that lacks a process."""
        asleep = {noted for spec in self.resting if (noted := pending_wakes.of_queue.get(spec.queue))}
        if self.stopping is not None:
            asleep.clear()
        watched: list[Any] = [self.signals, *self.ends_with, *asleep]
        ready, _, _ = select.select(watched, [], [])
        if set(self.ends_with) & set(ready):
            self._stop(signal.SIGTERM, None)
            self.ends_with = []
        with suppress(BlockingIOError):
            self.signals.recv(4096)

    def _bury(self) -> None:
        died: list[ProcessSpec] = []
        for pid, status in _ended():
            spec = self.running.pop(pid)
            if os.waitstatus_to_exitcode(status) == 0 and not pending_wakes.keeps_clock(spec.queue):
                self.resting.append(spec)
            elif self.stopping is None:
                _log.warning("a process ended (%s) and is started again: %s", status, spec.name)
                died.append(spec)
        if died:
            time.sleep(PAUSE_S)
        for spec in sorted(died, key=self.specs.index):  # that of the clock first
            self._fork(spec)

    def _wake(self) -> None:
        """A process for each queue whose notes nobody takes: nobody is there, or all are busy."""
        queues = {spec.queue for spec in self.resting}
        if self.stopping is not None or not any(_has_notes(queue) for queue in queues):
            return
        time.sleep(UNTAKEN_S)
        for queue in queues:
            starting = time.monotonic() - self.forked_at.get(queue, 0.0) < STARTS_IN_S
            if _has_notes(queue) and not starting:
                spec = next(spec for spec in self.resting if spec.queue == queue)
                self.resting.remove(spec)
                self._fork(spec)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self.stopping = number
        for pid in self.running:
            os.kill(pid, number)

    def _fork(self, spec: ProcessSpec) -> None:
        if self.stopping is not None:
            return
        pid = os.fork()
        if pid == 0:
            self._work(spec)
        self.running[pid] = spec
        self.forked_at[spec.queue] = time.monotonic()
        if self.stopping is not None:  # said while it was forked
            os.kill(pid, self.stopping)

    def _work(self, spec: ProcessSpec) -> None:
        """The child. Never returns."""
        code: object = 1
        try:
            os.nice(spec.nice)
            signal.set_wakeup_fd(-1)
            for number in (*STOPS, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.close(self.held_by_parent)
            if spec is self.specs[0]:  # it answers for all
                metrics.serve()
            threading.Thread(target=_end_with_parent, args=(self.alive,), daemon=True).start()
            spec.work()
        except SystemExit as end:
            code = end.code
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _ended() -> Iterator[tuple[int, int]]:
    """The children that have ended, with their status."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended


def _has_notes(queue: str) -> bool:
    return queue in pending_wakes.of_queue and pending_wakes.of_queue[queue].wait(0)


def _end_with_parent(alive: int) -> None:
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(FINISHES_IN_S)
    os._exit(1)
