"""Power cuts: `make chaos ONLY=power`. What a line was told is stored must be there after the disk has
forgotten everything that was not synced, on SQLite and on PostgreSQL; with syncing switched off the check
must fail."""

import json
import os
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import flask_migrate
from sqlalchemy import func, select

import config
from bench.checkin_place import KEYS, seed
from bench.process_use import tree
from mobilize import create_app
from mobilize.checkins.models import Attendance
from mobilize.database import db
from mobilize.keys.crypto import blind_index
from mobilize.roster.models import Member
from tests.chaos import disk
from tests.chaos.line import Line
from tests.services import free_port
from tests.services.databases import opened
from tests.services.postgres import Postgres, find_binaries
from tests.services.processes import Processes

KINDS = ("sqlite", "postgresql")
MEMBERS, ACKNOWLEDGED = 600, 30
WITHIN_S = 40.0


def main() -> int:
    """Both databases, as they are and spoilt. Returns the exit code."""
    if not disk.is_possible():
        print("make chaos ONLY=power needs strace, and the right to follow processes", file=sys.stderr)
        return 1
    results = {f"{kind}{'' if synced else ', not synced'}": cut_once(kind, synced=synced)
               for kind in KINDS for synced in (True, False)}  # fmt: skip
    print(json.dumps(results))
    good = [results[kind]["lost"] == 0 < results[kind]["acknowledged"] for kind in KINDS]
    caught = [results[f"{kind}, not synced"]["lost"] > 0 for kind in KINDS]
    return int(not all(good + caught))


def cut_once(kind: str, *, synced: bool = True) -> dict[str, int]:
    """The check-ins that were acknowledged before a power cut, those of them that were lost by it, and the
    bytes that the disk has forgotten."""
    with TemporaryDirectory(prefix="mobilize-power-") as folder:
        options = {} if synced else {"fsync": "off"}
        server = Postgres(find_binaries(), options) if kind == "postgresql" else None
        try:
            return _cut(Path(folder), server, synced)
        finally:
            if server:
                server.stop()


def _cut(folder: Path, server: Postgres | None, synced: bool) -> dict[str, int]:
    url, port = server.create("power") if server else f"sqlite:///{folder}/power.db", free_port()
    spoilt = "" if synced or server else "sync_nothing"
    environ = {"MOBILIZE_ENV": "test", "SECRET_KEYS": KEYS, "DATABASE_URL": url, "SABOTAGE": spoilt,
               "PUBLIC_BASE_URL": f"http://localhost:{port}"}  # fmt: skip
    app, processes = create_app(config.load(environ)), Processes(folder)
    line = Line(app, url, processes, {**os.environ, **environ}, port, sabotage=spoilt, workers=1)
    with opened(app):
        flask_migrate.upgrade()
        seed(MEMBERS)
        line.open_forms(MEMBERS)
    try:
        line.serve()
        line.wait_until_up()
        assert line.web is not None
        own = tree(server._postmaster()) if server else []
        power = disk.PowerCut(
            [*own, *tree(line.web.pid)[1:]], server.folder if server else folder, folder / "calls"
        )
        acknowledged = _tap_and_cut(line, power, server)
    finally:
        processes.stop()
    forgotten = power.forget()
    if server:
        server.process.wait(10)
        server.start()
    with opened(create_app(config.load(environ))):
        return {"acknowledged": len(acknowledged), "lost": _lost(acknowledged), "forgotten_bytes": forgotten}


def _tap_and_cut(line: Line, power: disk.PowerCut, server: Postgres | None) -> list[int]:
    load = threading.Thread(target=line.tap)
    with power.followed():
        load.start()
        until = time.monotonic() + WITHIN_S
        while len(line.acknowledged) < ACKNOWLEDGED and time.monotonic() < until:
            time.sleep(0.1)
        acknowledged = list(line.acknowledged)
        assert line.web is not None
        power.cut([*tree(line.web.pid)[1:], *(tree(server._postmaster()) if server else [])])
    line.over.set()
    load.join(60)
    return acknowledged


def _lost(numbers: list[int]) -> int:
    marks = [blind_index("number", f"{n:08d}") for n in numbers]
    counted = select(func.count(Member.id.distinct())).join(Attendance, Attendance.member_id == Member.id)
    return len(numbers) - (db.session.scalar(counted.where(Member.number_index.in_(marks))) or 0)
