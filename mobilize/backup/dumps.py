"""Dumps of a whole database, and putting one back: by pg_dump and pg_restore, or SQLite's backup API.

Both are as of one moment, while others write. Names and numbers in them are sealed, as in the database.
"""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Connection

from mobilize.database import db, is_postgres
from mobilize.errors import Refused

VERSION_TABLE = "alembic_version"
POSTGRES, SQLITE = "postgresql", "sqlite"
_LINE = 1 << 16


@dataclass(frozen=True)
class Dump:
    """A dump that is being written: its bytes, and what it holds."""

    stream: IO[bytes]
    kind: str
    revision: str
    counts: dict[str, int]


@contextmanager
def opened_dump() -> Iterator[Dump]:
    """The dump of this database, as of now. Raises `Refused` when it cannot be made or did not end well."""
    with _postgres_dump() if is_postgres() else _sqlite_dump() as dump:
        yield dump


def kind_of_database() -> str:
    return POSTGRES if is_postgres() else SQLITE


def is_empty() -> bool:
    """Whether there is not a single row in this database that somebody stored."""
    with db.engine.connect() as connection:
        names = [name for name in inspect(connection).get_table_names() if name not in _BY_ITSELF]
        return not any(
            connection.scalar(text(f'SELECT EXISTS (SELECT 1 FROM "{name}")'))  # noqa: S608
            for name in names
        )


# What migrations and starting processes write by themselves.
_BY_ITSELF = (VERSION_TABLE, "index_keys", "heartbeats", "leases", "task_runs", "health_checks")


def others_connected() -> int:
    """How many processes use this database beside us; what they hold would not survive."""
    db.session.remove()
    for engine in db.engines.values():
        engine.dispose()
    if is_postgres():
        with db.engine.connect() as connection:
            return int(connection.scalar(text(_OTHERS)) or 0)
    file = _file()
    if not file.exists():
        return 0
    with closing(sqlite3.connect(file, timeout=0.5, isolation_level=None)) as connection:
        try:
            # Nobody but a sole user can change it.
            mode = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
        except sqlite3.OperationalError:
            return 1
        return 0 if mode == "delete" else 1


_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    " AND application_name <> 'mobilize backup'"
)


def load(stream: IO[bytes]) -> None:
    """Replace everything in this database by the dump. Raises `Refused`, and then PostgreSQL is empty and
    SQLite as it was."""
    db.session.remove()
    _load_postgres(stream) if is_postgres() else _load_sqlite(stream)
    for engine in db.engines.values():
        engine.dispose()


def counts_of(stream: IO[bytes], kind: str) -> dict[str, int]:
    """The rows in each table of a dump, as they would be put back. Raises `Refused` for a broken one."""
    return _rows_in_postgres_dump(stream) if kind == POSTGRES else _rows_in_sqlite_dump(stream)


def counts_now() -> dict[str, int]:
    """The rows in each table of this database."""
    with db.engine.connect() as connection:
        return _counts(connection)


@contextmanager
def _postgres_dump() -> Iterator[Dump]:
    with db.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        snapshot = str(connection.scalar(text("SELECT pg_export_snapshot()")))
        counts, revision = _counts(connection), _revision(connection)
        command = [
            "pg_dump",
            "--format=custom",
            "--compress=0",
            "--no-owner",
            "--no-privileges",
            f"--snapshot={snapshot}",
        ]
        with _running([*command, _address()], stdout=subprocess.PIPE) as process:
            assert process.stdout  # noqa: S101 - asked for
            yield Dump(process.stdout, POSTGRES, revision, counts)


@contextmanager
def _sqlite_dump() -> Iterator[Dump]:
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=_file().parent) as folder:
        copy = Path(folder) / "copy.db"
        with closing(sqlite3.connect(_file())) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        copy.chmod(0o600)
        engine = create_engine(f"sqlite:///{copy}")
        with engine.connect() as connection:
            counts, revision = _counts(connection), _revision(connection)
        engine.dispose()
        with copy.open("rb") as stream:
            yield Dump(stream, SQLITE, revision, counts)


def _load_postgres(stream: IO[bytes]) -> None:
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(_EMPTY))
    how = [
        "--no-owner",
        "--no-privileges",
        "--exit-on-error",
        "--single-transaction",
        "--clean",
        "--if-exists",
    ]
    with _running(["pg_restore", *how, f"--dbname={_address()}"], stdin=subprocess.PIPE) as process:
        assert process.stdin  # noqa: S101 - asked for
        _copy(stream, process.stdin)


# Whatever is there, also of a newer version: a schema may be another owner's, and stays.
_EMPTY = """
DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT nspname AS name FROM pg_namespace
             WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public') LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', one.name);
  END LOOP;
  FOR one IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('DROP TABLE public.%I CASCADE', one.name);
  END LOOP;
  FOR one IN SELECT p.oid::regprocedure AS name FROM pg_proc p
             WHERE p.pronamespace = 'public'::regnamespace
             AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP
    EXECUTE format('DROP ROUTINE %s CASCADE', one.name);
  END LOOP;
END $$
"""


def _load_sqlite(stream: IO[bytes]) -> None:
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.restored")
    with fresh.open("wb") as target:
        os.fchmod(target.fileno(), 0o600)
        shutil.copyfileobj(stream, target)
        target.flush()
        os.fsync(target.fileno())
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    fresh.replace(file)
    sync_folder(file.parent)


def _rows_in_postgres_dump(stream: IO[bytes]) -> dict[str, int]:
    """The archive as SQL, of which the rows between COPY and its end are counted."""
    counts: Counter[str] = Counter()
    with tempfile.TemporaryFile() as spool:
        shutil.copyfileobj(stream, spool)
        spool.seek(0)
        with _running(
            ["pg_restore", "--data-only", "--file=-"], stdin=spool, stdout=subprocess.PIPE
        ) as process:
            table = None
            for line in process.stdout or ():
                if table is None and line.startswith(b"COPY "):
                    table = line.split()[1].decode().replace('"', "")
                elif table is not None and line == b"\\.\n":
                    table = None
                elif table is not None:
                    counts[table] += 1
    return {name.removeprefix("public."): rows for name, rows in counts.items() if name.startswith("public.")}


def _rows_in_sqlite_dump(stream: IO[bytes]) -> dict[str, int]:
    with tempfile.TemporaryDirectory(prefix=".verify-") as folder:
        copy = Path(folder) / "copy.db"
        with copy.open("wb") as target:
            shutil.copyfileobj(stream, target)
        _check_sqlite(copy)
        engine = create_engine(f"sqlite:///{copy}")
        try:
            with engine.connect() as connection:
                return _counts(connection)
        finally:
            engine.dispose()


def _check_sqlite(file: Path) -> None:
    try:
        with closing(sqlite3.connect(file)) as connection:
            # Not index by index, which takes minutes: age authenticates the bytes.
            verdict = connection.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    if verdict != "ok":
        raise Refused("backup_broken", f"What is in the backup is not a whole database: {verdict}.")


def _counts(connection: Connection) -> dict[str, int]:
    names = inspect(connection).get_table_names()
    return {name: int(connection.scalar(text(f'SELECT count(*) FROM "{name}"')) or 0) for name in names}  # noqa: S608


def _revision(connection: Connection) -> str:
    return str(connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")))  # noqa: S608


@contextmanager
def _running(command: list[str], **streams: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """A program of PostgreSQL at work; raises `Refused` with its last words when it fails."""
    try:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, env=_environ(), **streams)  # noqa: S603
    except FileNotFoundError:
        raise Refused(
            "no_pg_dump", f"{command[0]} is not installed: it is in the package postgresql-client."
        ) from None
    try:
        yield process
        if process.stdin:
            process.stdin.close()
        last_words = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
        if process.wait() != 0:
            line = (last_words.splitlines() or ["no reason"])[-1]
            raise Refused("pg_failed", f"{command[0]} has failed: {line}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()


def _copy(stream: IO[bytes], target: IO[bytes]) -> None:
    """As far as whoever reads it goes on: why it stopped, it says itself."""
    try:
        shutil.copyfileobj(stream, target, _LINE)
        target.close()
    except BrokenPipeError:
        return


def _address() -> str:
    """As libpq takes it, without the password, which others on this machine could read among arguments."""
    url = db.engine.url.set(drivername="postgresql", password=None)
    return url.render_as_string(hide_password=False)


def _environ() -> Mapping[str, str]:
    password = {"PGPASSWORD": str(db.engine.url.password)} if db.engine.url.password else {}
    return {**os.environ, **password, "PGAPPNAME": "mobilize backup"}


def _file() -> Path:
    return Path(db.engine.url.database or "")


def sync_folder(folder: Path) -> None:
    """Names in a folder survive a power cut as well as what stands in the files."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
