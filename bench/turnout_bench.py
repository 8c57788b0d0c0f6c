"""Turnout of a whole union, measured: 37,000 members, 800 sites, 40 past actions, 800,000 rows of attendance.

`run()` answers the rows of `make bench`, on SQLite and on PostgreSQL. `ROWS=board,unchanged,matrix,reports,
history,closing` chooses some of them, `DATABASES=PostgreSQL` one of the two. Looks go through the web's own
doors, as a signed-in admin; the board's while another process checks 200 members in a second.
"""

import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from bench.turnout_place import PAST, Place, environ_of, place
from bench.turnout_seed import SITES, START
from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action
from mobilize.checkins.models import Evidence
from mobilize.database import db
from mobilize.turnout.board import cache as live
from mobilize.turnout.board.change_detection import SETTLES_IN
from mobilize.turnout.campaigns.matrix import matrix_of
from mobilize.turnout.figures.closing import close_due_events
from mobilize.turnout.figures.queries import board
from mobilize.turnout.reports.bulk import write_all_reports
from tests.builders import full_session, make_person

TIMES = 40
P95 = int(TIMES * 0.95) - 1
Rows = dict[str, dict[str, Any]]


def run() -> Rows:
    """`{row: {"value", "unit", "bar", "better"}}` for both databases, or for those `DATABASES` names."""
    result: Rows = {}
    for kind in os.environ.get("DATABASES", "SQLite,PostgreSQL").split(","):
        with place(kind) as here:
            for name in os.environ.get("ROWS", ",".join(_ROWS)).split(","):
                result |= {f"{row}, {kind}": value for row, value in _ROWS[name](here).items()}
    return result


def _board(here: Place) -> Rows:
    """Time the request of the page, and the figures alone, each poll counted anew while people arrive."""
    with here.opened("whole", copy=True) as (app, action), _each_poll_asks():
        client, address = _Admin(app), f"/actions/{action.id}/turnout.json"
        client.get(address)
        with _members_arriving(action) as arrived:
            data = _p95(lambda: _ok(client.get(address)), pause=0.2)
            page = _p95(lambda: _ok(client.get(f"{address}?with=html")), pause=0.2)
            rate = arrived()
    return {
        "live board data during check-ins, p95": _row(data, 150),
        "live board as a page during check-ins, p95": _row(page, 150),
        "check-ins a second meanwhile": {"value": rate, "unit": "1/s", "bar": None, "better": "higher"},
    }


def _unchanged(here: Place) -> Rows:
    with here.opened("whole", copy=True) as (app, action), _each_poll_asks():
        client, address = _Admin(app), f"/actions/{action.id}/turnout.json?with=html"
        time.sleep(SETTLES_IN)
        tag = {"If-None-Match": client.get(address).headers["ETag"]}
        taken = _p95(lambda: _is(client.get(address, headers=tag), 304))
    return {"live board unchanged since the last poll, p95": _row(taken, 10)}


def _matrix(here: Place) -> Rows:
    with here.opened("whole", copy=True) as (app, action):
        client = _Admin(app)
        response = _p95(lambda: matrix_of(action.campaign_id, THE_OFFICE, START + timedelta(hours=2)))
        page = _p95(lambda: _ok(client.get(f"/campaigns/{action.campaign_id}/series")))
    return {f"matrix {SITES} x {PAST}, p95": _row(response, 400), "matrix as a page, p95": _row(page, None)}


def _history(here: Place) -> Rows:
    """The board of the whole union counted from nothing, with half the history and with all of it: turn by
    turn, so that both have the same machine, and by the best of each, which hiccups move least."""
    with here.opened("half") as (half, _), here.opened("whole") as (whole, _):
        turns = [(_counted_from_nothing(half), _counted_from_nothing(whole)) for _ in range(TIMES)]
    less, more_history = (sorted(taken) for taken in zip(*turns, strict=True))
    more = (more_history[0] / less[0] - 1) * 100
    return {
        "board counted from nothing, p95": _row(more_history[P95], None),
        "cost when history doubles": _row(more, 20) | {"unit": "%"},
    }


def _counted_from_nothing(app: Flask) -> float:
    """Milliseconds."""
    with app.app_context():
        action = db.session.scalars(select(Action).where(Action.starts_at == START)).one()
        started = time.perf_counter()
        board(action)
        return (time.perf_counter() - started) * 1000


def _reports(here: Place) -> Rows:
    """All of them, into a folder, as `flask reports ACTION --all` writes them."""
    with here.opened("whole", copy=True) as (_app, action), tempfile.TemporaryDirectory() as folder:
        close_due_events(START + timedelta(days=1))
        environ = os.environ.copy()
        os.environ |= environ_of(db.engine)
        started = time.perf_counter()
        written = write_all_reports(action.id, Path(folder), START)
        taken = round(time.perf_counter() - started, 1)
        os.environ.clear()
        os.environ |= environ
        assert written == SITES == len(list(Path(folder).iterdir()))
    return {"800 chapter reports, PDF": {"value": taken, "unit": "s", "bar": 120, "better": "lower"}}


def _closing(here: Place) -> Rows:
    with here.opened("whole", copy=True) as (_app, action):
        started = time.perf_counter()
        close_due_events(START + timedelta(days=1))
        closing = time.perf_counter() - started
        closed = _p95(lambda: board(action))
    rows = {"closing 800 events": _row(closing * 1000, 10_000)}
    return rows | {"closed board, 800 sites, p95": _row(closed, 150)}


_ROWS: dict[str, Callable[[Place], Rows]] = {
    "board": _board,
    "unchanged": _unchanged,
    "matrix": _matrix,
    "reports": _reports,
    "history": _history,
    "closing": _closing,
}


@contextmanager
def _each_poll_asks() -> Iterator[None]:
    """Nobody is served what was counted for somebody else within the last second."""
    kept, live.KEEP = live.KEEP, 0.0
    try:
        yield
    finally:
        live.KEEP = kept


class _Admin:
    """Signed in, in a process whose garbage is looked for as `wsgi.py` has it."""

    def __init__(self, app: Flask):
        self._client = app.test_client()
        token = full_session(make_person("Bench", role=RoleName.ADMIN), now=clock.now())
        self._client.set_cookie("session", token, domain="localhost")
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 100)

    def get(self, address: str, headers: dict[str, str] | None = None) -> Any:
        """A request on its own: inside the bench's application context it would not ask who is there."""
        return Context().run(
            self._client.get, address, headers={"Accept-Encoding": "gzip", **(headers or {})}
        )


def _ok(answer: Any) -> None:
    _is(answer, 200)


def _is(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.status


@contextmanager
def _members_arriving(action: Action) -> Iterator[Callable[[], float]]:
    """Another process checks members in at the doors of `checkins`; the call says how many a second."""
    environ = {**os.environ, **environ_of(db.engine)}
    feeder = subprocess.Popen([sys.executable, "-m", "bench.turnout_feed", str(action.id)], env=environ)
    try:
        while (first := _evidence()) == 0:
            time.sleep(0.1)
        started = time.perf_counter()
        yield lambda: round((_evidence() - first) / (time.perf_counter() - started))
    finally:
        feeder.terminate()
        feeder.wait(10)


def _evidence() -> int:
    db.session.rollback()
    result = db.session.scalar(select(func.count()).select_from(Evidence)) or 0
    db.session.rollback()
    return result


def _row(milliseconds: float, bar: float | None) -> dict[str, Any]:
    return {"value": round(milliseconds, 1), "unit": "ms", "bar": bar, "better": "lower"}


def _p95(ask: Callable[[], object], *, pause: float = 0.0) -> float:
    """Milliseconds. Every time in a transaction of its own, as requests have it."""
    taken = []
    for _ in range(TIMES):
        db.session.rollback()
        time.sleep(pause)
        started = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - started) * 1000)
    return sorted(taken)[P95]


if __name__ == "__main__":
    for row, value in run().items():
        print(f"{row:60} {value['value']:>8} {value['unit']}")
