"""The service at rest, measured: web, workers, beat and Redis as `make serve` and `make work` ship them,
beside PostgreSQL, on the demo's data with nothing to do.

REST_S=60 looks for less than ten minutes; what is counted by the hour is scaled from it. The stand-in
carrier is not counted. PROCESSES=1 says of each process what it takes.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any

import psycopg
import redis
from sqlalchemy import func, select, update

from bench.process_use import cpu_of, cpu_s, memory_of, tree
from bench.texts_place import Place, open_place, wait_for
from mobilize import clock
from mobilize.database import atomic, db
from mobilize.demo.seed.local import load_demo
from mobilize.texts.models import OutboxText, TextState
from tests.services import free_port
from tests.services.processes import ROOT, answers

REST_S = float(os.environ.get("REST_S", "600"))
SETTLES_S = float(os.environ.get("SETTLES_S", "60"))
HOUR_S = 3600
Rows = dict[str, dict[str, Any]]


@dataclass
class Moment:
    """Everything that is counted, at one moment."""

    at: float
    cpu: dict[str, float]
    log_lines: int
    log_bytes: int
    redis_bytes: int
    redis_commands: int
    wal_bytes: int
    transactions: int
    of_each: dict[int, float] = field(default_factory=dict)


def run() -> Rows:
    """The rows of `make bench ONLY=rest`."""
    with open_place() as place, _running(place) as parts:
        time.sleep(SETTLES_S)
        first = _look(place, parts)
        time.sleep(REST_S)
        last = _look(place, parts)
        if os.environ.get("PROCESSES"):
            _say_each(parts, first, last)
        return _rows(place, parts, first, last)


@contextmanager
def _running(place: Place) -> Iterator[dict[str, int]]:
    """The root process of each part of the service, when all of them work and nothing is left to be sent."""
    load_demo(clock.now() - timedelta(days=3))
    db.session.commit()
    _leave_nothing_due()
    port = free_port()
    environ = {**place.environ, "PGAPPNAME": "rest", "SEGMENTS_PER_SECOND": "1000"}
    web = place.processes.start_web(environ, port, processes=2)
    workers = place.processes.start("workers", [sys.executable, str(ROOT / "deploy" / "work.py")], environ)
    wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"), 120)
    wait_for(lambda: len(tree(workers.pid)) > 5, 120)
    parts = {
        "web": web,
        "workers": workers,
        "Redis": place.redis.process,
        "PostgreSQL": place.postgres.process,
    }
    yield {name: _root(process) for name, process in parts.items()}


def _leave_nothing_due() -> None:
    """What the demo still has to send is not what is measured."""
    with atomic() as session:
        session.execute(
            update(OutboxText).where(OutboxText.state == TextState.WAITING).values(state=TextState.DROPPED)
        )


def _root(process: "Popen[bytes]") -> int:
    """What was started, without the leash that ends it with the bench."""
    return tree(process.pid)[1]


def _look(place: Place, parts: dict[str, int]) -> Moment:
    logs = [path for path in place.processes.folder.glob("*.log") if path.stem in ("web", "workers")]
    with redis.Redis.from_url(place.redis.url) as client:
        info = client.info()
    with psycopg.connect(place.environ["DATABASE_URL"]) as connection:
        [wal] = connection.execute("SELECT pg_current_wal_lsn() - '0/0'").fetchone() or [0]
        [done] = connection.execute(
            "SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database"
        ).fetchone() or [0]
    return Moment(
        at=time.monotonic(),
        cpu={name: cpu_s(root) for name, root in parts.items()},
        log_lines=sum(path.read_bytes().count(b"\n") for path in logs),
        log_bytes=sum(path.stat().st_size for path in logs),
        redis_bytes=int(info.get("aof_current_size", 0)),
        redis_commands=int(info["total_commands_processed"]),
        wal_bytes=int(wal),
        transactions=int(done),
        of_each={pid: cpu_of(pid) for root in parts.values() for pid in tree(root)},
    )


def _rows(place: Place, parts: dict[str, int], first: Moment, last: Moment) -> Rows:
    seconds = last.at - first.at
    share = {name: (last.cpu[name] - first.cpu[name]) / seconds * 100 for name in parts}
    memory = {name: sum(memory_of(pid, shared=False) for pid in tree(root)) for name, root in parts.items()}
    waiting = db.session.scalar(
        select(func.count()).select_from(OutboxText).where(OutboxText.state == TextState.WAITING)
    )
    print(f"    {waiting} texts wait", file=sys.stderr)

    def in_an_hour(what: str) -> float:
        return float(getattr(last, what) - getattr(first, what)) / seconds * HOUR_S

    written = {what: in_an_hour(f"{what}_bytes") / 1e6 for what in ("log", "redis", "wal")}
    rows = {
        "at rest: CPU of everything": _row(sum(share.values()), "% of a core", 2),
        "at rest: memory of everything": _row(sum(memory.values()) / 1e6, "MB PSS", 350),
        "at rest: written in an hour": _row(sum(written.values()), "MB", 5),
        "at rest: log lines in a minute": _row(in_an_hour("log_lines") / 60, "lines", 1),
    }
    rows |= {f"at rest: CPU of {name}": _row(value, "% of a core") for name, value in share.items()}
    rows |= {f"at rest: memory of {name}": _row(value / 1e6, "MB PSS") for name, value in memory.items()}
    rows |= {f"at rest: {name} in an hour": _row(value, "MB") for name, value in written.items()}
    rows["at rest: commands of Redis in an hour"] = _row(in_an_hour("redis_commands"), "commands")
    rows["at rest: transactions in a second"] = _row(in_an_hour("transactions") / HOUR_S, "/s")
    return rows


def _say_each(parts: dict[str, int], first: Moment, last: Moment) -> None:
    for name, root in parts.items():
        for pid in tree(root):
            used = (last.of_each.get(pid, 0.0) - first.of_each.get(pid, 0.0)) / (last.at - first.at) * 100
            own, pss = (memory_of(pid, shared=shared) / 1e6 for shared in (False, True))
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()[:90]
            print(f"    {name:<10} {pid:>7} {used:6.2f} % {own:6.1f} MB ({pss - own:.1f} shm) {command}")


def _row(value: float, unit: str, bar: float | None = None) -> dict[str, Any]:
    return {"value": round(value, 3), "unit": unit, "bar": bar, "better": "lower"}
