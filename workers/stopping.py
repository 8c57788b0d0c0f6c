"""Whether this worker has been asked to stop: its children finish what they hold, and take nothing new.

One byte of memory that parent and children share. No lock: a child killed while it holds one would stop
everybody else for good.
"""

import mmap
from typing import Any

from celery.signals import worker_shutting_down

_flag = mmap.mmap(-1, 1)


def is_stopping() -> bool:
    """True from the moment the worker got SIGTERM (or its like)."""
    return _flag[0] != 0


@worker_shutting_down.connect
def note_stop(**_: Any) -> None:
    """Celery tells the parent alone; the children read it here."""
    _flag[0] = 1
