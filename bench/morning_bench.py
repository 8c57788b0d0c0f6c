"""The whole morning, at true speed: the service as it is shipped, and everybody outside.

37,000 members, 789 sites, 40 past actions; MINUTES=3 is shorter, with as many of everything in a minute.
MORNING_DATABASE=SQLite (or PostgreSQL) measures on one; HISTORY=1000000 runs it once more beside so many rows
of other mornings. BENCH_DATA keeps the union for the next run, BENCH_LOGS what the processes said.
BENCH_NICE=-10 gives the service its cores on a machine that others use (root).
"""

import os
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.morning_place import Service, run_load, service
from bench.morning_plan import Size, plan
from bench.morning_seed import add_history, seed_morning
from bench.morning_verify import verify
from bench.turnout_place import KEYS, kept_folder, place
from mobilize.database import db
from tests.services.postgres import Postgres
from tests.services.redis import Redis

Rows = dict[str, dict[str, Any]]
NEVER = 9999.0
MOST_CPU, MOST_LAG_MS = 0.5, 20
# Seconds from the seed to the first second: processes start, and pages are opened over fifteen.
STARTING = 20
SAMPLE_EVERY = 15


def run() -> Rows:
    """The rows of `make bench` for the morning, on both databases unless `MORNING_DATABASE` names one."""
    size = Size().lasting(float(os.environ.get("MINUTES") or 10))
    rows: Rows = {}
    for kind in (os.environ.get("MORNING_DATABASE") or "PostgreSQL,SQLite").split(","):
        with place(kind, {}) as here:
            none = _on(here, kind, size)
            rows |= _named(none, kind)
            if history := int(os.environ.get("HISTORY") or 0):
                rows |= _named(_growth(none, _on(here, kind, size, history), history), kind)
    return rows


def _named(rows: Rows, kind: str) -> Rows:
    return {f"morning, {row}, {kind}": value for row, value in rows.items()}


def _on(here: Any, kind: str, size: Size, history: int = 0) -> Rows:
    postgres = getattr(here.inner, "server", None)
    with kept_folder("BENCH_LOGS") as folder, here.opened("whole", copy=True) as (_app, _action):
        if history:
            add_history(history)
        return morning(size, here.inner.url("spoilt"), KEYS, postgres, folder)


def morning(size: Size, url: str, keys: str, postgres: Postgres | None, folder: Path) -> Rows:
    """One morning in the union of this database, verified. Inside an application's context on it."""
    redis = Redis()
    try:
        started = time.monotonic()
        begins_at = time.time() + STARTING + size.planned / 2500
        world = seed_morning(size, datetime.fromtimestamp(begins_at, UTC))
        db.session.remove()
        _say(f"seeded in {time.monotonic() - started:.0f} s")
        with service(url, keys, redis, postgres, folder) as running:
            load, cpu, memory = _measured(running, plan(world, size), begins_at)
            problems = verify(load, running, world, size)
    finally:
        redis.stop()
    return _rows(load, cpu, memory, problems, size)


def _measured(running: Service, planned: dict[str, Any], begins_at: float) -> tuple[Any, Any, int]:
    """What the generator saw; cores used by each part; the most memory that was used."""
    begins_at = max(begins_at, time.time() + planned["opens_over"] + 3)
    seconds, every = planned["seconds"], min(SAMPLE_EVERY, planned["seconds"] // 2)
    with run_load(running, planned, begins_at) as observed:
        running.wait_until(begins_at)
        before, memory = running.cpu(), []
        for at in range(every, seconds, every):
            running.wait_until(begins_at + at)
            memory.append(running.memory())
        running.wait_until(begins_at + seconds)
        after = running.cpu()
        result = observed(60)
    cores = {name: (used - before.get(name, 0.0)) / seconds for name, used in after.items()}
    most = max(memory, key=lambda parts: sum(parts.values()))
    _say("memory: " + ", ".join(f"{name} {used / 1e6:.0f} MB" for name, used in most.items()))
    return result, cores, sum(most.values())


def _rows(load: Any, cpu: dict[str, float], memory: int, problems: list[str], size: Size) -> Rows:
    took = defaultdict(list, {name: sorted(seconds) for name, seconds in load["took"].items()})
    lag = _percentile(load["lag"], 0.99) * 1000
    counts = load["cpu"] <= MOST_CPU and lag <= MOST_LAG_MS
    for problem in problems:
        _say(f"WRONG: {problem}")
    for wrong, times in load["wrong"].items():
        _say(f"seen {times} times: {wrong}")
    if not counts:
        _say("this run does not count: the load generator was slow itself")
    for name, seconds in list(took.items()):
        _say(f"{name}: {_line(seconds)}")
    check_in = took["check-in"]
    rows = {
        "check-in p99": _row(_percentile(check_in, 0.99) * 1000, "ms", 150),
        "check-in p99.9": _row(_percentile(check_in, 0.999) * 1000, "ms", 500),
        "a change on the line's other phones, p95": _row(_percentile(took["seen on a phone"], 0.95), "s", 3),
        "a change on the board, p95": _row(_percentile(took["seen on a board"], 0.95), "s", 3),
        "sign-in code with the carrier, p99": _row(_percentile(took["code with the carrier"], 0.99), "s", 3),
        "processor of everything but the generator": _row(sum(cpu.values()), "cores", 1.4),
        **{f"  of it {name}": _row(cores, "cores", None) for name, cores in sorted(cpu.items())},
        "memory of the service, the most": _row(memory / 1e6, "MB PSS", 600),
        "a line's phone in an hour, HTTP/1.1": _row(_bytes_an_hour(load["phones"], size) / 1e6, "MB", 1),
        "lost or doubled": _row(len(problems), "", 0),
        "refused, or without an answer": _row(sum(load["wrong"].values()), "", None),
        "the generator's own processor": _row(load["cpu"], "cores", MOST_CPU),
        "the generator's own lag, p99": _row(lag, "ms", MOST_LAG_MS),
    }
    return rows


def _bytes_an_hour(phones: dict[str, float], size: Size) -> float:
    """An hour of one phone, with a whole morning's changes in it, and quiet besides."""
    quiet = phones["quiet"] / max(phones["quiet_for"], 1) * 3600
    return quiet + phones["news"] / size.phones * (Size.seconds / size.seconds)


def _growth(none: Rows, more: Rows, history: int) -> Rows:
    """How much more the same costs beside the history, in percent."""
    compared = (
        "check-in p99",
        "processor of everything but the generator",
        "memory of the service, the most",
    )
    return {
        f"{row}, beside {history:,} rows of history": _row(
            (more[row]["value"] / none[row]["value"] - 1) * 100, "% more", 10
        )
        for row in compared
    }


def _percentile(values: list[float], share: float) -> float:
    """Where nothing came through, as bad as can be."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else NEVER


def _line(seconds: list[float]) -> str:
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
    parts = [f"{name} {_percentile(seconds, share) * 1000:.0f}" for name, share in shares.items()]
    return f"{', '.join(parts)}, at most {seconds[-1] * 1000:.0f} ms of {len(seconds):,}"


def _row(value: float, unit: str, bar: float | None) -> dict[str, Any]:
    return {"value": round(value, 3), "unit": unit, "bar": bar, "better": "lower"}


def _say(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)
