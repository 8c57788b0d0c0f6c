"""Faults of web and database while a line checks in: `make chaos ONLY=checkin` (FAULTS=a,b for some).

Phones send the same form again until they are answered, as the page does. After each fault the rows are
compared with what was acknowledged. One JSON object comes out: for each fault I1 (acknowledged and lost),
I2 (counted more than once), I3 (answers that were neither a receipt nor a 503 with Retry-After), I8
(attendance the evidence does not add up to), and the seconds from the fault's end to the first answer. Then
the same on webs with one promise taken out: the checks must find each of them.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import psycopg

from bench.process_use import tree
from mobilize.demo import child_process
from tests.chaos.line import Line, standing

LOCKED_SECONDS = float(os.environ.get("LOCKED_SECONDS", "30"))
FROZEN_SECONDS = float(os.environ.get("FROZEN_SECONDS", "60"))
DISK_MB, FULL_SECONDS, FEW_SECONDS = 400, 6.0, 6.0
MEMORY_LEFT = 2 << 20
CUT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = %s AND application_name <> 'chaos'"""
# What is taken out, the fault in which it must show, and what shows it.
SABOTAGES = {
    "drop_unique_key": ("cut_connections", "I2_twice"),
    "answer_early": ("kill_worker", "I1_lost"),
    "show_errors": ("restart_postgres", "I3_visible"),
}


def run(*chosen: str, seconds: float = 4.0) -> dict[str, dict[str, float]]:
    """The result of each fault. `seconds` of load go before it, and as many follow when it is over."""
    results = {}
    for name in chosen or FAULTS:
        with _disk_for(name) as disk:
            if name in WANTS_A_DISK and disk is None:
                print(f"{name}: left out, a small disk can only be mounted by root", file=sys.stderr)
                continue
            with standing(disk=disk) as line:
                results[name] = under(line, FAULTS[name], seconds)
        print(f"{name}: {results[name]}", file=sys.stderr, flush=True)
    return results


def is_caught(sabotage: str, *, seconds: float = 2.0) -> bool:
    """With this promise taken out: do the checks notice?"""
    fault, shows = SABOTAGES[sabotage]
    with standing(sabotage=sabotage) as line:
        result = under(line, FAULTS[fault], seconds)
    print(f"sabotage {sabotage}: {result}", file=sys.stderr, flush=True)
    return bool(result[shows])


def under(line: Line, fault: Callable[[Line], None], seconds: float) -> dict[str, float]:
    """The fault under load, and what the rows say afterwards."""
    load = threading.Thread(target=line.tap)
    load.start()
    time.sleep(seconds)
    fault(line)
    over = time.monotonic()
    while not any(at > over for at in list(line.acknowledged.values())) and time.monotonic() < over + 30:
        time.sleep(0.1)
    time.sleep(seconds)
    line.over.set()
    load.join(60)
    nobody_waits = len(line.acknowledged) == len(line.forms) // 2
    later = (at for at in line.acknowledged.values() if at > over)
    back = min(later, default=over if nobody_waits else over + 99) - over
    return {**line.reckoned(), "first_answer_after_s": round(back, 1)}


def kill_worker(line: Line) -> None:
    """kill -9 of the process that answers; its parent starts another."""
    os.kill(line.pids()[1], signal.SIGKILL)


def kill_parent(line: Line) -> None:
    """kill -9 of the whole web server; whoever looks after it starts it again."""
    assert line.web is not None
    os.kill(line.pids()[0], signal.SIGKILL)
    child_process.kill(line.web)
    line.serve()


def freeze_worker(line: Line) -> None:
    """SIGSTOP of a process that answers, for `FROZEN_SECONDS`: it holds what it had accepted."""
    stand_still(line.pids()[1])


def freeze_parent(line: Line) -> None:
    """SIGSTOP of the web server's parent, for as long."""
    stand_still(line.pids()[0])


def freeze_postgres(line: Line) -> None:
    """SIGSTOP of everything of PostgreSQL, for as long: no connection fails, and none answers."""
    assert line.server is not None
    stand_still(*tree(line.server.process.pid))


def renew_workers(line: Line) -> None:
    """SIGHUP, as a new version is put in service: new processes take over, the old ones finish first."""
    os.kill(line.pids()[0], signal.SIGHUP)
    time.sleep(4)


def few_files(line: Line) -> None:
    """Every process that answers may open hardly another file, socket or connection for `FEW_SECONDS`."""
    limits = {}
    for pid in line.pids()[1:]:
        limits[pid] = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        in_use = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (in_use + 1, limits[pid][1]))
    time.sleep(FEW_SECONDS)
    for pid, before in limits.items():
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def little_memory(line: Line) -> None:
    """Every process that answers gets hardly more memory than it has for `FEW_SECONDS`."""
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_AS) for pid in line.pids()[1:]}
    for pid, (_soft, hard) in limits.items():
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
        resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY_LEFT, hard))
    time.sleep(FEW_SECONDS)
    for pid, before in limits.items():
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_AS, before)


def restart_postgres(line: Line) -> None:
    """kill -9 of PostgreSQL, as a power cut would, and a second later it is back."""
    assert line.server is not None
    line.server.crash()
    time.sleep(1)
    line.server.start()


def lock_table(line: Line) -> None:
    """Somebody holds the table of evidence for `LOCKED_SECONDS`."""
    with _other(line) as connection:
        connection.execute("BEGIN")
        connection.execute("LOCK TABLE evidence IN ACCESS EXCLUSIVE MODE")
        time.sleep(LOCKED_SECONDS)


def out_of_connections(line: Line) -> None:
    """Others take every connection the server has, and ours are gone."""
    taken: list[psycopg.Connection] = []
    with _other(line) as connection:
        until = time.monotonic() + 4
        while time.monotonic() < until:
            _cut(connection)
            try:
                taken += [psycopg.connect(line.url, application_name="chaos") for _ in range(20)]
            except psycopg.OperationalError:
                time.sleep(0.1)
    for other in taken:
        other.close()


def cut_connections(line: Line, seconds: float = 3.0) -> None:
    """Every connection is cut again and again, whatever it is at: before its COMMIT, or after it."""
    with _other(line) as connection:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            _cut(connection)
            time.sleep(0.05)


def fill_disk(line: Line) -> None:
    """The disk PostgreSQL lies on is full for `FULL_SECONDS`; where it gave up, it is started when there is
    room again."""
    assert line.server is not None and line.disk is not None
    filler = line.disk / "filler"
    until = time.monotonic() + FULL_SECONDS
    with filler.open("ab", buffering=0) as file:
        while time.monotonic() < until:  # what PostgreSQL gives back is taken as well
            for size in (1 << 20, 1 << 12):
                with suppress(OSError):
                    while file.write(b"x" * size) == size:
                        pass
            time.sleep(0.05)
    filler.unlink()
    time.sleep(1)
    if line.server.process.poll() is not None:
        line.server.start()


FAULTS: dict[str, Callable[[Line], None]] = {
    "kill_worker": kill_worker,
    "kill_parent": kill_parent,
    "freeze_worker": freeze_worker,
    "freeze_parent": freeze_parent,
    "renew_workers": renew_workers,
    "few_files": few_files,
    "little_memory": little_memory,
    "restart_postgres": restart_postgres,
    "freeze_postgres": freeze_postgres,
    "lock_table": lock_table,
    "out_of_connections": out_of_connections,
    "cut_connections": cut_connections,
    "fill_disk": fill_disk,
}
WANTS_A_DISK = ("fill_disk",)


@contextmanager
def _disk_for(fault: str) -> Iterator[Path | None]:
    """A small disk for the fault that wants one."""
    with small_disk() if fault in WANTS_A_DISK else nullcontext() as disk:
        yield disk


@contextmanager
def small_disk(megabytes: int = DISK_MB) -> Iterator[Path | None]:
    """A small disk of its own (tmpfs); None without the right to mount it."""
    folder = Path(tempfile.mkdtemp(prefix="mobilize-disk-"))
    folder.chmod(0o755)
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    mounted = subprocess.run(["mount", *options], capture_output=True).returncode == 0
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def stand_still(*pids: int) -> None:
    """SIGSTOP for `FROZEN_SECONDS`, of those that are still there; none stays stopped."""
    for number, seconds in ((signal.SIGSTOP, FROZEN_SECONDS), (signal.SIGCONT, 0.0)):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        time.sleep(seconds)


@contextmanager
def _other(line: Line) -> Iterator[psycopg.Connection]:
    with psycopg.connect(line.url, autocommit=True, application_name="chaos") as connection:
        yield connection


def _cut(connection: psycopg.Connection) -> None:
    connection.execute(CUT, [connection.info.dbname])


def main() -> int:
    chosen = [name for name in os.environ.get("FAULTS", "").split(",") if name]
    came_of = run(*chosen)
    tried = [] if chosen or os.environ.get("SABOTAGE") == "no" else list(SABOTAGES)
    caught = [name for name in tried if is_caught(name)]
    print(json.dumps({"faults": came_of, "sabotage_tried": len(tried), "sabotage_caught": len(caught)}))
    held = all(not one[name] for one in came_of.values() for name in one if name.startswith("I"))
    return 0 if held and caught == tried else 1


if __name__ == "__main__":
    sys.exit(main())
