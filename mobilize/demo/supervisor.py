"""Keeps a handful of processes running together: restarts what dies, shows what they warn of, stops all.

Each child is started on a leash (`mobilize.demo.leash`), so nothing is left running even when the
supervisor itself is killed with -9.
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

from mobilize.demo import leash

SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 10.0  # seconds before a restart; doubled each time it dies young
GROWN_UP = 30.0  # seconds after which a death counts as the first one again
TICK = 0.1
WORTH_SHOWING = re.compile(r"\b(warn(ing)?|error|critical|fatal|traceback|exception)\b", re.IGNORECASE)


@dataclass
class Child:
    """One process to keep running. `ready` says at once whether it serves; `serves_others`: stopped last."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    ready: Callable[[], bool] | None = None
    serves_others: bool = False
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)
    started: float = 0.0
    pause: float = SHORTEST_PAUSE
    start_again_at: float = 0.0


class Supervisor:
    """`run()` is the whole of it; `stop()` from a signal or another thread ends it.

    With `logs` (a folder) each child's output goes to `<name>.log` there and only its warnings are said;
    without, every line is said. What matches `hush` is no warning.
    """

    def __init__(
        self,
        children: Sequence[Child],
        logs: Path | None,
        say: Callable[[str], None] | None = None,
        hush: re.Pattern[str] | None = None,
    ):
        self.children = list(children)
        self.logs = logs
        self.say = say or (lambda line: print(line, file=sys.stderr, flush=True))
        self.hush = hush
        self.stopping = threading.Event()

    def run(self, when_ready: Callable[[], None] = lambda: None, ready_within: float = 60.0) -> int:
        """Start all, call `when_ready` once when every child serves, restart what dies until told to stop.

        Returns 0 after SIGINT, SIGTERM, SIGHUP or `stop()`, and 1 when a child did not get ready in time
        (`ready_within`, seconds). Either way nothing is running when it returns, within 5 s or so.
        """
        self._hear_signals()
        try:
            return self._watch(when_ready, time.monotonic() + ready_within)
        finally:
            self.stopping.set()
            self._stop_all()

    def stop(self) -> None:
        self.stopping.set()

    def _hear_signals(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, lambda *_: self.stop())

    def _watch(self, when_ready: Callable[[], None], deadline: float) -> int:
        waiting = [child for child in self.children if child.ready]
        announced = False
        while not self.stopping.is_set():
            for child in self.children:
                self._tend(child)
            waiting = [child for child in waiting if child.ready and not child.ready()]
            if not waiting and not announced:
                announced = True
                when_ready()
            if waiting and time.monotonic() > deadline:
                self._tell_who_is_late(waiting)
                return 1
            self.stopping.wait(TICK)
        return 0

    def _tend(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_again_at:
                self._start(child)
        elif child.process.poll() is not None:
            self._note_death(child, now)

    def _start(self, child: Child) -> None:
        child.started = time.monotonic()
        child.process = leash.start(child.argv, child.env)
        threading.Thread(target=self._listen, args=(child, child.process), daemon=True).start()

    def _note_death(self, child: Child, now: float) -> None:
        assert child.process is not None  # noqa: S101 - _tend has just looked
        code = child.process.returncode
        leash.kill(child.process)  # what it started and left behind
        child.process = None
        if now - child.started > GROWN_UP:
            child.pause = SHORTEST_PAUSE
        child.start_again_at = now + child.pause
        self.say(f"{child.name}: stopped (exit code {code}); starting it again in {child.pause:g} s")
        child.pause = min(child.pause * 2, LONGEST_PAUSE)

    def _listen(self, child: Child, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None  # noqa: S101 - leash.start made the pipe
        with process.stdout, self._log(child).open("ab", buffering=0) as log:
            for line in process.stdout:
                log.write(line)
                text = line.decode("utf-8", "replace").rstrip()
                if not self.logs or self._is_warning(text):
                    self.say(f"{child.name}: {text}")

    def _is_warning(self, text: str) -> bool:
        if self.stopping.is_set() or (self.hush and self.hush.search(text)):
            return False
        return WORTH_SHOWING.search(text) is not None

    def _log(self, child: Child) -> Path:
        return self.logs / f"{child.name}.log" if self.logs else Path(os.devnull)

    def _tell_who_is_late(self, waiting: Sequence[Child]) -> None:
        for child in waiting:
            self.say(f"{child.name} did not get ready. What it said is in {self._log(child)}")

    def _stop_all(self) -> None:
        """Those who use a service first, then the services, so that nobody's goodbye fails."""
        for last in (False, True):
            leash.stop(*(c.process for c in self.children if c.process and c.serves_others is last))
