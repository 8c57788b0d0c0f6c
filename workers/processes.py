"""The processes of a worker: one for each queue, forked from one parent that has loaded everything.

So none of the queues waits for another, and what was loaded is in memory once. Each is a Celery worker
without a pool of its own (`--pool solo`); one that dies, or exceeds the time limit, is forked anew.
"""

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

from celery.bin.base import CLIContext
from celery.bin.worker import worker

from workers import metrics
from workers.app import app, load, share_memory
from workers.timetable import Queue

# Where the processor is short, what somebody waits for comes first.
_NICE = {Queue.CODES: 0, Queue.TEXTS: 2, Queue.PLANNING: 10, Queue.REPORTS: 10, Queue.LONG: 10}
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
PAUSE_S = 0.5  # before a process is forked anew
FINISHES_IN_S = 30  # a process whose parent is gone ends what it has begun, and then itself

_log = logging.getLogger(__name__)


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
    load()
    share_memory()
    return _Parent([_options(queue, n, own.hostname, others) for n, queue in enumerate(queues)]).run()


def _options(queue: Queue, n: int, hostname: str, others: Sequence[str]) -> list[str]:
    name = f"{queue}{n}-{hostname}"
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    return [*others, "--pool", "solo", "--queues", queue, "--hostname", name, *quiet]


class _Parent:
    """Forks a process for each of `children` (their options), and again when one dies."""

    def __init__(self, children: Sequence[list[str]]):
        self.children = children
        self.running: dict[int, list[str]] = {}
        self.stopping: int | None = None
        # Nobody writes into it. It ends for the children when the parent does, however that is killed.
        self.alive, self.held_by_parent = os.pipe()

    def run(self) -> int:
        for number in STOPS:
            signal.signal(number, self._stop)
        for options in self.children:
            self._fork(options)
        while self.running:
            pid, status = os.wait()
            options = self.running.pop(pid)
            if self.stopping is None:
                _log.warning("a process ended (%s) and is started again: %s", status, " ".join(options))
                time.sleep(PAUSE_S)
            if self.stopping is None:
                self._fork(options)
        return 0

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self.stopping = number
        for pid in self.running:
            os.kill(pid, number)

    def _fork(self, options: list[str]) -> None:
        pid = os.fork()
        if pid == 0:
            self._work(options)
        self.running[pid] = options
        if self.stopping is not None:  # said while it was forked
            os.kill(pid, self.stopping)

    def _work(self, options: list[str]) -> None:
        """The child: a Celery worker. Never returns."""
        code: object = 1
        try:
            os.nice(_NICE[Queue(options[options.index("--queues") + 1])])
            for number in STOPS:
                signal.signal(number, signal.SIG_DFL)
            os.close(self.held_by_parent)
            if options is self.children[0]:  # it answers for all
                metrics.serve()
            threading.Thread(target=_end_with_parent, args=(self.alive,), daemon=True).start()
            frame = CLIContext(app=app, no_color=True, workdir=None)
            worker.main(options, prog_name="workers worker", obj=frame)
        except SystemExit as end:
            code = end.code
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _end_with_parent(alive: int) -> None:
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(FINISHES_IN_S)
    os._exit(1)
