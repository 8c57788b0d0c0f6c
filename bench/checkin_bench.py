"""Checking in, measured: the real server, distinct members, 32 connections, answers verified against rows.

The floor (`checkin_floor.py`) runs on the same kind of server in turns with it, since machines drift: the
ratios count. One server process with 8 threads; PostgreSQL with fsync and synchronous_commit on, SQLite in
WAL with synchronous=FULL; the load generator shares the machine.
"""

import gzip
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import flask_migrate
import psycopg
from flask import Flask
from sqlalchemy import func, insert, select, text, update

import config
from bench.cpu import seconds_of
from bench.load import Load, form_post, page_get, send_all
from mobilize import clock, create_app
from mobilize.accounts.grants import grant_line
from mobilize.accounts.models import GrantKind
from mobilize.actions.models import Action, ActionKind, Event, EventChapter, Shift
from mobilize.checkins.forms import LineBatch, event_token
from mobilize.checkins.line import do_items
from mobilize.checkins.models import Attendance, Evidence
from mobilize.crypto import blind_index
from mobilize.database import atomic, db, new_id
from mobilize.roster.models import Area, Member, Membership, MemberStatus, PhoneKind, Rank, Site
from mobilize.roster.names import PersonName
from mobilize.tokens import make_code, make_text_code
from tests.services import free_port
from tests.services.postgres import Postgres, find_binaries
from tests.services.processes import Processes, answers

EVENTS, TURNS, EACH, PACED = 40, 5, 250, 500
MEMBERS = 100 + 2 * TURNS * EACH + PACED
KEYS = "b1:c29tZSBieXRlcyBmb3IgYSBiZW5jaCBkYXRhYmFzZSE="
Rows = dict[str, dict[str, Any]]


def run() -> Rows:
    """The rows of `make bench` for check-in, in well under 90 s."""
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(find_binaries(), {})
        try:
            return _on_postgres(server, Path(folder)) | _on_sqlite(Path(folder))
        finally:
            server.stop()


def _on_postgres(server: Postgres, folder: Path) -> Rows:
    url = server.create("bench")
    with _serving(url, folder) as (app, port, processes):
        _make_floor(url)
        floor_port = free_port()
        _serve_floor(processes, url, floor_port)
        web, floor_web = (process.pid for process in processes.started)
        floor = [form_post(floor_port, "/floor", {"member": f"{n:08d}"}) for n in range(MEMBERS)]
        full = _Side(port, (web, server.process.pid), _requests(app, port, MEMBERS))
        least = _Side(floor_port, (floor_web, server.process.pid), floor)
        full.warm_up(), least.warm_up()
        empty = [(full.turn(), least.turn()) for _ in range(TURNS)]
        pages = [(full.look(_page(app)), least.look("/")) for _ in range(TURNS)]
        paced = send_all(port, _take(full.requests, PACED), per_second=100)
        _verify([turn.load for turn, _floor in empty] + [paced], 100)
        rows = _first_rows(app, port, empty, pages, paced) | _batch(app)
        _crowd(url)
        crowded = [(full.turn(), least.turn()) for _ in range(TURNS)]
        more = _median(turn.cpu / floor.cpu for turn, floor in crowded) / _median(
            turn.cpu / floor.cpu for turn, floor in empty
        )
        return rows | {"CPU with 1 million attendance rows": _row(more * 100 - 100, "% more", 15, "lower")}


def _first_rows(app: Flask, port: int, turns: "Turns", pages: Any, paced: Load) -> Rows:
    speed = [(turn.load.per_second, floor.load.per_second) for turn, floor in turns]
    cpu = [(turn.cpu * 1000, floor.cpu * 1000) for turn, floor in turns]
    ratio = _median(page.per_second / hello.per_second for page, hello in pages)
    return {
        "check-in against the floor, PostgreSQL": _row(_median(a / b for a, b in speed), "x", 0.6, "higher"),
        "check-ins, PostgreSQL, 32 connections": _row(_median(a for a, _b in speed), "/s", None, "higher"),
        "floor, PostgreSQL, 32 connections": _row(_median(b for _a, b in speed), "/s", None, "higher"),
        "CPU of a check-in against the floor": _row(_median(a / b for a, b in cpu), "x", 1.7, "lower"),
        "CPU of a check-in, web and database": _row(_median(a for a, _b in cpu), "ms", None, "lower"),
        "CPU of the floor, web and database": _row(_median(b for _a, b in cpu), "ms", None, "lower"),
        "the page against hello world": _row(ratio, "x", 0.5, "higher"),
        "check-in p50 at 100/s": _row(paced.percentile(0.5) * 1000, "ms", None, "lower"),
        "check-in p99 at 100/s": _row(paced.percentile(0.99) * 1000, "ms", 100, "lower"),
        "first visit, everything, gzipped": _row(_first_visit(app, port), "bytes", 30_000, "lower"),
    }


def _on_sqlite(folder: Path) -> Rows:
    with _serving(f"sqlite:///{folder / 'bench.db'}", folder) as (app, port, _processes):
        line = _requests(app, port, 100 + 2 * EACH)
        send_all(port, _take(line, 100))
        load = send_all(port, line)
        _verify([load], 100)
        return {"check-ins, SQLite, 32 connections": _row(load.per_second, "/s", 400, "higher")}


@dataclass
class Turn:
    """One turn of one side, and the CPU seconds each request cost the server and the database."""

    load: Load
    cpu: float


Turns = list[tuple[Turn, Turn]]


@dataclass
class _Side:
    """One of the two servers: what is sent to it, and the processes that work for it."""

    port: int
    roots: tuple[int, ...]
    requests: list[bytes]

    def warm_up(self) -> None:
        send_all(self.port, _take(self.requests, 100))

    def turn(self) -> Turn:
        before = seconds_of(*self.roots)
        load = send_all(self.port, _take(self.requests, EACH))
        return Turn(load, (seconds_of(*self.roots) - before) / EACH)

    def look(self, path: str) -> Load:
        return send_all(self.port, [page_get(self.port, path)] * EACH)


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def _page(app: Flask) -> str:
    code = db.session.scalars(select(Event.code)).first()
    db.session.rollback()
    return f"/c/{code}"


def _batch(app: Flask) -> Rows:
    """500 ticks that waited on a line page, stored one by one as they would be over HTTP."""
    now = clock.now()
    event = db.session.scalars(select(Event).order_by(Event.code)).first()
    assert event is not None  # noqa: S101 - the seed made it
    ends = now + timedelta(hours=1)
    grant, _token = grant_line(event.id, GrantKind.CAPTAIN, "bench", None, "shell", ends, now=now)
    with atomic() as session:
        others = select(Site.id).where(Site.id != event.site_id)
        home = list(session.scalars(others))
        session.execute(update(Membership).where(Membership.site_id.in_(home)).values(site_id=event.site_id))
    listed = list(db.session.scalars(select(Membership.member_id).limit(500)))
    at = now.isoformat()
    items = [{"nonce": f"{n:032x}", "kind": "tick", "at": at, "member": str(m)} for n, m in enumerate(listed)]
    batch = LineBatch.model_validate({"items": items})
    began = time.perf_counter()
    answers = do_items(event, grant, batch, now=now)
    took = time.perf_counter() - began
    if len([answer for answer in answers if answer["stored"]]) != 500:
        raise AssertionError(f"a batch was not stored: {answers[:3]}")
    return {"sync of a 500-item offline batch": _row(took, "s", 1, "lower")}


def _crowd(url: str) -> None:
    """A million attendance rows of other mornings."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO attendance (id, event_id, shift_id, member_id, tier, first_at, late, was_eligible) "
            "SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), "
            "'self', now(), false, false FROM generate_series(1, 1000000)"
        )
        connection.execute("ANALYZE attendance")


def _row(value: float, unit: str, bar: float | None, better: str) -> dict[str, Any]:
    return {"value": round(value, 3), "unit": unit, "bar": bar, "better": better}


@contextmanager
def _serving(url: str, folder: Path) -> Iterator[tuple[Flask, int, Processes]]:
    """The application on a seeded database, and its web server on a port of its own."""
    port, processes = free_port(), Processes(folder)
    environ = {"MOBILIZE_ENV": "test", "SECRET_KEYS": KEYS, "DATABASE_URL": url}
    environ["PUBLIC_BASE_URL"] = f"http://localhost:{port}"
    app = create_app(config.load(environ))
    try:
        with app.app_context():
            flask_migrate.upgrade()
            seed()
            with db.engine.connect() as connection:
                connection.execute(text("ANALYZE"))
                connection.commit()
            processes.serve({**os.environ, **environ}, port)
            yield app, port, processes
    finally:
        processes.stop()
        with app.app_context():
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()


def seed(members: int = MEMBERS) -> None:
    """Pickets at some sites, open now, and a member for every request, found by her number."""
    now = clock.now()
    start = now - timedelta(minutes=10)
    times = {"starts_at": start, "ends_at": start + timedelta(hours=2)}
    with atomic() as session:
        area = Area(name="Area")
        action = Action(
            kind=ActionKind.PICKET, name_en="Picket", name_es="Piquete", made_at=now, made_by="shell", **times
        )
        session.add_all([area, action])
        session.flush()
        sites = [
            Site(code=str(n), name=f"School {n}", area_id=area.id, tz="America/Los_Angeles", represented=True)
            for n in range(EVENTS)
        ]
        session.add_all(sites)
        session.flush()
        for site in sites:
            event = Event(
                action_id=action.id, site_id=site.id, area_id=area.id, tz=site.tz, code=make_code(),
                text_code=make_text_code(), made_at=now, **times,
            )  # fmt: skip
            session.add(event)
            session.flush()
            session.add(Shift(event_id=event.id, **times))
            session.add(EventChapter(event_id=event.id, site_id=site.id, action_id=action.id))
        session.flush()
        people = [_member(n, now) for n in range(members)]
        session.execute(insert(Member), people)
        home = {"rank": Rank.HOME, "from_at": start - timedelta(days=999)}
        session.execute(
            insert(Membership),
            [
                {"id": new_id(), "member_id": person["id"], "site_id": sites[n % EVENTS].id, **home}
                for n, person in enumerate(people)
            ],
        )


def _member(n: int, now: Any) -> dict[str, Any]:
    member, number = new_id(), f"{n:08d}"
    return {
        "id": member,
        "number_bix": blind_index("number", number),
        "number_enc": Member.number.seal(member, number),
        "name_enc": Member.name.seal(member, PersonName(f"Last {n}", "First").stored()),
        "phone_kind": PhoneKind.UNKNOWN,
        "status": MemberStatus.ACTIVE,
        "language": "en",
        "opted_out_in_file": False,
        "added_at": now,
    }


def _requests(app: Flask, port: int, n: int) -> list[bytes]:
    codes = db.session.scalars(select(Event.code)).all()
    db.session.rollback()
    return [
        form_post(port, f"/c/{code}", {"token": event_token(code), "typed": f"{place:08d}"})
        for place, code in ((place, codes[place % EVENTS]) for place in range(n))
    ]


def _take(requests: list[bytes], n: int) -> list[bytes]:
    """The next `n`, taken off the list: no member is sent twice."""
    taken = requests[:n]
    del requests[:n]
    return taken


def _verify(loads: list[Load], before: int) -> None:
    """Every acknowledged check-in is one row of each kind; nothing was refused."""
    wrong = [status for load in loads for status in load.wrong]
    sent = before + sum(len(load.taken) for load in loads)
    db.session.rollback()
    stored = [db.session.scalar(select(func.count()).select_from(table)) for table in (Attendance, Evidence)]
    if wrong or stored != [sent, sent]:
        raise AssertionError(f"{sent} sent, {stored} stored, refused: {wrong[:5]}")


def _make_floor(url: str) -> None:
    numbers = [(new_id(), f"{n:08d}") for n in range(MEMBERS)]
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE floor_members (id uuid PRIMARY KEY, number text UNIQUE)")
        connection.execute("CREATE TABLE floor_checkins (id uuid PRIMARY KEY, member uuid UNIQUE)")
        connection.cursor().executemany("INSERT INTO floor_members VALUES (%s, %s)", numbers)


def _serve_floor(processes: Processes, url: str, port: int) -> None:
    argv = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--blocking-threads", "8"]
    argv += ["--port", str(port), "bench.checkin_floor:app"]
    process = processes.start("floor", argv, {**os.environ, "DATABASE_URL": url})
    processes.wait_for(process, lambda: answers(f"http://127.0.0.1:{port}/"), "floor")


def _first_visit(app: Flask, port: int) -> float:
    """Page, style, colours, icon, manifest, and the receipt: what a phone loads for one check-in."""
    base = f"http://127.0.0.1:{port}"
    code = db.session.scalars(select(Event.code)).first()
    page = _get(f"{base}/c/{code}")
    files = [line.split('"')[0] for line in page.decode().split('href="/')[1:]]
    linked = {
        f"{base}/{file}" for file in files if file.startswith(("static", "colours")) and "180" not in file
    }
    receipt = app.test_client().post(
        f"/c/{code}", data={"token": event_token(str(code)), "typed": "99999999"}, base_url=base
    )
    bodies = [page, receipt.get_data(), *(_get(url) for url in linked)]
    return float(sum(len(gzip.compress(body)) for body in bodies))


def _get(url: str) -> bytes:
    with urlopen(url.replace("&amp;", "&"), timeout=5) as answer:
        body: bytes = answer.read()
        return body
