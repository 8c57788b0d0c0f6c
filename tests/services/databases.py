"""Migrated databases: the migrations run once per test process and database, tests start from a copy."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import flask_migrate
import psycopg
from flask import Flask
from psycopg.rows import TupleRow

import config
from mobilize import create_app
from mobilize.database import db
from tests.services.pgbouncer import PgBouncer
from tests.services.postgres import RunningPostgres
from tests.services.processes import KeptServer

# Empties every table that holds a row, past foreign keys and triggers, and puts back what migrations stored.
EMPTY = """
DO $$ DECLARE named text; filled boolean; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR named IN SELECT tablename FROM pg_tables
               WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM public.%I)', named) INTO filled;
    IF filled THEN EXECUTE format('DELETE FROM public.%I', named); END IF;
  END LOOP;
  FOR named IN SELECT tablename FROM pg_tables WHERE schemaname = 'seeded' LOOP
    EXECUTE format('INSERT INTO public.%I SELECT * FROM seeded.%I', named, named);
  END LOOP;
END $$
"""
KEEP = """
DO $$ DECLARE named text; filled boolean; BEGIN
  CREATE SCHEMA seeded;
  FOR named IN SELECT tablename FROM pg_tables
               WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM public.%I)', named) INTO filled;
    IF filled THEN EXECUTE format('CREATE TABLE seeded.%I AS TABLE public.%I', named, named); END IF;
  END LOOP;
END $$
"""
LEAVE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = %s AND pid <> pg_backend_pid() AND application_name <> %s"
)


class SqliteDatabase:
    """One file, migrated once; `emptied()` puts the migrated copy back in its place.

    `SQLITE_TEMPLATE` names a migrated file to start from, for runs that start a test process a second.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]):
        self.template, self.path = folder / "template.db", folder / "test.db"
        if template := os.environ.get("SQLITE_TEMPLATE"):
            shutil.copyfile(template, self.template)
            return
        _migrate(f"sqlite:///{self.template}", environ)
        self.template.with_name("template.db-wal").unlink(missing_ok=True)  # checkpointed at its close

    def emptied(self) -> str:
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        # Another file in its place: a connection that some thread still holds goes on in the old one.
        fresh = self.path.with_suffix(".fresh")
        shutil.copyfile(self.template, fresh)
        fresh.replace(self.path)
        return f"sqlite:///{self.path}"

    def held_by_us(self) -> list[str]:
        """Its files this process has open. Nothing where the system does not say (macOS)."""
        results = []
        for one in Path("/proc/self/fd").glob("*"):
            with suppress(OSError):  # closed meanwhile, as the one that lists them
                results.append(os.readlink(one))
        return [name for name in results if name.startswith(str(self.path))]


class PostgresDatabase:
    """One database, migrated once; `emptied()` throws out its rows, and whoever is still connected. With a
    `pooler`, that is what tests connect to.

    The connection that empties it is kept: a new one reads the catalogue of all tables first, five times the
    work. It goes by the kept server's name, so that a backup put back is not in its way."""

    def __init__(self, server: RunningPostgres, environ: Mapping[str, str], pooler: PgBouncer | None = None):
        self.server = server
        self.name = "test"
        if "POSTGRES_TEMPLATE" in os.environ:
            self.name = f"test-{os.getpid()}"  # one of several processes at the same server
        else:
            make_template(server, environ)
        self._direct = server.create(self.name, template="template")
        self.url = pooler.url(self.name) if pooler else self._direct
        self._connection = self._connected()

    def emptied(self) -> str:
        try:
            self._empty()
        except psycopg.OperationalError:  # a test, or a restart, has ended it
            self._connection = self._connected()
            self._empty()
        return self.url

    def _connected(self) -> psycopg.Connection[TupleRow]:
        return psycopg.connect(self._direct, application_name=KeptServer.NAME)

    def _empty(self) -> None:
        with self._connection.transaction():
            self._connection.execute(LEAVE, [self.name, KeptServer.NAME])
            self._connection.execute(EMPTY)


@contextmanager
def opened(app: Flask) -> Iterator[Flask]:
    """An application with its context pushed; no connection of it, of either pool, is open afterwards."""
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()


def memory() -> str | None:
    """A folder kept in memory, where a commit waits for no disk; None where there is none with room."""
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 1 << 30
    return str(shared) if roomy else None


def make_template(server: RunningPostgres, environ: Mapping[str, str]) -> None:
    """A migrated database of this name, from which tests copy theirs.

    `POSTGRES_TEMPLATE` names the folder of a running server that has it, for runs that start a test process a
    second."""
    url = server.create("template")
    _migrate(url, environ)
    with psycopg.connect(url) as connection:
        connection.execute(KEEP)


def _migrate(url: str, environ: Mapping[str, str]) -> None:
    with opened(create_app(config.load({**environ, "DATABASE_URL": url}))):
        flask_migrate.upgrade()
