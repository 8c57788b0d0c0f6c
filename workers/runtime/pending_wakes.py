"""Wakes that nobody has taken yet, from the clock of a worker to its processes: a pipe for each queue.

What the clock sends through Redis it also notes here. Whoever takes a message clears the notes of its queue;
what is left after a moment did not arrive, and is run by `fallback_scheduler`. The pipes are made
before the processes are forked; the kernel keeps them whichever of these is killed.
"""

import select
import socket
from collections.abc import Sequence
from contextlib import suppress

from workers.timetable import TIMETABLE, Queue

_NUMBERS = {entry.task: n for n, entry in enumerate(TIMETABLE)}
# On a note: the broker is known to be away, and there is nothing to wait for.
_LOST = 0x80
_MOST = 65536


class PendingWakes:
    """The notes of one queue."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def note(self, task: str, *, lost: bool = False) -> None:
        """Note that the task is due. Where there is no more room, that says so already."""
        with suppress(BlockingIOError):
            self._writer.send(bytes([_NUMBERS[task] | (_LOST if lost else 0)]))

    def fileno(self) -> int:
        """The end that is readable while there are notes."""
        return self._reader.fileno()

    def wait(self, seconds: float) -> bool:
        """Whether there are notes, at once or within the time."""
        return bool(select.select([self._reader], [], [], seconds)[0])

    def is_lost(self) -> bool:
        """Whether one of the notes says that the broker is away."""
        return any(note & _LOST for note in self._read(socket.MSG_PEEK))

    def take(self) -> list[str]:
        """The tasks noted, in the timetable's order. Of two at once, one gets them."""
        return [TIMETABLE[n].task for n in sorted({note & ~_LOST for note in self._read()})]

    def _read(self, flags: int = 0) -> bytes:
        try:
            return self._reader.recv(_MOST, flags)
        except BlockingIOError:
            return b""


# Of this worker: empty where the processes were not forked by `processes`.
of_queue: dict[str, PendingWakes] = {}


def open_all(queues: Sequence[Queue]) -> None:
    """Make the pipes, before the fork. The process of the first keeps the clock."""
    of_queue.update({queue: PendingWakes() for queue in dict.fromkeys(queues)})


def keeps_clock(queue: str) -> bool:
    """Whether the process of this queue is the one with the clock."""
    return next(iter(of_queue), None) == queue
