"""Migrated databases: the migrations run once per test process and database, tests start from a copy."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import flask_migrate
import psycopg

import config
from mobilize import create_app
from mobilize.database import db
from tests.services.postgres import Postgres
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
        if made := os.environ.get("SQLITE_TEMPLATE"):
            shutil.copyfile(made, self.template)
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


class PostgresDatabase:
    """One database, migrated once; `emptied()` throws out its rows, and whoever is still connected."""

    def __init__(self, server: Postgres, environ: Mapping[str, str]):
        self.server = server
        _migrate(server.create("template"), environ)
        self.url = server.create("test", template="template")
        with psycopg.connect(self.url) as connection:
            connection.execute(KEEP)

    def emptied(self) -> str:
        with psycopg.connect(self.url) as connection:
            connection.execute(LEAVE, ["test", KeptServer.NAME])
            connection.execute(EMPTY)
        return self.url


def memory() -> str | None:
    """A folder kept in memory, where a commit waits for no disk; None where there is none with room."""
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 1 << 30
    return str(shared) if roomy else None


def _migrate(url: str, environ: Mapping[str, str]) -> None:
    app = create_app(config.load({**environ, "DATABASE_URL": url}))
    with app.app_context():
        flask_migrate.upgrade()
        db.session.remove()
        db.engine.dispose()
