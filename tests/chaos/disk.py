"""A disk that fails, and one that forgets, by strace: syncs that report an error, and a power cut that takes
with it everything that was written and not synced.

The model of a power cut: all processes stand still at one moment, and of every log under `folder` the bytes
written since its last sync are zeroed. That is the most a disk may forget; what was synced it keeps.
PostgreSQL writes a page of its log again while it fills: of one that was synced before, strace does not tell
which bytes are new, and so it is left as it is.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SYNCS = "fsync,fdatasync"
PAGE = 8192
_CALL = re.compile(r"^\d+ +(\w+)\(\d+<([^>]+)>(.*)\) += (\d+)$")
_UNFINISHED = re.compile(r"^(\d+) (.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+) <\.\.\. \w+ resumed>(.*)$")


def is_possible() -> bool:
    """Whether strace is here and may look at other processes."""
    if not shutil.which("strace"):
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True).returncode == 0


@contextmanager
def failing_syncs(pids: list[int]) -> Iterator[None]:
    """Every sync of these processes, and of those that they start, reports EIO."""
    with _traced(pids, ["-e", f"trace={SYNCS}", "-e", f"inject={SYNCS}:error=EIO", "-o", os.devnull]):
        yield


class PowerCut:
    """What `pids` write to files below `folder` is followed until `cut`."""

    def __init__(self, pids: list[int], folder: Path, log: Path):
        self.pids, self.folder, self.log = pids, folder, log

    @contextmanager
    def followed(self) -> Iterator["PowerCut"]:
        calls = f"trace={SYNCS},pwrite64,write,pwritev,ftruncate"
        with _traced(self.pids, ["-y", "-s", "0", "-e", calls, "-o", str(self.log)]):
            yield self

    def cut(self, pids: list[int]) -> None:
        """Everything ends at one moment; `forget` what was not synced when nothing is followed any more."""
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            time.sleep(0.2)

    def forget(self) -> int:
        """Take away what was not synced; returns how many bytes that were."""
        return sum(self._forget(path, spans) for path, spans in self._unsynced().items())

    def _unsynced(self) -> dict[Path, list[tuple[int, int]]]:
        spans: defaultdict[Path, list[tuple[int, int]]] = defaultdict(list)
        synced: defaultdict[Path, set[int]] = defaultdict(set)
        for name, path, rest, result in self._calls():
            if name in ("fsync", "fdatasync"):
                synced[path].update(start for start, _end in spans.pop(path, []))
            elif name == "pwrite64":
                at = int(rest.rpartition(",")[2])
                kept = synced[path] if "pg_wal" in path.parts else ()
                pages = ((start, min(start + PAGE, at + result)) for start in range(at, at + result, PAGE))
                spans[path] += [page for page in pages if page[0] not in kept]
        return spans

    def _calls(self) -> Iterator[tuple[str, Path, str, int]]:
        open_calls: dict[str, str] = {}
        for line in self.log.read_text(errors="replace").splitlines():
            if begun := _UNFINISHED.match(line):
                open_calls[begun[1]] = begun[2]
                continue
            if ended := _RESUMED.match(line):
                line = f"{ended[1]} {open_calls.pop(ended[1], '')}{ended[2]}"
            call = _CALL.match(line)
            if call and call[2].startswith(str(self.folder)):
                yield call[1], Path(call[2].removesuffix(" (deleted)")), call[3], int(call[4])

    def _forget(self, path: Path, spans: list[tuple[int, int]]) -> int:
        """Only logs that are written ahead: a page of the data may have been written or not, which both are
        outcomes that the log mends."""
        if not path.exists() or not ("pg_wal" in path.parts or path.name.endswith("-wal")):
            return 0
        forgotten = 0
        with path.open("r+b") as file:
            for start, end in spans:
                file.seek(start)
                file.write(b"\0" * (end - start))
                forgotten += end - start
        return forgotten


@contextmanager
def _traced(pids: list[int], options: list[str]) -> Iterator[None]:
    """strace is attached to every thread of these processes while this lasts."""
    attach = [argument for pid in pids for argument in ("-p", str(pid))]
    tracer = subprocess.Popen(["strace", "-f", "-qq", *options, *attach], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        try:
            tracer.wait(5)
        except subprocess.TimeoutExpired:
            tracer.kill()
            tracer.wait()
