"""Place for measuring turnout: a database with the union and its history, made once, copied for each look.

`BENCH_DATA` names a folder that keeps what was made, so that the next run only copies it.
"""

import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import flask_migrate
from flask import Flask
from sqlalchemy import Engine, select

import config
from bench.turnout_past import add_past
from bench.turnout_seed import START, seed
from mobilize import create_app
from mobilize.actions.models import Action
from mobilize.database import db
from mobilize.turnout.board import cache as live
from mobilize.turnout.figures.queries import board
from mobilize.turnout.figures.snapshots import as_stored
from tests.services.postgres import UNSAFE_BUT_FAST, Postgres, find_binaries

PAST = int(os.environ.get("PAST_ACTIONS", "40"))
KEYS = "b1:c29tZSBieXRlcyBmb3IgYSBiZW5jaCBkYXRhYmFzZSE="


class SQLitePlace:
    """Files: `half` of the history, and the `whole` of it."""

    def __init__(self, kept: Path):
        self.kept = kept

    def url(self, name: str) -> str:
        return f"sqlite:///{self.kept / name}.db"

    def copy(self, name: str, of: str) -> None:
        for part in ("-wal", "-shm"):
            Path(f"{self.kept / name}.db{part}").unlink(missing_ok=True)
        if of:
            with sqlite3.connect(self.kept / f"{of}.db") as source:
                source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copyfile(self.kept / f"{of}.db", self.kept / f"{name}.db")

    def has(self, name: str) -> bool:
        return (self.kept / f"{name}.db").exists()

    def stop(self) -> None:
        """Nothing runs."""


class PostgresPlace:
    """Databases of one server; `kept` holds the server's own folder from one run to the next."""

    def __init__(self, kept: Path, options: Mapping[str, str]):
        self.kept = kept / "pg-data"
        self.server = Postgres(find_binaries(), options)
        if self.kept.exists():
            self._halt()
            shutil.rmtree(self.server.folder / "data")
            self._move(self.kept, self.server.folder / "data")
            self.server.start()

    def url(self, name: str) -> str:
        return self.server.url(name)

    def copy(self, name: str, of: str) -> None:
        self.server.create(name, of or "template0")

    def has(self, name: str) -> bool:
        import psycopg

        with psycopg.connect(self.server.url()) as connection:
            result = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            return result.fetchone() is not None

    def stop(self) -> None:
        self._halt()
        self._move(self.server.folder / "data", self.kept)
        self.server.stop()

    def _halt(self) -> None:
        """Shut it down in order, so that its folder can be moved."""
        os.kill(self.server._postmaster(), 2)
        self.server.process.wait(60)

    def _move(self, source: Path, target: Path) -> None:
        shutil.move(source, target)


@contextmanager
def place(kind: str, options: Mapping[str, str] = UNSAFE_BUT_FAST) -> Iterator["Place"]:
    """The place of "SQLite" or "PostgreSQL" (with these options), with both histories in it."""
    with kept_folder("BENCH_DATA") as kept:
        inner = SQLitePlace(kept) if kind == "SQLite" else PostgresPlace(kept, options)
        try:
            whole = Place(inner)
            whole.make()
            yield whole
        finally:
            inner.stop()


class Place:
    """Opens what is kept, or a copy of it that may be spoilt."""

    def __init__(self, inner: "SQLitePlace | PostgresPlace"):
        self.inner = inner

    @contextmanager
    def opened(self, name: str, *, copy: bool = False) -> Iterator[tuple[Flask, Action]]:
        """The application on `half` or `whole` of the history, and the action of today."""
        if copy:
            self.inner.copy("spoilt", name)
        with self._app("spoilt" if copy else name) as app:
            today = db.session.scalar(select(Action).where(Action.starts_at == START))
            assert today is not None
            yield app, today

    def make(self) -> None:
        """Make the data that is missing, or that a migration has changed since."""
        if self.inner.has("whole"):
            for name in ("half", "whole"):
                with self._app(name):
                    flask_migrate.upgrade()
            return
        started = time.perf_counter()
        self.inner.copy("making", "")
        with self._app("making"):
            flask_migrate.upgrade()
            action = seed()
            figures = [as_stored(chapter) for chapter in board(action).chapters]
            add_past(action, figures, PAST // 2, 0)
        self.inner.copy("half", "making")
        with self._app("making"):
            action = db.session.scalars(select(Action).where(Action.starts_at == START)).one()
            add_past(action, figures, PAST - PAST // 2, PAST // 2)
        self.inner.copy("whole", "making")
        print(f"  made in {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)

    @contextmanager
    def _app(self, name: str) -> Iterator[Flask]:
        app = create_app(config.load({**os.environ, **_environ(self.inner.url(name))}))
        with app.app_context():
            live.forget()
            try:
                yield app
            finally:
                live.forget()
                db.session.remove()
                for engine in db.engines.values():
                    engine.dispose()


def environ_of(engine: Engine) -> dict[str, str]:
    """The environment of another process on the same data."""
    return _environ(engine.url.render_as_string(hide_password=False))


def _environ(url: str) -> dict[str, str]:
    return {"MOBILIZE_ENV": "test", "SECRET_KEYS": KEYS, "DATABASE_URL": url}


@contextmanager
def kept_folder(variable: str) -> Iterator[Path]:
    """The folder that this variable of the environment names, which stays; else one for as long as it is
    used."""
    chosen = os.environ.get(variable)
    if chosen:
        Path(chosen).mkdir(parents=True, exist_ok=True)
        yield Path(chosen)
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
