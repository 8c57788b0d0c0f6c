"""The latest run of each task in this process, the time it took, and its error, for the page of the tasks.

Kept in memory, and written every two minutes at most, or when a task begins to fail or recovers: at rest that
is one small transaction for each process. No task fails, waits or is repeated because of it.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from flask import Flask

from mobilize import clock
from mobilize.observability import task_runs
from mobilize.observability.task_runs import FinishedRun, ScheduledTask
from workers.timetable import TIMETABLE

WRITE_EVERY_S = 120

_log = logging.getLogger(__name__)
_SCHEDULE = {
    entry.task: ScheduledTask(entry.task, entry.queue.value, entry.seconds, entry.at_least_every)
    for entry in TIMETABLE
}


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
            run = FinishedRun(ran_at, round((time.monotonic() - started) * 1000), error)
            try:
                with self._lock, self.app.app_context():
                    self._note(task, run)
            except Exception as problem:  # the database may be away: the next write has it
                _log.warning("the last runs of the tasks were not written: %s", type(problem).__name__)

    def _note(self, task: str, run: FinishedRun) -> None:
        """Keep the run; where its task was not written for two minutes, write all that is unwritten."""
        self._announce(_SCHEDULE[task].queue)
        before, moment = self._latest.get(task), time.monotonic()
        if run.error:
            run = replace(run, failing_since=(before.failing_since if before else None) or run.ran_at)
        self._latest[task] = run
        self._unwritten.add(task)
        is_as_before = before is not None and before.error == run.error
        if is_as_before and moment - self._written_at.get(task, 0.0) < WRITE_EVERY_S:
            return
        unwritten = {name: self._latest[name] for name in self._unwritten}
        self._written_at |= dict.fromkeys(unwritten, moment)
        task_runs.record_runs(self._name(), unwritten, now=clock.now())
        self._unwritten.clear()

    def write_rest(self) -> None:
        """Write what is unwritten, before the process ends."""
        with self._lock, self.app.app_context():
            unwritten = {name: self._latest[name] for name in self._unwritten}
            if unwritten:
                task_runs.record_runs(self._name(), unwritten, now=clock.now())
            self._unwritten.clear()

    def _announce(self, queue: str) -> None:
        """Once for each queue: say that we serve it, and go on where a process of our name left off."""
        if queue in self._announced:
            return
        now, moment = clock.now(), time.monotonic()
        task_runs.announce(self._name(), [one for one in _SCHEDULE.values() if one.queue == queue], now=now)
        for row in task_runs.runs_of(self._name()):
            if row.queue == queue and row.ran_at is not None:
                self._latest[row.task] = FinishedRun(
                    row.ran_at, row.took_ms or 0, row.error, row.failing_since
                )
                self._written_at[row.task] = moment - (now - row.reported_at).total_seconds()
        self._announced.add(queue)

    def _name(self) -> str:
        return self.process or f"worker {os.getpid()}"
