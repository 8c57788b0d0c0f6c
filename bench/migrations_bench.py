"""`make bench ONLY=migrations`: how long whoever writes waits while the tables of a busy year are migrated.

The large tables are filled as the first migration makes them, then everything that follows is run, while one
connection for each of them changes rows without a pause, and another reads for seconds at a time, as a report
or a backup does. `ROWS_EACH` is how many rows a table has (5 million).
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import flask_migrate
import psycopg

import config
from bench.bulk_rows import insert_rows
from bench.checkin_place import KEYS
from mobilize import create_app
from tests.services.databases import opened
from tests.services.postgres import UNSAFE_BUT_FAST, Postgres, find_binaries

ROWS = int(os.environ.get("ROWS_EACH") or 5_000_000)
# Each with the first column of its key.
LARGE = {"evidence": "id", "attendance": "id", "outbox": "id", "attempts": "outbox_id", "inbound": "id"}
LONG_READ_S, PAUSE_S = 3.0, 2.0
COLUMNS = """SELECT column_name, data_type, character_maximum_length, is_nullable = 'YES'
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"""
# What an index with a condition goes by, and what may not be empty. Ids rise, as ours do.
VALUES = {
    "state": "CASE WHEN n % 1000 = 0 THEN 'waiting' ELSE 'delivered' END",
    "sid": "lpad(to_hex(n), 32, '0')",
    "member_id": "lpad(to_hex(n % 37000), 32, '0')::uuid",
}
BY_TYPE = {
    "uuid": "lpad(to_hex(n), 32, '0')::uuid",
    "bytea": "decode(lpad(to_hex(n), 32, '0'), 'hex')",
    "timestamp with time zone": "now() - n * interval '1 second'",
    "json": "'{}'",
    "boolean": "false",
}


@dataclass
class Waits:
    """The longest time, in seconds, that a change of one row took, by table."""

    over: threading.Event = field(default_factory=threading.Event)
    longest: dict[str, float] = field(default_factory=dict)
    changes: int = 0

    def write(self, url: str, table: str, ids: list[object]) -> None:
        key = LARGE[table]
        with psycopg.connect(url, autocommit=True) as connection:
            while not self.over.is_set():
                row = ids[self.changes % len(ids)]
                began = time.monotonic()
                connection.execute(f"UPDATE {table} SET {key} = {key} WHERE {key} = %s", [row])
                self.longest[table] = max(self.longest.get(table, 0.0), time.monotonic() - began)
                self.changes += 1
                time.sleep(0.005)

    def read_for_long(self, url: str) -> None:
        while not self.over.is_set():
            with psycopg.connect(url) as connection:
                for table in LARGE:
                    connection.execute(f"SELECT FROM {table} LIMIT 1")
                self.over.wait(LONG_READ_S)
            self.over.wait(PAUSE_S)


def run() -> dict[str, dict[str, object]]:
    server = Postgres(find_binaries(), {**UNSAFE_BUT_FAST, "max_wal_size": "8GB"})
    try:
        waits, seconds = migrate_under_load(server.create("bench"), ROWS)
    finally:
        server.stop()
    longest = 1000 * max(waits.longest.values())
    name = f"longest wait of a writer, migrating {ROWS:,} rows"
    return {
        name: {"value": longest, "unit": "ms", "bar": 1000, "better": "lower"},
        f"migrating {ROWS:,} rows in each of {len(LARGE)} tables": {
            "value": seconds, "unit": "s", "bar": None, "better": "lower",
        },
    }  # fmt: skip


def migrate_under_load(url: str, rows: int) -> tuple[Waits, float]:
    """From the first migration to the last, with so many rows in each large table: how long others waited,
    and how many seconds it took."""
    environ = {"MOBILIZE_ENV": "test", "SECRET_KEYS": KEYS, "DATABASE_URL": url}
    with opened(create_app(config.load(environ))):
        flask_migrate.upgrade(revision="0001")
        for table in LARGE:
            _fill(url, table, rows)
        waits, began = Waits(), time.monotonic()
        with _others(url, waits):
            time.sleep(1)
            began = time.monotonic()
            flask_migrate.upgrade()
            seconds = time.monotonic() - began
            time.sleep(1)
    return waits, seconds


@contextmanager
def _others(url: str, waits: Waits) -> Iterator[None]:
    with psycopg.connect(url) as connection:
        ids = {
            table: [row for (row,) in connection.execute(f"SELECT {key} FROM {table} LIMIT 1000")]
            for table, key in LARGE.items()
        }
    threads = [
        threading.Thread(target=waits.read_for_long, args=(url,)),
        *(threading.Thread(target=waits.write, args=(url, table, ids[table])) for table in LARGE),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        waits.over.set()
        for thread in threads:
            thread.join()


def _fill(url: str, table: str, rows: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        values = {
            name: VALUES.get(name) or _value(kind, length)
            for name, kind, length, nullable in connection.execute(COLUMNS, [table])
            if not nullable or name in VALUES
        }
        into = f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())}"
        insert_rows(connection, table, into, 0, rows)


def _value(kind: str, length: int | None) -> str:
    if kind.startswith("character"):
        return f"right(lpad(to_hex(n), 32, '0'), {length or 32})"
    return BY_TYPE.get(kind, "n % 7")
