"""The folder in which the processes of one server, or of one worker, keep what they count together.

`prometheus_client` asks for it when it is first imported, and each process maps a file of its own there. In
memory where the system has such a place (`/dev/shm`): nothing of it is worth a write to a disk.
"""

import os
import re
import shutil
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

import config

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "mobilize-metrics"


def prepare(environ: MutableMapping[str, str] = os.environ) -> None:
    """Name an empty folder of this process in its environment, which its children inherit; nothing where no
    METRICS_PORT is set. To be called before the parent's children start. What earlier parents of this user
    have left behind is deleted. Raises `config.BadSetting`."""
    environ.pop(VARIABLE, None)
    if config.metrics_port(environ) is None:
        return
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes the name, and nobody else may look into it
    place = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    _delete_left_behind(place)
    environ[VARIABLE] = tempfile.mkdtemp(prefix=f"{_PREFIX}-{os.getpid()}-", dir=place)


def is_alive(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _delete_left_behind(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}-*"):
        named = re.match(rf"{_PREFIX}-(\d+)-", folder.name)
        # Of this very number: a container's first process always has the same one.
        if named and (int(named[1]) == os.getpid() or not is_alive(int(named[1]))):
            shutil.rmtree(folder, ignore_errors=True)
