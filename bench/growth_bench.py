"""`make bench ONLY=growth`: what a check-in and a board cost with millions of rows of earlier actions.

The same tables, with nothing, then a million, then five million rows of evidence and of attendance of other
events, of the same members. Told are milliseconds, and the pages of PostgreSQL's buffer that were touched:
they say what grows, however busy the machine is. `ROWS_OF_HISTORY=1000000,5000000` chooses.
"""

import os
import sys
import time
from collections.abc import Callable
from itertools import count
from statistics import median

import flask_migrate
import psycopg
from sqlalchemy import select

import config
from bench.bulk_rows import insert_rows
from bench.checkin_place import EVENTS, KEYS, MEMBERS, seed
from mobilize import clock, create_app
from mobilize.actions.models import Action, Event
from mobilize.checkins.record.identifiers import read_typed
from mobilize.checkins.record.operations import check_in_by_poster
from mobilize.database import db
from mobilize.turnout.figures.queries import load_data
from tests.services.databases import opened
from tests.services.postgres import UNSAFE_BUT_FAST, Postgres, find_binaries

STEPS = [int(n) for n in (os.environ.get("ROWS_OF_HISTORY") or "1000000,5000000").split(",")]
TURNS, LOOKS = 300, 15
# Seconds within which PostgreSQL tells of the pages that a session touched.
TOLD_AFTER = 1.2
PAGES = "SELECT sum(blks_hit + blks_read) FROM pg_stat_database WHERE datname = current_database()"
NEW = "(lpad(to_hex({n}), 12, '0') || lpad(to_hex({n}), 20, '0'))::uuid"
MEMBER = f"(SELECT ids[n % {MEMBERS} + 1] FROM roster)"
HISTORY = {
    "evidence": """
        INSERT INTO evidence (id, event_id, shift_id, nonce, body_hash, method, tier, outcome, member_id,
            chapter_id, happened_at, recorded_at, kind)
        SELECT {new}, {event}, {event}, decode(lpad(to_hex(n), 32, '0'), 'hex'), '', 'poster', 'self',
            'counted', {member}, {event}, now() - interval '90 days', now() - interval '90 days', 'here'""",
    "attendance": """
        INSERT INTO attendance (id, event_id, shift_id, member_id, chapter_id, tier, first_at, late,
            was_eligible)
        SELECT {new}, {event}, {event}, {member}, {event}, 'self', now() - interval '90 days', false, true""",
}
_numbers = count()


def run() -> dict[str, dict[str, object]]:
    server = Postgres(find_binaries(), {**UNSAFE_BUT_FAST, "max_wal_size": "8GB"})
    rows: dict[str, dict[str, object]] = {}
    try:
        url = server.create("bench")
        with opened(
            create_app(config.load({"MOBILIZE_ENV": "test", "SECRET_KEYS": KEYS, "DATABASE_URL": url}))
        ):
            flask_migrate.upgrade()
            seed()
            have, first = 0, dict[str, float]()
            for total in (0, *STEPS):
                _add_history(url, have, total)
                have = total
                for name, (milliseconds, pages) in _measured(url).items():
                    first.setdefault(name, pages)
                    what = f"{name}, {total:,} rows of history"
                    rows[what] = _row(milliseconds, "ms")
                    rows[f"{what}: pages"] = _row(pages, "pages", bar=1.1 * first[name])
                    print(what, f"{milliseconds:.1f} ms", f"{pages:.0f} pages", file=sys.stderr, flush=True)
    finally:
        server.stop()
    return rows


def _row(value: float, unit: str, bar: float | None = None) -> dict[str, object]:
    return {"value": value, "unit": unit, "bar": bar, "better": "lower"}


def _measured(url: str) -> dict[str, tuple[float, float]]:
    """Name -> median milliseconds and pages touched, of one."""
    codes = db.session.scalars(select(Event.id).order_by(Event.code)).all()
    db.session.rollback()

    def check_in() -> None:
        n = next(_numbers)
        typed = read_typed(f"{n % MEMBERS:08d}")
        check_in_by_poster(codes[n % EVENTS], typed, page=f"page {n}", cookie=None, now=clock.now())

    def look() -> None:
        load_data(db.session.scalars(select(Action)).one())
        db.session.rollback()

    return {"a check-in": _cost(url, check_in, TURNS), "a board counted anew": _cost(url, look, LOOKS)}


def _cost(url: str, do: Callable[[], None], turns: int) -> tuple[float, float]:
    for _ in range(5):  # plans are made
        do()
    before, taken = _pages(url), []
    for _ in range(turns):
        began = time.perf_counter()
        do()
        taken.append(time.perf_counter() - began)
    return 1000 * median(taken), (_pages(url) - before) / turns


def _pages(url: str) -> int:
    """A session that goes away has told of everything."""
    db.session.remove()
    for engine in db.engines.values():
        engine.dispose()
    time.sleep(TOLD_AFTER)
    with psycopg.connect(url) as connection:
        [(pages,)] = connection.execute(PAGES)
        return int(pages)


def _add_history(url: str, have: int, total: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        ids = connection.execute("SELECT array_agg(id) FROM members").fetchone()
        connection.execute("CREATE TEMP TABLE roster AS SELECT %s::uuid[] AS ids", ids)
        for table, statement in HISTORY.items():
            insert_rows(connection, table, _filled(statement), have, total)
        connection.execute("ANALYZE")


def _filled(statement: str) -> str:
    """An event for every round of the members: 40 actions in which everybody was once, and so on."""
    event = NEW.format(n=f"(n / {MEMBERS} + 1)")
    return statement.format(new=NEW.format(n="n"), event=event, member=MEMBER)
