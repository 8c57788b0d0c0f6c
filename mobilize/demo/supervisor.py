"""The supervisor of `make run`: a handful of processes, restarted when they die, stopped together.

Each child ends with the supervisor (`mobilize.demo.child_process`), even when that is killed with -9.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mobilize.demo import child_process

MIN_PAUSE, MAX_PAUSE = 0.5, 10.0  # seconds before a restart; doubled with each early death
STABLE_AFTER = 30.0  # seconds after which a death counts as the first one again
POLL_SECONDS = 0.1
WARNINGS = re.compile(r"\b(warn(ing)?|error|critical|fatal|traceback|exception)\b", re.IGNORECASE)


@dataclass
class Child:
    """One process to keep running. `ready` says at once whether it serves; `serves_others`: stopped last."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    ready: Callable[[], bool] | None = None
    serves_others: bool = False
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)
    started_at: float = 0.0
    pause: float = MIN_PAUSE
    restart_at: float = 0.0


class Supervisor:
    """`run()` is the whole of it; `stop()` from a signal or another thread ends it.

    With `logs` (a folder) each child's output goes to `<name>.log` there and only its warnings are said;
    without, every line is said. What matches `ignored` is no warning.
    """

    def __init__(
        self,
        children: Sequence[Child],
        logs: Path | None,
        say: Callable[[str], None] | None = None,
        ignored: re.Pattern[str] | None = None,
    ):
        self.children = list(children)
        self.logs = logs
        self.say = say or (lambda line: print(line, file=sys.stderr, flush=True))
        self.ignored = ignored
        self.stopping = threading.Event()

    def run(self, when_ready: Callable[[], None] = lambda: None, ready_within: float = 60.0) -> int:
        """Start all, call `when_ready` once when every child serves, restart what dies until told to stop.

        Returns 0 after SIGINT, SIGTERM, SIGHUP or `stop()`, and 1 when a child did not get ready in time
        (`ready_within`, seconds). Either way nothing is running when it returns, within 5 s or so.
        """
        self._handle_signals()
        try:
            return self._watch(when_ready, time.monotonic() + ready_within)
        finally:
            self.stopping.set()
            self._stop_all()

    def stop(self) -> None:
        self.stopping.set()

    def _handle_signals(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, lambda *_: self.stop())

    def _watch(self, when_ready: Callable[[], None], deadline: float) -> int:
        waiting = [child for child in self.children if child.ready]
        announced = False
        while not self.stopping.is_set():
            for child in self.children:
                self._keep_running(child)
            waiting = [child for child in waiting if child.ready and not child.ready()]
            if not waiting and not announced:
                announced = True
                when_ready()
            if waiting and time.monotonic() > deadline:
                self._report_late(waiting)
                return 1
            self.stopping.wait(POLL_SECONDS)
        return 0

    def _keep_running(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.restart_at:
                self._start(child)
        elif child.process.poll() is not None:
            self._schedule_restart(child, now)

    def _start(self, child: Child) -> None:
        child.started_at = time.monotonic()
        child.process = child_process.start(child.argv, child.env)
        threading.Thread(target=self._read_output, args=(child, child.process), daemon=True).start()

    def _schedule_restart(self, child: Child, now: float) -> None:
        assert child.process is not None  # noqa: S101 - _keep_running has just looked
        code = child.process.returncode
        child_process.kill(child.process)  # what it started and left behind
        child.process = None
        if now - child.started_at > STABLE_AFTER:
            child.pause = MIN_PAUSE
        child.restart_at = now + child.pause
        self.say(f"{child.name}: stopped (exit code {code}); starting it again in {child.pause:g} s")
        child.pause = min(child.pause * 2, MAX_PAUSE)

    def _read_output(self, child: Child, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None  # noqa: S101 - child_process.start made the pipe
        with process.stdout, self._log_path(child).open("ab", buffering=0) as log:
            for line in process.stdout:
                log.write(line)
                text = line.decode("utf-8", "replace").rstrip()
                if not self.logs or self._is_warning(text):
                    self.say(f"{child.name}: {text}")

    def _is_warning(self, text: str) -> bool:
        if self.stopping.is_set() or (self.ignored and self.ignored.search(text)):
            return False
        return WARNINGS.search(text) is not None

    def _log_path(self, child: Child) -> Path:
        return self.logs / f"{child.name}.log" if self.logs else Path(os.devnull)

    def _report_late(self, waiting: Sequence[Child]) -> None:
        for child in waiting:
            self.say(f"{child.name} did not get ready. What it said is in {self._log_path(child)}")

    def _stop_all(self) -> None:
        """Clients before services, so that clients can shut down cleanly."""
        for last in (False, True):
            child_process.stop(*(c.process for c in self.children if c.process and c.serves_others is last))
