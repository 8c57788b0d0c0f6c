"""Importing a whole local: 37,000 members over 1,014 sites, on a fresh database and then again with changes.

The roster is made by `make_roster.py` where `../shared/data` is present; else it is an invented one of the
same size. Run in a process of its own, so that the memory is the import's.
"""

import csv
import io
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MEMBERS = 37_000
Rows = dict[str, dict[str, float | str]]


def run() -> Rows:
    """The rows of `make bench` for imports, on SQLite and on PostgreSQL."""
    from tests.services.postgres import Postgres, find_binaries

    with tempfile.TemporaryDirectory() as folder:
        rows = _measured("sqlite", f"sqlite:///{folder}/bench.db", folder)
        server = Postgres(find_binaries(), {})
        try:
            rows |= _measured("postgres", server.url(), folder)
        finally:
            server.stop()
    return rows


def _measured(database: str, url: str, folder: str) -> Rows:
    words = [sys.executable, "-m", "bench.import_bench", database, folder]
    done = subprocess.run(
        words, env={**os.environ, **_settings(url)}, check=True, stdout=subprocess.PIPE, text=True
    )
    result: Rows = json.loads(done.stdout.splitlines()[-1])
    return result


def _settings(url: str) -> dict[str, str]:
    key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    return {"MOBILIZE_ENV": "test", "DATABASE_URL": url, "SECRET_KEYS": f"b1:{key}"}


def _measure(database: str, folder: Path) -> Rows:
    from flask_migrate import upgrade

    from mobilize import create_app
    from mobilize.roster.imports import operations as imports

    sites, roster = _files(folder)
    app = create_app()
    now = datetime.now(UTC)
    with app.app_context():
        upgrade()
        staged = imports.dry_run_sites(sites, by="shell", now=now)
        imports.commit_import(staged.id, by="shell", now=now)
        dry, first = _timed(lambda: imports.dry_run_roster(roster, by="shell", now=now))
        commit, wait = _commit_while_others_write(app, first.id, now)
        undo_of_all = _seconds_of_undoing(first.id)
        imports.commit_import(imports.dry_run_roster(roster, by="shell", now=now).id, by="shell", now=now)
        again, staged = _timed(
            lambda: imports.dry_run_roster(_a_month_later(roster), by="shell", now=now + timedelta(days=30))
        )
        imports.commit_import(staged.id, by="shell", now=now + timedelta(days=30))
        undo = _seconds_of_undoing(staged.id)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1024 if sys.platform != "darwin" else 1 << 20
    )
    return {
        f"import_{MEMBERS}_dry_run_{database}": _row(dry, "s", 20),
        f"import_{MEMBERS}_commit_{database}": _row(commit, "s", 30),
        f"import_{MEMBERS}_longest_wait_of_a_write_{database}": _row(wait, "s", 2),
        f"import_{MEMBERS}_again_dry_run_{database}": _row(again, "s", 20),
        f"import_{MEMBERS}_undo_{database}": _row(undo, "s", 10),
        f"import_{MEMBERS}_undo_of_all_{database}": _row(undo_of_all, "s", 10),
        f"import_{MEMBERS}_memory_{database}": _row(peak, "MB", 400),
    }


def _commit_while_others_write(app: Any, import_id: Any, now: datetime) -> tuple[float, float]:
    """Seconds of the commit, and the longest that a small write beside it (a check-in) had to wait."""
    from mobilize.roster.imports import operations as imports

    waits: list[float] = [0.0]
    over = threading.Event()
    beside = threading.Thread(target=_write_often, args=(app, over, waits))
    beside.start()
    seconds, _ = _timed(lambda: imports.commit_import(import_id, by="shell", now=now))
    over.set()
    beside.join()
    return seconds, max(waits)


def _seconds_of_undoing(import_id: Any) -> float:
    """Seconds in which a worker undoes the last import, from taking the job to its end."""
    from mobilize.accounts.models import RoleName
    from mobilize.database import db
    from mobilize.jobs import operations as jobs
    from mobilize.jobs.models import Job, JobKind, JobState
    from mobilize.roster.imports.jobs import start_on
    from mobilize.roster.models import Import
    from tests.builders import make_person
    from workers.jobs import RUNNERS

    by, now = f"person:{make_person('Ada', role=RoleName.ADMIN).id}", datetime.now(UTC)
    job_id = start_on(db.session.get_one(Import, import_id), JobKind.UNDO_IMPORT, by=by, now=now).id
    seconds, _ = _timed(lambda: jobs.run_next(RUNNERS, now=datetime.now(UTC)))
    db.session.rollback()
    ended = db.session.get_one(Job, job_id, populate_existing=True)
    assert ended.state is JobState.DONE, ended.message
    return seconds


def _write_often(app: Any, over: threading.Event, waits: list[float]) -> None:
    from mobilize import audit

    with app.app_context():
        while not over.is_set():
            started = time.perf_counter()
            audit.note("shell", "bench.write", "x", now=datetime.now(UTC))
            waits.append(time.perf_counter() - started)
            time.sleep(0.02)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def _row(value: float, unit: str, bar: float) -> dict[str, float | str]:
    return {"value": round(value, 2), "unit": unit, "bar": bar, "better": "lower"}


def _files(folder: Path) -> tuple[bytes, bytes]:
    if not (DATA / "make_roster.py").exists():
        return _invented()
    path = folder / "roster_bench.csv"
    if not path.exists():
        words = ["--n", str(MEMBERS), "--name", "bench", "--dir", str(folder)]
        subprocess.run(
            [sys.executable, str(DATA / "make_roster.py"), *words], check=True, capture_output=True
        )
    return (DATA / "sites.csv").read_bytes(), path.read_bytes()


def _invented() -> tuple[bytes, bytes]:
    codes = [f"1999999{n:07d}" for n in range(1014)]
    sites = [["Site Code", "Name", "Area"], *([code, f"School {code}", f"Area {code[-1]}"] for code in codes)]
    header = ["Employee No", "Last Name", "First Name", "Cell Phone", "CDS Code", "Member Status"]
    members = [
        [str(n), f"Last{n}", f"First{n}", f"213-555-0{100 + n % 100}", codes[n % 1014], "Active"]
        for n in range(MEMBERS)
    ]
    return _csv(sites), _csv([header, *members])


def _a_month_later(roster: bytes) -> bytes:
    """The same roster with 3 % missing, 3 % of the phones and 5 % of the statuses changed."""
    header, *rows = csv.reader(io.StringIO(roster.decode("utf-8-sig"), newline=""))
    phone, status = header.index("Cell Phone"), header.index("Member Status")
    chance, kept = random.Random(1), []
    for row in rows:
        luck = chance.random()
        if luck < 0.06 and len(row) == len(header):
            row[phone] = f"213-555-0{chance.randint(100, 199)}"
        if luck > 0.95 and len(row) == len(header):
            row[status] = "LOA"
        if luck >= 0.03:
            kept.append(row)
    return _csv([header, *kept])


def _csv(rows: list[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], Path(sys.argv[2]))))
