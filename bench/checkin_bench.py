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
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import flask_migrate
import psycopg
from flask import Flask
from sqlalchemy import func, insert, select

import config
from bench.load import Load, form_post, send_all
from mobilize import clock, create_app
from mobilize.actions.models import Action, ActionKind, Event, EventChapter, Shift
from mobilize.checkins.forms import event_token
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
KEYS = "b1:c29tZSBieXRlcyBmb3IgYSBiZW5jaCBkYXRhYmFzZSE="
Rows = dict[str, dict[str, Any]]


def run() -> Rows:
    """The rows of `make bench` for check-in, in well under 90 s."""
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(find_binaries(), {})
        try:
            return _on_postgres(server.create("bench"), Path(folder)) | _on_sqlite(Path(folder))
        finally:
            server.stop()


def _on_postgres(url: str, folder: Path) -> Rows:
    with _serving(url, folder) as (app, port, processes):
        _make_floor(url)
        floor_port = free_port()
        _serve_floor(processes, url, floor_port)
        line = _requests(app, port, 100 + TURNS * EACH + PACED)
        floor = [form_post(floor_port, "/floor", {"member": f"{n:08d}"}) for n in range(100 + TURNS * EACH)]
        send_all(port, _take(line, 100))
        send_all(floor_port, _take(floor, 100))
        pairs = [
            (send_all(port, _take(line, EACH)), send_all(floor_port, _take(floor, EACH)))
            for _ in range(TURNS)
        ]
        paced = send_all(port, line, per_second=100)
        loads = [full for full, _floor in pairs] + [paced]
        _verify(app, loads, 100)
        ratio = statistics.median(full.per_second / least.per_second for full, least in pairs)
        speed = statistics.median(full.per_second for full, _floor in pairs)
        least = statistics.median(floor.per_second for _full, floor in pairs)
        return {
            "check-in against the floor, PostgreSQL": _row(ratio, "x", 0.6, "higher"),
            "check-ins, PostgreSQL, 32 connections": _row(speed, "/s", None, "higher"),
            "floor, PostgreSQL, 32 connections": _row(least, "/s", None, "higher"),
            "check-in p50 at 100/s": _row(paced.percentile(0.5) * 1000, "ms", None, "lower"),
            "check-in p99 at 100/s": _row(paced.percentile(0.99) * 1000, "ms", 100, "lower"),
            "first visit, everything, gzipped": _row(_first_visit(app, port), "bytes", 30_000, "lower"),
        }


def _on_sqlite(folder: Path) -> Rows:
    with _serving(f"sqlite:///{folder / 'bench.db'}", folder) as (app, port, _processes):
        line = _requests(app, port, 100 + 2 * EACH)
        send_all(port, _take(line, 100))
        load = send_all(port, line)
        _verify(app, [load], 100)
        return {"check-ins, SQLite, 32 connections": _row(load.per_second, "/s", 400, "higher")}


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
            _seed()
            processes.serve({**os.environ, **environ}, port)
            yield app, port, processes
    finally:
        processes.stop()
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def _seed() -> None:
    """Pickets at some sites, open now, and a member for every request, found by her number."""
    now = clock.now()
    start, members = now - timedelta(minutes=10), 100 + TURNS * EACH + PACED
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


def _verify(app: Flask, loads: list[Load], before: int) -> None:
    """Every acknowledged check-in is one row of each kind; nothing was refused."""
    wrong = [status for load in loads for status in load.wrong]
    sent = before + sum(len(load.taken) for load in loads)
    db.session.rollback()
    stored = [db.session.scalar(select(func.count()).select_from(table)) for table in (Attendance, Evidence)]
    if wrong or stored != [sent, sent]:
        raise AssertionError(f"{sent} sent, {stored} stored, refused: {wrong[:5]}")


def _make_floor(url: str) -> None:
    numbers = [(new_id(), f"{n:08d}") for n in range(100 + TURNS * EACH)]
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
