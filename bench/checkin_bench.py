"""Checking in, measured: the real server, distinct members, 32 connections, answers verified against rows.

The floor (`checkin_floor.py`) runs on the same kind of server in turns with it, since machines drift: the
ratios count. One server process with 32 threads; PostgreSQL with fsync and synchronous_commit on, SQLite in
WAL with synchronous=FULL; the load generator shares the machine. `ROWS=post,page` chooses some of `PARTS`.
"""

import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import func, select, update

from bench.checkin_place import MEMBERS, requests, serve_floor, serving
from bench.cpu import seconds_of
from bench.first_visit import bytes_of_a_first_visit
from bench.load import Load, form_post, page_get, send_all
from bench.process_use import precise_cpu_s
from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind
from mobilize.actions.models import Event
from mobilize.checkins.forms import MOST_ITEMS, LineBatch
from mobilize.checkins.line.sync import do_items
from mobilize.checkins.models import Attendance, Evidence
from mobilize.database import atomic, db
from mobilize.roster.models import Membership, Site
from tests.services.postgres import Postgres, find_binaries

TURNS, EACH, PACED, CROWD = 5, 250, 500, 1_000_000
# A page is answered within a third of a millisecond: short turns would measure the machine's mood.
PAGE_TURNS, LOOKS = 15, 1000
PARTS = ("post", "paced", "page", "bytes", "batch", "crowd", "sqlite")
Rows = dict[str, dict[str, Any]]


def run() -> Rows:
    """The rows of `make bench` for check-in, in about a minute."""
    chosen = [part for part in os.environ.get("ROWS", "").split(",") if part] or list(PARTS)
    rows: Rows = {}
    with tempfile.TemporaryDirectory() as folder:
        if set(chosen) - {"sqlite"}:
            server = Postgres(find_binaries(), {})
            try:
                rows |= _on_postgres(server, Path(folder), chosen)
            finally:
                server.stop()
        if "sqlite" in chosen:
            rows |= _on_sqlite(Path(folder))
    return rows


@dataclass
class Turn:
    """One turn of one side, and the CPU seconds each request cost its web server and the database."""

    load: Load
    web: float
    database: float

    @property
    def cpu(self) -> float:
        return self.web + self.database


@dataclass
class Side:
    """One of the two servers: what is sent to it, and the processes that work for it."""

    port: int
    web: int
    database: int
    requests: list[bytes]
    sent: list[Load] = field(default_factory=list)

    def send(self, n: int, *, per_second: float = 0) -> Load:
        """The next `n`: no member is sent twice."""
        some, self.requests = self.requests[:n], self.requests[n:]
        self.sent.append(send_all(self.port, some, per_second=per_second))
        return self.sent[-1]

    def turn(self) -> Turn:
        before = seconds_of(self.web), seconds_of(self.database)
        load = self.send(EACH)
        web, database = seconds_of(self.web) - before[0], seconds_of(self.database) - before[1]
        return Turn(load, web / EACH, database / EACH)

    def look(self, path: str) -> tuple[Load, float]:
        """The load of one turn of a page, and the CPU seconds each request cost the web server."""
        before = precise_cpu_s(self.web)
        load = send_all(self.port, [page_get(self.port, path)] * LOOKS)
        return load, (precise_cpu_s(self.web) - before) / LOOKS


Turns = list[tuple[Turn, Turn]]


def _on_postgres(server: Postgres, folder: Path, chosen: list[str]) -> Rows:
    url = server.create("bench")
    with serving(url, folder) as (port, processes):
        floor_port = serve_floor(processes, url)
        web, floor_web = (process.pid for process in processes.started)
        floor = [form_post(floor_port, "/floor", {"member": f"{n:08d}"}) for n in range(MEMBERS)]
        full = Side(port, web, server.process.pid, requests(port, MEMBERS))
        least = Side(floor_port, floor_web, server.process.pid, floor)
        full.send(200), least.send(200)
        rows: Rows = {}
        if "post" in chosen:
            rows |= _of_turns(_take_turns(full, least))
        if "paced" in chosen:
            rows |= _paced(full)
        if "page" in chosen:
            rows |= _page(full, least)
        if "crowd" in chosen:
            rows |= _crowded(server, folder, full)
        _verify(full.sent)
        if "bytes" in chosen:
            rows |= _first_visit(port)
        if "batch" in chosen:
            rows |= _batch()
        return rows


def _on_sqlite(folder: Path) -> Rows:
    with serving(f"sqlite:///{folder / 'bench.db'}", folder) as (port, processes):
        side = Side(port, processes.started[0].pid, 0, requests(port, MEMBERS))
        side.send(200)
        loads = [side.send(2 * EACH) for _ in range(3)]
        _verify(side.sent)
        value = _median(load.per_second for load in loads)
        return {"check-ins, SQLite, 32 connections": _row(value, "/s", 400, "higher")}


def _take_turns(full: Side, least: Side) -> Turns:
    return [(full.turn(), least.turn()) for _ in range(TURNS)]


def _of_turns(turns: Turns) -> Rows:
    full, floor = [turn for turn, _floor in turns], [floor for _turn, floor in turns]
    speed = _median(a.load.per_second / b.load.per_second for a, b in turns)
    rows = {
        "check-in against the floor, PostgreSQL": _row(speed, "x", 0.6, "higher"),
        "CPU of a check-in against the floor": _row(
            _median(a.cpu / b.cpu for a, b in turns), "x", 1.7, "lower"
        ),
    }
    for name, side in (("check-in", full), ("floor", floor)):
        rate = _median(turn.load.per_second for turn in side)
        rows[f"{name}, PostgreSQL, 32 connections"] = _row(rate, "/s", None, "higher")
        rows[f"{name}: CPU of the web"] = _row(_median(t.web for t in side) * 1000, "ms", None, "lower")
        rows[f"{name}: CPU of the database"] = _row(
            _median(t.database for t in side) * 1000, "ms", None, "lower"
        )
    return rows


def _paced(full: Side) -> Rows:
    load = full.send(PACED, per_second=100)
    return {
        "check-in p50 at 100/s": _row(load.percentile(0.5) * 1000, "ms", None, "lower"),
        "check-in p99 at 100/s": _row(load.percentile(0.99) * 1000, "ms", 100, "lower"),
    }


def _page(full: Side, least: Side) -> Rows:
    path = f"/c/{_code()}"
    full.look(path), least.look("/")
    turns = [(full.look(path), least.look("/")) for _ in range(PAGE_TURNS)]
    return {
        "hello world's CPU against the page's": _row(
            _median(b[1] / a[1] for a, b in turns), "x", 0.5, "higher"
        ),
        "the page against hello world": _row(
            _median(a[0].per_second / b[0].per_second for a, b in turns), "x", None, "higher"
        ),
        "the page, 32 connections": _row(_median(a[0].per_second for a, _b in turns), "/s", None, "higher"),
    }


def _first_visit(port: int) -> Rows:
    sent = bytes_of_a_first_visit(port, _code())
    bars = {"all bodies": 18_000, "with headers": None}
    return {f"first visit, {what}": _row(sent[what], "bytes", bar, "lower") for what, bar in bars.items()}


def _batch() -> Rows:
    """The items that waited on a line page, as its view stores them: a full batch of each kind, and the worst
    of them."""
    now = clock.now()
    event = db.session.scalars(select(Event).order_by(Event.code)).first()
    assert event is not None  # noqa: S101 - the seed made it
    ends = now + timedelta(hours=1)
    grant, _token = grant_line(event.id, GrantKind.CAPTAIN, "bench", None, "shell", ends, now=now)
    with atomic() as session:
        home = list(session.scalars(select(Site.id).where(Site.id != event.site_id)))
        session.execute(update(Membership).where(Membership.site_id.in_(home)).values(site_id=event.site_id))
    members = [str(one) for one in db.session.scalars(select(Membership.member_id).limit(MOST_ITEMS))]
    rows: Rows = {}
    for name, of_kind in _BATCHES.items():
        took = [_sync(event, grant, of_kind(members)) for _turn in range(TURNS)]
        rows[f"{MOST_ITEMS} items of a line: {name}"] = _row(max(took), "s", 1, "lower")
    return rows


def _sync(event: Event, grant: Any, items: list[dict[str, Any]]) -> float:
    now = clock.now()
    sent = [{"nonce": uuid.uuid4().hex, "at": now.isoformat()} | item for item in items]
    batch = LineBatch.model_validate({"items": sent})
    began = time.perf_counter()
    answers = do_items(event, grant, batch, now=now)
    took = time.perf_counter() - began
    if len([answer for answer in answers if answer["stored"]]) != len(items):
        raise AssertionError(f"a batch was not stored: {answers[:3]}")
    return took


_TICK, _UNTICK, _DUTY = {"kind": "tick"}, {"kind": "untick"}, {"kind": "tick", "duty": "kitchen"}
# Of many members, and of one alone, whose evidence grows with every turn.
_BATCHES: dict[str, Callable[[list[str]], list[dict[str, Any]]]] = {
    "ticks": lambda all_: [_TICK | {"member": one} for one in all_],
    "duties": lambda all_: [_DUTY | {"member": one} for one in all_],
    "undos": lambda all_: [_UNTICK | {"member": one} for one in all_],
    "duties of one member": lambda all_: [_DUTY | {"member": all_[0]}] * len(all_),
    "ticks and undos of one member": lambda all_: [
        (_UNTICK if n % 2 else _DUTY) | {"member": all_[0]} for n in range(len(all_))
    ],
    "head counts": lambda all_: [{"kind": "head_count", "n": n} for n in range(len(all_))],
}


def _crowded(server: Postgres, folder: Path, alone: Side) -> Rows:
    """The same beside a million rows of other mornings, turn by turn with the morning that has none."""
    url = server.create("crowd")
    with serving(url, folder) as (port, processes):
        _crowd(url)
        crowded = Side(port, processes.started[0].pid, server.process.pid, requests(port, MEMBERS))
        crowded.send(200), alone.send(100)
        turns = _take_turns(crowded, alone)
        _verify(crowded.sent, others=CROWD)
    # Of all turns together, since the database's share of one is a few ticks of the clock.
    more = {
        "CPU": sum(a.cpu for a, _b in turns) / sum(b.cpu for _a, b in turns),
        "time": _median(b.load.per_second / a.load.per_second for a, b in turns),
    }
    return {
        f"{what} with 1 million attendance rows": _row(times * 100 - 100, "% more", 15, "lower")
        for what, times in more.items()
    }


def _crowd(url: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO attendance (id, event_id, shift_id, member_id, tier, first_at, late, was_eligible) "
            "SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), "
            "'self', now(), false, false FROM generate_series(1, %s)",
            [CROWD],
        )
        connection.execute("ANALYZE attendance")
        connection.execute("CHECKPOINT")


def _verify(loads: list[Load], *, others: int = 0) -> None:
    """Every acknowledged check-in is one row of each kind; nothing was refused. `others` attended before."""
    wrong = [status for load in loads for status in load.wrong]
    sent = sum(len(load.taken) for load in loads)
    db.session.rollback()
    stored = [db.session.scalar(select(func.count()).select_from(table)) for table in (Attendance, Evidence)]
    if wrong or stored != [sent + others, sent]:
        raise AssertionError(f"{sent} sent, {stored} stored, refused: {wrong[:5]}")


def _code() -> str:
    code = db.session.scalars(select(Event.code)).first()
    db.session.rollback()
    return str(code)


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def _row(value: float, unit: str, bar: float | None, better: str) -> dict[str, Any]:
    return {"value": round(value, 3), "unit": unit, "bar": bar, "better": better}
