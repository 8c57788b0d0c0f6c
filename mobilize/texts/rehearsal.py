"""What tests may do to a delivery: kill it at a named step, shorten its patience. Only in MOBILIZE_ENV=test.

FAILPOINT=<step>:<file> kills this process (SIGKILL) when it reaches that step, once: whoever deletes the file
dies. PATIENCE=0.05 shortens every wait of `seconds` to a twentieth; all of them, to keep their order.
"""

import os
import signal
from pathlib import Path

_armed: dict[str, Path] = {}


def reach(step: str) -> None:
    """Die here, if a test asked for it; else nothing."""
    if step not in _armed:
        return
    try:
        _armed[step].unlink()
    except FileNotFoundError:
        return  # somebody died here before
    os.kill(os.getpid(), signal.SIGKILL)


def arm(step: str, file: Path) -> None:
    """From now on whoever reaches `step` and deletes `file` dies. Nothing outside of tests."""
    if _is_test():
        _armed[step] = file


def seconds(usual: float) -> float:
    """How long to wait: `usual`, or a test's share of it."""
    return usual * float(os.environ.get("PATIENCE", "1")) if _is_test() else usual


def _is_test() -> bool:
    return os.environ.get("MOBILIZE_ENV") == "test"


if os.environ.get("FAILPOINT"):
    _step, _, _file = os.environ["FAILPOINT"].partition(":")
    arm(_step, Path(_file))
