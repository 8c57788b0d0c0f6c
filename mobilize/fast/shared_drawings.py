"""Drawings of boards that the processes of a server share: one draws, and all show that.

They lie in a folder in memory (`web.server`), beside the requests for them: a file for each drawing that
somebody looks at, touched while they do. Whoever holds the folder's lock is the drawer, for as long as it
lives. See docs/decisions/0038.
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

# What nobody has drawn or requested anew for so long (seconds) is deleted.
KEPT_SECONDS = 60.0
_DRAWN, _REQUESTED = ".drawn", ".requested"


class SharedDrawing(NamedTuple):
    """What was drawn, compressed; its ETag; and when, in seconds of the monotonic clock, which is one for all
    processes of a machine. `stamp` tells one drawing from the next."""

    etag: str
    gzipped: bytes
    at: float
    stamp: int = 0


class SharedDrawings:
    """Those in `folder`. A drawing is named by a text, which whoever draws it can read."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._swept_at = 0.0

    def lock(self) -> IO[bytes] | None:
        """The drawer's lock, held until this file is closed wherever it is open; None while another holds it,
        or without the folder. Each release has its own: while one follows another, both use the folder."""
        try:
            lock = (self._folder / f"drawer-{_name('')}").open("ab")
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return None
        return lock

    def request(self, name: str) -> None:
        """Have this drawn, for the next seconds."""
        path = self._folder / f"{_name(name)}{_REQUESTED}"
        with suppress(OSError):
            try:
                os.utime(path)
            except FileNotFoundError:
                self._write(path, name.encode())

    def requested(self, seconds: float) -> list[str]:
        """The names of what was requested in these last seconds."""
        oldest, names = time.time() - seconds, []
        with suppress(OSError):
            for path in sorted(self._folder.glob(f"*{_REQUESTED}")):
                with suppress(OSError, ValueError):
                    name = path.read_text() if path.stat().st_mtime >= oldest else ""
                    names += [name] if path.name == f"{_name(name)}{_REQUESTED}" else []
        return names

    def find(self, name: str, *, after: int = 0) -> SharedDrawing | None:
        """What was drawn last under this name, unless that is the one with the stamp `after`."""
        with suppress(OSError, ValueError, TypeError):
            path = self._folder / f"{_name(name)}{_DRAWN}"
            stamp = path.stat().st_mtime_ns
            if stamp != after:
                head, _line, gzipped = path.read_bytes().partition(b"\n")
                return SharedDrawing(gzipped=gzipped, stamp=stamp, **json.loads(head))
        return None

    def put(self, name: str, drawing: SharedDrawing) -> None:
        """Show this to all processes; where there is no room they draw for themselves."""
        head = json.dumps({"etag": drawing.etag, "at": drawing.at})
        with suppress(OSError):
            self._write(self._folder / f"{_name(name)}{_DRAWN}", head.encode() + b"\n" + drawing.gzipped)
            self._sweep()

    def _write(self, path: Path, content: bytes) -> None:
        handle, new = tempfile.mkstemp(dir=self._folder)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(new, path)

    def _sweep(self) -> None:
        now = time.monotonic()
        if now - self._swept_at < KEPT_SECONDS:
            return
        self._swept_at, oldest = now, time.time() - KEPT_SECONDS
        for path in self._folder.iterdir():
            if path.suffix in (_DRAWN, _REQUESTED) and path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)


def _name(name: str) -> str:
    """The file of a drawing, of this release."""
    return hashlib.blake2b(f"{version()} {name}".encode(), digest_size=16).hexdigest()
