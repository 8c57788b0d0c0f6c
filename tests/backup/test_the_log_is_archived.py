"""Where PostgreSQL's log is archived, the doctor says whether it arrives."""

import time
from collections.abc import Iterator
from datetime import timedelta

import flask_migrate
import psycopg
import pytest
from flask import Flask

import config
from mobilize import clock, create_app
from mobilize.backup import gaps
from mobilize.database import atomic, db
from tests.services.databases import opened
from tests.services.postgres import UNSAFE_BUT_FAST, Postgres, find_binaries
from workers.doctor.backups import archive_of_log


@pytest.fixture
def server() -> Iterator[Postgres]:
    """One that archives, to nowhere."""
    server = Postgres(find_binaries(), {**UNSAFE_BUT_FAST, "archive_mode": "on"})
    yield server
    server.stop()


@pytest.fixture
def app(server: Postgres, base_environ: dict[str, str]) -> Iterator[Flask]:
    app = create_app(config.load({**base_environ, "DATABASE_URL": server.create("archived")}))
    with opened(app):
        flask_migrate.upgrade()
        yield app


def codes() -> list[str]:
    db.session.rollback()
    return [one.code for one in archive_of_log(clock.now())]


def write_with(server: Postgres, command: str) -> None:
    """A piece of the log is full, and goes where `command` takes it."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET archive_command = '{command}'")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CREATE TABLE IF NOT EXISTS something (n int)")
        connection.execute("INSERT INTO something VALUES (1)")
        connection.execute("SELECT pg_switch_wal()")


def wait_for(expected: list[str]) -> None:
    deadline = time.monotonic() + 60
    while codes() != expected and time.monotonic() < deadline:
        time.sleep(0.2)
    assert codes() == expected


def test_what_arrives_what_does_not_and_what_is_late(app: Flask, server: Postgres) -> None:
    write_with(server, "true")
    wait_for(["archive.ok"])
    gaps.look()
    with atomic() as session:
        session.get_one(gaps.Heartbeat, gaps.WORKERS).at = clock.now() + timedelta(minutes=12)
    assert codes() == ["archive.late"]
    write_with(server, "false")
    wait_for(["archive.failing"])


def test_without_an_archive_there_is_nothing_to_say(pg_app: Flask) -> None:
    assert codes() == []
