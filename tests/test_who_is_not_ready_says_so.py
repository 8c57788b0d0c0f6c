"""A service that cannot store is not ready, and whoever sends something is told to send it again; one that an
upgrade has left a release behind its database goes on."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, text

import config
from mobilize.database import atomic, db, is_postgres
from mobilize.keys import blind_index_key
from tests.builders import make_event, make_member
from tests.checkins.morning import evidence, post
from tests.services.client import BareClient, Client


@pytest.fixture
def a_revision(app: Flask) -> Iterator[Any]:
    """Writes another revision into the database, until the test ends."""
    [at] = db.session.execute(text("SELECT version_num FROM alembic_version")).one()
    yield _write_revision
    _write_revision(at)


def _write_revision(revision: str) -> None:
    with atomic() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :n"), {"n": revision})


def test_an_old_web_stays_ready_while_the_next_release_has_migrated(app: Flask, a_revision: Any) -> None:
    a_revision("9999")
    assert BareClient(app).get("/readyz").get_json() == {"ok": True}


def test_a_web_whose_migrations_were_not_run_is_not_ready(app: Flask, a_revision: Any) -> None:
    a_revision("0001")
    answer = BareClient(app).get("/readyz")
    assert (answer.status_code, answer.get_json()) == (503, {"ok": False, "why": "migrations"})


@contextlib.contextmanager
def read_only(app: Flask) -> Iterator[None]:
    """The database as it is after a fail-over to a standby, or when its disk takes no more writes."""
    if not is_postgres():
        path = app.config["DATABASE_URL"].removeprefix("sqlite:///")
        with _opened_read_only(path):
            yield
        return
    name = db.session.scalar(text("SELECT current_database()"))
    _run(app, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    try:
        _connect_anew()
        yield
    finally:
        _run(app, f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        _connect_anew()


@contextlib.contextmanager
def _opened_read_only(path: str) -> Iterator[None]:
    """Whoever is root may write any file: the connections themselves refuse to."""
    assert Path(path).exists()

    def refuse(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA query_only=ON")

    event.listen(db.engine, "connect", refuse)
    _connect_anew()
    try:
        yield
    finally:
        event.remove(db.engine, "connect", refuse)
        _connect_anew()


def _run(app: Flask, statement: str) -> None:
    with psycopg.connect(app.config["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(statement)  # type: ignore[arg-type]


def _connect_anew() -> None:
    db.session.remove()
    for engine in db.engines.values():
        engine.dispose()


def test_a_database_that_stores_nothing_is_not_ready_and_a_check_in_is_sent_again(
    app: Flask, client: FlaskClient
) -> None:
    gate = make_event()
    make_member(phone="+12135550101")
    db.session.refresh(gate)
    db.session.expunge(gate)
    with read_only(app):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.get_json()) == (503, {"ok": False, "why": "read_only"})
        for headers in ({}, {"Accept": "application/json"}):
            answer = post(client, gate, "2135550101", headers=headers)
            assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5")
    assert client.get("/readyz").get_json() == {"ok": True}
    assert post(client, gate, "2135550101").status_code in {200, 303}
    assert len(evidence(gate)) == 1


def test_a_writer_at_work_does_not_make_the_service_unready(sqlite_app: Flask) -> None:
    url = sqlite_app.config["DATABASE_URL"].removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(url, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert BareClient(sqlite_app).get("/readyz").get_json() == {"ok": True}


def test_with_another_key_under_the_right_name_nobody_is_told_they_failed(app: Flask) -> None:
    gate = make_event()
    make_member(phone="+12135550101")
    right = app.config["MOBILIZE"]
    other = config.load({"MOBILIZE_ENV": "test", "SECRET_KEYS": config.new_key()}).secret_keys[0]
    wrong = replace(right.secret_keys[0], secret=other.secret)
    app.config["MOBILIZE"] = replace(right, secret_keys=(wrong,))
    app.extensions.pop("mobilize keys fit", None)
    blind_index_key.init_app(app)
    client = Client(app, use_cookies=True)
    assert client.get("/readyz").get_json() == {"ok": False, "why": "keys"}
    answer = post(client, gate, "2135550101")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5")
