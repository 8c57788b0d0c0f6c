"""The board is read from a replica that is near enough, and from the primary when it is not, or away."""

import time
from collections.abc import Iterator

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

import config
from mobilize import create_app
from mobilize.accounts.access.scope import Scope
from mobilize.database import atomic, db, replica
from mobilize.database.replica import from_replica, oldest_seconds
from mobilize.turnout.board import cache as live
from tests.services.databases import PostgresDatabase, opened
from tests.services.postgres import UNSAFE_BUT_FAST, Replica
from tests.turnout.conftest import Morning, arrive

EVERYTHING = Scope(everything=True)
IN_RECOVERY = text("SELECT pg_is_in_recovery()")


@pytest.fixture(scope="module")
def standby(postgres_database: PostgresDatabase) -> Iterator[Replica]:
    """A replica of the server of this test process."""
    options = {**UNSAFE_BUT_FAST, "wal_retrieve_retry_interval": "100ms"}
    started = Replica(postgres_database.server, options)  # type: ignore[arg-type]
    yield started
    started.stop()


@pytest.fixture
def app(
    postgres_url: str, base_environ: dict[str, str], standby: Replica, postgres_database: PostgresDatabase
) -> Iterator[Flask]:
    """The application on PostgreSQL, with a replica."""
    urls = {"DATABASE_URL": postgres_url, "DATABASE_REPLICA_URL": standby.url(postgres_database.name)}
    with opened(create_app(config.load({**base_environ, **urls, "REPLICA_MAX_AGE_SECONDS": "1"}))) as app:
        yield app


def read_where() -> str:
    return "replica" if from_replica(lambda: db.session.scalar(IN_RECOVERY)) else "primary"


def wait_until_read(where: str) -> None:
    deadline = time.monotonic() + 15
    while read_where() != where:
        assert time.monotonic() < deadline, f"it was never read from the {where}"
        time.sleep(0.1)


def test_the_board_is_read_from_the_replica_and_knows_what_was_just_stored(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_the_replica: list[bool] = []
    really = live.signs_of
    monkeypatch.setattr(
        live,
        "signs_of",
        lambda action: from_the_replica.append(bool(db.session.scalar(IN_RECOVERY))) or really(action),
    )
    morning.freeze()
    for came, member in enumerate(morning.members[morning.lincoln.id], 1):
        arrive(morning, [member], morning.lincoln)
        board = live.board_for(morning.action, EVERYTHING, oldest=0.0)
        assert board and board.total.names.came == came
    # It may have been behind at each of these looks: then the primary was asked, which is as it shall be.
    deadline = time.monotonic() + 15
    while not any(from_the_replica):
        assert time.monotonic() < deadline, "no board was read from the replica"
        live.board_for(morning.action, EVERYTHING, oldest=0.0)


def test_a_primary_at_which_nothing_happens_does_not_make_its_replica_old(app: Flask) -> None:
    wait_until_read("replica")
    time.sleep(2 * app.config["MOBILIZE"].replica_max_age_seconds)
    assert read_where() == "replica"
    assert oldest_seconds() == 1.0


def test_a_replica_that_is_cut_off_is_left_once_it_is_too_old(morning: Morning, standby: Replica) -> None:
    wait_until_read("replica")
    standby.cut_off()
    try:
        arrive(morning, morning.members[morning.lincoln.id][:1], morning.lincoln)
        wait_until_read("primary")
        board = live.board_for(morning.action, EVERYTHING, oldest=0.0)
        assert board and board.total.names.named == 1
    finally:
        standby.connect_again()
    wait_until_read("replica")


def test_a_replica_that_dies_is_no_error_and_is_read_again_when_it_is_back(
    morning: Morning, standby: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "AWAY_SECONDS", 0.5)
    wait_until_read("replica")
    standby.crash()
    for member in morning.members[morning.lincoln.id]:
        arrive(morning, [member], morning.lincoln)
        live.forget()
        assert live.board_for(morning.action, EVERYTHING)
    assert read_where() == "primary"
    standby.start()
    wait_until_read("replica")


def test_what_fails_on_the_replica_is_read_from_the_primary(app: Flask) -> None:
    wait_until_read("replica")

    def read() -> bool:
        in_recovery = bool(db.session.scalar(IN_RECOVERY))
        if in_recovery:
            db.session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return in_recovery

    assert from_replica(read) is False


def test_an_operation_reads_where_it_writes(app: Flask) -> None:
    wait_until_read("replica")
    with atomic():
        assert read_where() == "primary"


def test_a_replica_that_was_promoted_is_not_read(
    postgres_database: PostgresDatabase, postgres_url: str, base_environ: dict[str, str]
) -> None:
    urls = {"DATABASE_URL": postgres_url, "DATABASE_REPLICA_URL": postgres_url}
    with opened(create_app(config.load({**base_environ, **urls}))):
        read = []
        with psycopg.connect(postgres_url) as connection:
            connection.execute("SELECT 1")
        for _ in range(3):
            read.append(from_replica(lambda: db.session.get_bind() is db.engines[replica.REPLICA]))
        assert read == [False] * 3
