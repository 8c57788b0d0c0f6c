"""Where a receiver has a slot, the doctor says whether it is there and keeps up. The service asks as its own
role, which owns its database and may look at nobody else's sessions."""

import signal
import time
from collections.abc import Iterator

import psycopg
import pytest
from flask import Flask

import config
from bench.process_use import tree
from mobilize import clock, create_app
from mobilize.database import db
from tests.backup.test_a_receiver_loses_a_second_at_most import Receiver, signal_all
from tests.services.databases import opened
from tests.services.postgres import UNSAFE_BUT_FAST, Postgres, Replica, find_binaries
from workers.doctor.receivers import receivers, replica_of_boards

FILL_MB = 80


@pytest.fixture
def server() -> Iterator[Postgres]:
    server = Postgres(find_binaries(), UNSAFE_BUT_FAST)
    run(server, "CREATE ROLE office LOGIN")
    yield server
    server.stop()


@pytest.fixture
def app(server: Postgres, base_environ: dict[str, str]) -> Iterator[Flask]:
    app = create_app(config.load({**base_environ, "DATABASE_URL": as_office(server)}))
    with opened(app):
        yield app


def as_office(server: Postgres) -> str:
    return server.url().replace("mobilize@", "office@")


def run(server: Postgres, statement: str) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]


def write(server: Postgres) -> None:
    run(
        server,
        f"SELECT pg_logical_emit_message(false, '', repeat('x', 1048576)) FROM generate_series(1, {FILL_MB})",
    )


def codes() -> list[str]:
    db.session.rollback()
    return [one.code for one in receivers(clock.now())]


def wait_for(code: str) -> None:
    deadline = time.monotonic() + 60
    while codes() != [code] and time.monotonic() < deadline:
        time.sleep(0.2)
    assert codes() == [code]


@pytest.mark.timeout(300)
def test_a_receiver_that_is_there_behind_away_and_too_late_is_told_apart(
    app: Flask, server: Postgres
) -> None:
    if not (find_binaries() / "pg_receivewal").exists():
        pytest.skip("no pg_receivewal here")
    assert codes() == []
    (server.folder / "received").mkdir()
    receiver = Receiver(server, server.folder / "received")
    try:
        wait_for("receiver.ok")
        signal_all(tree(receiver.process.pid), signal.SIGSTOP)
        write(server)
        assert codes() == ["receiver.late"]
        signal_all(tree(receiver.process.pid), signal.SIGCONT)
        wait_for("receiver.ok")
    finally:
        receiver.stop()
    wait_for("receiver.away")
    run(server, "ALTER SYSTEM SET max_slot_wal_keep_size = '32MB'")
    run(server, "SELECT pg_reload_conf()")
    write(server)
    run(server, "CHECKPOINT")
    wait_for("receiver.lost")
    run(server, "SELECT pg_drop_replication_slot('mobilize')")
    assert codes() == []


def test_a_replica_that_boards_should_read_and_that_is_cut_off_is_named(
    app: Flask, server: Postgres, base_environ: dict[str, str]
) -> None:
    other = Replica(server)
    environ = {"DATABASE_URL": as_office(server), "DATABASE_REPLICA_URL": as_office(other)}
    try:
        with opened(create_app(config.load({**base_environ, **environ, "REPLICA_MAX_AGE_SECONDS": "20"}))):
            assert replica_codes() == ["replica.ok"]
        with opened(create_app(config.load({**base_environ, **environ, "REPLICA_MAX_AGE_SECONDS": "1"}))):
            other.cut_off()
            run(server, "CREATE TABLE something (n int)")
            assert replica_codes() == ["replica.late"]
            other.stop()
            assert replica_codes() == ["replica.late"]
    finally:
        other.stop()


def test_without_a_replica_and_on_a_file_there_is_nothing_to_say(sqlite_app: Flask) -> None:
    assert codes() == replica_codes() == []


def replica_codes() -> list[str]:
    db.session.rollback()
    return [one.code for one in replica_of_boards(clock.now())]
