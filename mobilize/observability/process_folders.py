"""Folders that the processes of one server, or of one worker, share: in memory where the system has that.

Nothing in them is worth a write to a disk, and nobody but the user of the service may look into them.
"""

import os
import re
import shutil
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

import config

# What they count together: `prometheus_client` asks for it when it is first imported, and each process maps a
# file of its own there.
METRICS = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "mobilize-metrics"


def prepare_metrics(environ: MutableMapping[str, str] = os.environ) -> None:
    """The folder of what is counted; none where no METRICS_PORT is set. Raises `config.BadSetting`."""
    environ.pop(METRICS, None)
    if config.metrics_port(environ) is not None:
        prepare(METRICS, _PREFIX, environ)


def prepare(variable: str, prefix: str, environ: MutableMapping[str, str] = os.environ) -> None:
    """Make an empty folder of this process, and name it in its environment, which its children inherit. To be
    called before they start. What earlier parents of this user have left behind is deleted."""
    environ.pop(variable, None)
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes the name, and nobody else may look into it
    place = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    _delete_left_behind(place, prefix)
    environ[variable] = tempfile.mkdtemp(prefix=f"{prefix}-{os.getpid()}-", dir=place)


def is_alive(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _delete_left_behind(place: Path, prefix: str) -> None:
    for folder in place.glob(f"{prefix}-*"):
        named = re.match(rf"{prefix}-(\d+)-", folder.name)
        # Of this very number: a container's first process always has the same one.
        if named and (int(named[1]) == os.getpid() or not is_alive(int(named[1]))):
            shutil.rmtree(folder, ignore_errors=True)
