"""Failpoints for tests: kill the process at a named step, or shorten its waits. Only in MOBILIZE_ENV=test.

FAILPOINT=<step>:<file> kills (SIGKILL) the process that reaches that step and deletes the file, so once.
PATIENCE=0.05 shortens every wait of `seconds` to a twentieth; all of them, to keep their order.
"""

import os
import signal
from pathlib import Path

_armed: dict[str, Path] = {}


def reach(step: str) -> None:
    """Kill this process here, if a test armed the step."""
    if step not in _armed:
        return
    try:
        _armed[step].unlink()
    except FileNotFoundError:
        return  # another process was killed here before
    os.kill(os.getpid(), signal.SIGKILL)


def arm(step: str, file: Path) -> None:
    """Kill the next process that reaches `step` and deletes `file`. Does nothing outside of tests."""
    if _is_test():
        _armed[step] = file


def seconds(usual: float) -> float:
    """The seconds to wait: `usual`, or a test's share of it."""
    return usual * float(os.environ.get("PATIENCE", "1")) if _is_test() else usual


def _is_test() -> bool:
    return os.environ.get("MOBILIZE_ENV") == "test"


if os.environ.get("FAILPOINT"):
    _step, _, _file = os.environ["FAILPOINT"].partition(":")
    arm(_step, Path(_file))
