"""Drawings of boards that the processes of one server share: one of them draws, and the others show that.

They lie in a folder in memory (`web.server`). The process that holds its lock is the drawer, for as long as
it lives; another draws for itself what the drawer does not, because nobody asks there. Without the folder,
each process draws for itself. See docs/decisions/0034.
"""

import fcntl
import hashlib
import json
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from mobilize.version import version

# What nobody has drawn anew for so long (seconds) is deleted.
KEPT_SECONDS = 60.0
_DRAWER = "drawer"


class SharedDrawing(NamedTuple):
    """What was drawn, compressed; its ETag; when that was, and when it is to be drawn anew, in seconds of the
    monotonic clock, which is one for all processes of a machine. `stamp` tells one drawing from the next."""

    etag: str
    gzipped: bytes
    at: float
    again_at: float
    stamp: int = 0


class SharedDrawings:
    """Those in `folder`; with None there are none, and every process is its own drawer."""

    def __init__(self, folder: Path | None):
        self._folder = folder
        self._lock: IO[bytes] | None = None
        self._swept_at = 0.0

    def is_drawer(self) -> bool:
        """Whether this process draws for all; it becomes the drawer where there is none."""
        if self._folder is None or self._lock is not None:
            return True
        try:
            lock = (self._folder / _DRAWER).open("ab")
        except OSError:  # no folder any more
            return True
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return False
        self._lock = lock
        return True

    def find(self, key: object, *, after: int = 0) -> SharedDrawing | None:
        """What was drawn last under this key, unless that is the one with the stamp `after`."""
        if self._folder is None:
            return None
        with suppress(OSError, ValueError, TypeError):
            path = self._folder / _name(key)
            stamp = path.stat().st_mtime_ns
            if stamp != after:
                head, _line, gzipped = path.read_bytes().partition(b"\n")
                return SharedDrawing(gzipped=gzipped, stamp=stamp, **json.loads(head))
        return None

    def put(self, key: object, drawing: SharedDrawing) -> int:
        """Show this to the other processes; its stamp. Where there is no room they draw for themselves."""
        head = {"etag": drawing.etag, "at": drawing.at, "again_at": drawing.again_at}
        if self._folder is not None:
            with suppress(OSError):
                handle, path = tempfile.mkstemp(dir=self._folder)
                with os.fdopen(handle, "wb") as file:
                    file.write(json.dumps(head).encode() + b"\n" + drawing.gzipped)
                stamp = Path(path).stat().st_mtime_ns
                os.replace(path, self._folder / _name(key))
                self._sweep(self._folder)
                return stamp
        return 0

    def _sweep(self, folder: Path) -> None:
        now = time.monotonic()
        if now - self._swept_at < KEPT_SECONDS:
            return
        self._swept_at, oldest = now, time.time() - KEPT_SECONDS
        for path in folder.iterdir():
            if path.name != _DRAWER and path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)


def _name(key: object) -> str:
    """The file of a drawing, of this release: while one follows another, both use the folder."""
    return hashlib.blake2b(f"{version()} {key!r}".encode(), digest_size=16).hexdigest()
