"""`make work`: the Celery worker with its clock (beat), from the environment, restarted when it dies.

Several machines may run this at once: every task is safe to run twice and by two beats. Standard library
only: it is there to wait, and takes the memory of a bare Python.
"""

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
EXIT_BAD_SETTING = 78  # as in config.py
MIN_PAUSE_S, MAX_PAUSE_S, STABLE_AFTER_S = 0.5, 10.0, 30.0


class WorkerSupervisor:
    """Runs the worker again and again until told to stop. The worker ends with it, however this one ends: a
    pipe tells it, by the number in ENDS_WITH."""

    def __init__(self, argv: list[str]):
        self.argv = argv
        self.pid = self.stopping = 0
        self.alive, self.held = os.pipe()
        os.set_inheritable(self.alive, True)

    def run(self) -> int:
        """Returns the worker's exit code once told to stop, or when its settings are bad."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        pause = MIN_PAUSE_S
        while True:
            began = time.monotonic()
            code = self._run_once()
            if self.stopping or code == EXIT_BAD_SETTING:
                return code
            pause = MIN_PAUSE_S if time.monotonic() - began > STABLE_AFTER_S else min(2 * pause, MAX_PAUSE_S)
            print(f"the worker ended ({code}) and is started again", file=sys.stderr, flush=True)
            time.sleep(pause)

    def _run_once(self) -> int:
        environ = {**os.environ, "ENDS_WITH": str(self.alive), "PYTHONPATH": _with_root()}
        self.pid = os.spawnve(os.P_NOWAIT, self.argv[0], self.argv, environ)
        if self.stopping:
            os.kill(self.pid, signal.SIGTERM)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = 1
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)


def _with_root() -> str:
    return os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))


def main() -> int:
    processes = os.environ.get("WORKER_PROCESSES") or "2"
    return WorkerSupervisor([sys.executable, "-m", "workers", "worker", "--concurrency", processes]).run()


if __name__ == "__main__":
    sys.exit(main())
