"""The database: that it answers and can be written, its tables, what it promises, and its connections."""

import os
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from mobilize import clock
from mobilize.database import db, is_pooled, is_postgres, is_read_only, migration_status
from mobilize.observability.findings import Finding, finding
from workers.timetable import Queue

OLDEST = 150_000  # of PostgreSQL
# Seconds that two clocks may be apart.
APART_S = 5.0
# Most connections of one process, as `mobilize.database` pools them; a worker uses few at a time.
OF_A_WEB_PROCESS, OF_A_WORKER_PROCESS = 32, 4
# What each transaction sets for itself behind a pooler; by role it also holds for what is no transaction.
BY_ROLE = {"statement_timeout": "60s", "lock_timeout": "10s"}


def database(_now: datetime) -> Sequence[Finding]:
    """Whether it answers, can be written, and has the tables of this version."""
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return [finding("database.away")]
    if is_read_only():
        return [finding("database.read_only")]
    now, expected = ", ".join(sorted(migration_status.applied())) or "-", max(migration_status.expected())
    if migration_status.is_behind():
        return [finding("database.behind", now=now, expected=expected)]
    if migration_status.unknown():
        return [finding("database.ahead", now=now)]
    kind = f"PostgreSQL {_value_of('server_version').split()[0]}" if is_postgres() else "SQLite"
    return [finding("database.ok", kind=kind)]


def durability(_now: datetime) -> Sequence[Finding]:
    """Whether what it has confirmed survives a power cut, and whether it is new enough."""
    if not is_postgres():
        synchronous = str(db.session.scalar(text("PRAGMA synchronous")))
        safe = synchronous in {"2", "3"}
        return [] if safe else [finding("database.durable", setting="synchronous", value=synchronous)]
    results = [
        finding("database.durable", setting=name, value="off")
        for name in ("fsync", "synchronous_commit", "full_page_writes")
        if _value_of(name) == "off"
    ]
    if int(_value_of("server_version_num")) < OLDEST:
        results.append(finding("database.version", version=_value_of("server_version")))
    return results


def connections(_now: datetime) -> Sequence[Finding]:
    """Whether PostgreSQL has as many as the processes of this machine may want, docs/scaling.md."""
    if not is_postgres() or is_pooled():
        return []
    web = int(os.environ.get("WEB_PROCESSES") or os.cpu_count() or 2)
    workers = len(Queue) - 1 + int(os.environ.get("WORKER_PROCESSES") or 2)
    needed = web * OF_A_WEB_PROCESS + workers * OF_A_WORKER_PROCESS
    most = int(_value_of("max_connections")) - int(_value_of("superuser_reserved_connections"))
    return [finding("database.connections", needed=needed, most=most)] if needed > most else []


def pooler(_now: datetime) -> Sequence[Finding]:
    """Whether the role has, behind a pooler, what sessions set for themselves without one."""
    if not is_postgres() or not is_pooled():
        return []
    role = str(db.session.scalar(text("SELECT current_user")))
    return [
        finding("database.pooler", setting=name, value=value, role=role)
        for name, value in BY_ROLE.items()
        if _outside_a_transaction(name) == "0"
    ]


def database_clock(_now: datetime) -> Sequence[Finding]:
    """Whether its clock goes with own_time. A file's is this machine's."""
    if not is_postgres():
        return []
    before = clock.now()
    other_time: datetime = db.session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return [compare_clocks(other_time.astimezone(UTC).timestamp(), before, "PostgreSQL")]


def compare_clocks(other_time: float, own_time: datetime, whose: str) -> Finding:
    """A finding on two clocks."""
    apart = other_time - own_time.timestamp()
    if abs(apart) <= APART_S:
        return finding("clock.ok", whose=whose)
    return finding("clock.wrong", seconds=round(apart), whose=whose)


def _value_of(name: str) -> str:
    return str(db.session.scalar(text("SELECT current_setting(:name)"), {"name": name}))


def _outside_a_transaction(name: str) -> str:
    """The setting as the role has it: what we set holds inside our transactions alone."""
    with closing(db.engine.raw_connection()) as connection:
        driver: Any = connection.driver_connection
        driver.autocommit = True
        try:
            row = driver.execute("SELECT setting FROM pg_settings WHERE name = %s", [name]).fetchone()
            return str(row[0])
        finally:
            driver.autocommit = False
