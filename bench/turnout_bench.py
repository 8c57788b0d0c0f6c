"""Turnout of a whole union, measured: 37,000 members, 800 sites, 40 past actions, 800,000 rows of attendance.

`run()` seeds SQLite, and PostgreSQL where the test services find one, and answers the rows of `make bench`.
The live board is read while another process checks members in, 200 a second or as many as it can.
"""

import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask_migrate
from flask import Flask
from sqlalchemy import func, select

import config
from bench.turnout_past import add_past
from mobilize import create_app
from mobilize.accounts.scope import Scope
from mobilize.actions.models import Action, ActionKind, Eligible, Event, EventChapter, Shift
from mobilize.checkins.models import Attendance, Evidence, HeadCount, Supporters, Tier
from mobilize.database import atomic, db, new_id
from mobilize.roster.models import Area, Member, Membership, Rank, Site, StatusSpan
from mobilize.tokens import make_code
from mobilize.turnout import live
from mobilize.turnout.chapter_report import chapter_report_of
from mobilize.turnout.fixed import as_stored
from mobilize.turnout.matrix import matrix_of
from mobilize.turnout.operations import close_due_events
from mobilize.turnout.queries import board
from mobilize.turnout.spreadsheet import as_json

AREAS, SITES, MEMBERS = 8, 800, 37_000
PAST = int(os.environ.get("PAST_ACTIONS", "40"))
TIMES = 40
START = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
EVERYONE = Scope(everything=True)
KEYS = "b1:c29tZSBieXRlcyBmb3IgYSBiZW5jaCBkYXRhYmFzZSE="


def run() -> dict[str, dict[str, Any]]:
    """`{row: {"value", "unit", "bar", "better"}}` for both databases, or for those `DATABASES` names."""
    found: dict[str, dict[str, Any]] = {}
    wanted = os.environ.get("DATABASES", "SQLite,PostgreSQL").split(",")
    for name, open_app in (("SQLite", _on_sqlite), ("PostgreSQL", _on_postgres)):
        if name not in wanted:
            continue
        with open_app() as app, app.app_context():
            flask_migrate.upgrade()
            found |= {f"{row}, {name}": value for row, value in _measure(_seed()).items()}
            db.session.remove()
            db.engine.dispose()
    return found


def _measure(action: Action) -> dict[str, dict[str, Any]]:
    figures = [as_stored(chapter) for chapter in board(action).chapters]
    add_past(action, figures, PAST // 2, 0)
    half = _p95(lambda: board(action))
    add_past(action, figures, PAST - PAST // 2, PAST // 2)
    whole = _p95(lambda: board(action))
    unchanged = _unchanged(action)
    with _members_arriving(action) as arrived:
        fresh = _p95(lambda: _data(action), pause=0.2)
        rate = arrived()
    started = time.perf_counter()
    close_due_events(START + timedelta(days=1))
    closing = time.perf_counter() - started
    closed = _p95(lambda: board(action))
    return {
        "matrix of the campaign, p95": _row(_p95(lambda: _matrix(action)), 400),
        "800 chapter reports, PDF": _reports(action),
        "live board data during check-ins, p95": _row(fresh, 150),
        "check-ins a second meanwhile": {"value": rate, "unit": "1/s", "bar": None, "better": "higher"},
        "live board unchanged since the last poll, p95": _row(unchanged, 10),
        "board counted from nothing, p95": _row(whole, None),
        "cost when history doubles": _row((whole / half - 1) * 100, 20) | {"unit": "%"},
        "closed board, 800 sites, p95": _row(closed, 150),
        "closing 800 events": _row(closing * 1000, 10_000),
    }


def _data(action: Action) -> str:
    seen = live.board_for(action, EVERYONE, oldest=0.0)
    assert seen is not None
    return json.dumps(as_json(seen, by="site"))


def _matrix(action: Action) -> None:
    assert action.campaign_id
    found = matrix_of(action.campaign_id, EVERYONE, START + timedelta(days=2))
    assert found and len(found.sites) == SITES and len(found.actions) == PAST + 1


def _reports(action: Action) -> dict[str, Any]:
    """From the time of 40 of them, of the action that was closed last."""
    sites = [chapter.site_id for chapter in board(action).chapters][:: SITES // 40]
    started = time.perf_counter()
    for site_id in sites:
        report = chapter_report_of(action, site_id)
        assert report and report.pdf(START, names=False)
    seconds = (time.perf_counter() - started) * SITES / len(sites)
    return {"value": round(seconds, 1), "unit": "s", "bar": 120, "better": "lower"}


def _unchanged(action: Action) -> float:
    live.board_for(action, EVERYONE)
    return _p95(lambda: live.board_for(action, EVERYONE, oldest=0.0))


@contextmanager
def _members_arriving(action: Action) -> Iterator[Callable[[], float]]:
    """Another process checks members in at the doors of `checkins`; the call says how many a second."""
    url = db.engine.url.render_as_string(hide_password=False)
    ours = {**os.environ, "MOBILIZE_ENV": "test", "SECRET_KEYS": KEYS, "DATABASE_URL": url}
    feeder = subprocess.Popen([sys.executable, "-m", "bench.turnout_feed", str(action.id)], env=ours)
    try:
        while (first := _evidence()) == 0:
            db.session.rollback()
            time.sleep(0.1)
        started = time.perf_counter()
        yield lambda: round((_evidence() - first) / (time.perf_counter() - started))
    finally:
        feeder.terminate()
        feeder.wait(10)


def _evidence() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Evidence)) or 0


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
    return sorted(taken)[int(TIMES * 0.95) - 1]


@contextmanager
def _on_sqlite() -> Iterator[Flask]:
    with tempfile.TemporaryDirectory() as folder:
        yield _app(f"sqlite:///{Path(folder, 'bench.db')}")


@contextmanager
def _on_postgres() -> Iterator[Flask]:
    from tests.services.postgres import Postgres, find_binaries

    server = Postgres(find_binaries())
    try:
        yield _app(server.create("bench"))
    finally:
        server.stop()


def _app(url: str) -> Flask:
    ours = {"MOBILIZE_ENV": "test", "SECRET_KEYS": KEYS, "DATABASE_URL": url}
    return create_app(config.load({**os.environ, **ours}))


def _seed() -> Action:
    """One picket at every site an hour ago: two thirds of the members came, a twentieth of them elsewhere."""
    dice = random.Random(7)
    areas = [{"id": new_id(), "name": f"Area {n}"} for n in range(AREAS)]
    sites = [_site(n, areas[n % AREAS]["id"]) for n in range(SITES)]
    action = Action(
        kind=ActionKind.PICKET, name_en="Bench", name_es="Bench", starts_at=START, made_by="bench",
        ends_at=START + timedelta(minutes=45), made_at=LONG_AGO,
    )  # fmt: skip
    with atomic() as session:
        _insert(Area, areas)
        _insert(Site, sites)
        session.add(action)
        session.flush()
        events = _events(action.id, sites)
        members = _members(sites, dice)
        _eligible(action.id, members, events)
        _attendance(members, events, dice)
        _counts(list(events.values()), dice)
    return action


def _insert(table: Any, rows: list[dict[str, Any]]) -> None:
    db.session.execute(table.__table__.insert(), rows)


def _site(n: int, area_id: Any) -> dict[str, Any]:
    named = {"code": f"B{n:06d}", "name": f"School {n:03d}", "tz": "America/Los_Angeles"}
    empty = {"street": "", "city": "", "zip": "", "represented": True}
    return {"id": new_id(), "area_id": area_id, **named, **empty}


def _events(action_id: Any, sites: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """Site -> its event, with one shift under "shift"."""
    times = {"starts_at": START, "ends_at": START + timedelta(minutes=45)}
    fixed = {
        "venue": "",
        "meet_at": "",
        "tz": "America/Los_Angeles",
        "text_code": "10000",
        "state": "planned",
    }
    events = {
        site["id"]: {
            "id": new_id(), "action_id": action_id, "site_id": site["id"], "area_id": site["area_id"],
            "code": make_code(), "version": 1, "made_at": LONG_AGO, "frozen_at": START, **times, **fixed,
        }
        for site in sites
    }  # fmt: skip
    _insert(Event, list(events.values()))
    for event in events.values():
        event["shift"] = new_id()
    _insert(Shift, [{"id": e["shift"], "event_id": e["id"], **times} for e in events.values()])
    homes = [{"event_id": e["id"], "site_id": s, "action_id": action_id} for s, e in events.items()]
    _insert(EventChapter, homes)
    return events


def _members(sites: list[dict[str, Any]], dice: random.Random) -> list[tuple[Any, Any]]:
    """(member, home site)."""
    homes = [(new_id(), dice.choice(sites)["id"]) for _ in range(MEMBERS)]
    same = {"phone_kind": "mobile", "status": "active", "language": "en", "opted_out_in_file": False}
    _insert(
        Member,
        [{"id": m, "number_bix": secrets.token_bytes(16), "added_at": LONG_AGO, **same} for m, _ in homes],
    )
    _insert(
        Membership,
        [
            {"id": new_id(), "member_id": m, "site_id": s, "rank": Rank.HOME, "from_at": LONG_AGO}
            for m, s in homes
        ],
    )
    spans = [{"id": new_id(), "member_id": m, "status": "active", "from_at": LONG_AGO} for m, _ in homes]
    _insert(StatusSpan, spans)
    return homes


def _eligible(action_id: Any, members: list[tuple[Any, Any]], events: dict[Any, dict[str, Any]]) -> None:
    rows = [
        {"id": new_id(), "action_id": action_id, "member_id": m, "chapter_id": s, "event_id": events[s]["id"]}
        for m, s in members
    ]
    _insert(Eligible, rows)


def _attendance(
    members: list[tuple[Any, Any]], events: dict[Any, dict[str, Any]], dice: random.Random
) -> None:
    rows, anywhere = [], list(events.values())
    for member, site in members:
        if dice.random() < 0.66:
            event = events[site] if dice.random() < 0.95 else dice.choice(anywhere)
            at = START + timedelta(seconds=dice.gauss(300, 600))
            where = {"event_id": event["id"], "shift_id": event["shift"], "chapter_id": site}
            tier = dice.choice(list(Tier))
            more = {"member_id": member, "tier": tier, "first_at": at, "late": False}
            rows.append({"id": new_id(), **where, **more})
    _insert(Attendance, rows)


def _counts(events: list[dict[str, Any]], dice: random.Random) -> None:
    heads = [
        {
            "id": new_id(), "event_id": e["id"], "shift_id": e["shift"], "nonce": secrets.token_bytes(16),
            "n": dice.randrange(60), "counted_at": START + timedelta(minutes=m), "recorded_at": START,
            "via": "text", "by": "bench",
        }
        for e in events[: SITES * 9 // 10]
        for m in (15, 30)
    ]  # fmt: skip
    _insert(HeadCount, heads)
    friends = [
        {
            "id": new_id(), "event_id": e["id"], "nonce": secrets.token_bytes(16), "delta": dice.randrange(9),
            "happened_at": START, "recorded_at": START, "by": "bench",
        }
        for e in events[::4]
    ]  # fmt: skip
    _insert(Supporters, friends)


if __name__ == "__main__":
    for row, value in run().items():
        print(f"{row:60} {value['value']:>8} {value['unit']}")
