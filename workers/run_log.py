"""When each task last ran in this process, how long it took, and what it raised, for the page of the tasks.

Kept in memory, and written every two minutes at most, or when a task begins to fail or recovers: at rest that
is one small transaction for each process. No task fails, waits or is repeated because of it.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from flask import Flask

from mobilize import clock, task_runs
from mobilize.task_runs import FinishedRun, ScheduledTask
from workers.timetable import TIMETABLE

WRITE_EVERY_S = 120

_log = logging.getLogger(__name__)
_SCHEDULE = {entry.task: ScheduledTask(entry.task, entry.queue.value, entry.seconds) for entry in TIMETABLE}


@dataclass
class RunLog:
    """The runs of one process, called `process` on the page; its children share the name."""

    app: Flask
    process: str = ""
    _latest: dict[str, FinishedRun] = field(default_factory=dict)
    _unwritten: set[str] = field(default_factory=set)
    _written_at: dict[str, float] = field(default_factory=dict)
    _announced: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def recorded(self, task: str) -> Iterator[None]:
        """Around one run of a task, outside its application context."""
        ran_at, started = clock.now(), time.monotonic()
        error: str | None = None
        try:
            yield
        except BaseException as problem:
            error = type(problem).__name__[:60]
            raise
        finally:
            before = self._latest.get(task)
            failing_since = (before.failing_since if before else None) or ran_at
            took_ms = round((time.monotonic() - started) * 1000)
            self._note(task, FinishedRun(ran_at, took_ms, error, failing_since if error else None))

    def _note(self, task: str, run: FinishedRun) -> None:
        """Keep the run; where its task was not written for two minutes, write all that is unwritten."""
        with self._lock:
            before, moment = self._latest.get(task), time.monotonic()
            self._latest[task] = run
            self._unwritten.add(task)
            changed = before is None or before.error != run.error
            if not changed and moment - self._written_at.get(task, 0.0) < WRITE_EVERY_S:
                return
            self._written_at |= dict.fromkeys(self._unwritten, moment)
            unwritten = {name: self._latest[name] for name in self._unwritten if name in _SCHEDULE}
        try:
            self._write(unwritten)
        except Exception as problem:  # the database may be away: the next write has it
            _log.warning("the last runs of the tasks were not written: %s", type(problem).__name__)
        else:
            with self._lock:
                self._unwritten -= {name for name, one in unwritten.items() if self._latest[name] is one}

    def _write(self, runs: dict[str, FinishedRun]) -> None:
        process, now = self.process or f"worker {os.getpid()}", clock.now()
        queues = {_SCHEDULE[name].queue for name in runs} - self._announced
        with self.app.app_context():
            if queues:
                tasks = [task for task in _SCHEDULE.values() if task.queue in queues]
                task_runs.announce(process, tasks, now=now)
                self._announced |= queues
            task_runs.record_runs(process, [(_SCHEDULE[name], run) for name, run in runs.items()], now=now)
