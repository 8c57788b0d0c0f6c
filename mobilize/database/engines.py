"""Engines of the database: their pools, and the settings under which each kind keeps its promises."""

from typing import Any

from sqlalchemy import Connection, Engine, event

from config import Settings
from mobilize.fast import autocommit

# A pool on a replica, for what may be some seconds old (`mobilize.database.replica`).
REPLICA = "replica"
# Option of a transaction that writes: on SQLite it takes the lock as it begins.
WRITES = {"mobilize_writes": True}
# In what a connection remembers: whether a pooler stands before PostgreSQL.
POOLED = "pooled"

_SQLITE: dict[str, Any] = {
    "connect_args": {"timeout": 15, "check_same_thread": False},
    "pool_size": 20,
    "max_overflow": 20,
}
_POSTGRES: dict[str, Any] = {
    "connect_args": {"connect_timeout": 5, "prepare_threshold": 3},
    "pool_size": 16,
    "max_overflow": 8,
    "pool_timeout": 10,
    "pool_pre_ping": True,
    "pool_use_lifo": True,
}
# What is read there can be read elsewhere: nobody waits long for it, not even where its machine is gone and
# says nothing.
_POSTGRES_REPLICA: dict[str, Any] = {
    "connect_args": {"connect_timeout": 2, "prepare_threshold": 3, "tcp_user_timeout": 3000},
    "pool_size": 4,
    "max_overflow": 4,
    "pool_timeout": 2,
}
# Fail fast: a lock held longer than this is a fault, and a request gets a 503 instead of waiting for it.
# And no statement here runs long enough to be worth compiling first: where PostgreSQL believed so, a
# claim of texts took two seconds instead of five milliseconds.
_LIMITS = {"lock_timeout": "10s", "statement_timeout": "60s", "timezone": "UTC", "jit": "off"}
_FURTHER_LIMITS: dict[str | None, dict[str, str]] = {
    autocommit.NAME: autocommit.PLAN_BY_KEY,
    REPLICA: {"statement_timeout": "10s"},
}


def pools(chosen: Settings) -> dict[str | None, dict[str, Any]]:
    """Options of each engine by its name, as SQLALCHEMY_BINDS takes them: None is what sessions use, and the
    only one on SQLite."""
    # An error's text, and the log of a curious operator, must not quote what was asked for.
    usual = {"url": chosen.database_url, "hide_parameters": True}
    if chosen.database_url.startswith("sqlite"):
        return {None: _SQLITE | usual}
    usual = _POSTGRES | usual
    result: dict[str | None, dict[str, Any]] = {None: usual, autocommit.NAME: usual | autocommit.POOL}
    if chosen.database_replica_url:
        result[REPLICA] = usual | _POSTGRES_REPLICA | {"url": chosen.database_replica_url}
    return result


def keep_promises(engine: Engine, name: str | None) -> None:
    """Give each new connection of the engine of this name its settings."""
    if engine.dialect.name == "sqlite":
        _promise_sqlite(engine)
    else:
        _promise_postgres(engine, _LIMITS | _FURTHER_LIMITS.get(name, {}))


def _promise_postgres(engine: Engine, settings: dict[str, str]) -> None:
    """Settings hold as long as the session; behind a pooler (PgBouncer in transaction mode) as long as the
    transaction, since the next one may be given another session."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, record: Any) -> None:
        was, connection.autocommit = connection.autocommit, True
        record.info[POOLED] = has_pooler(connection)
        if record.info[POOLED]:
            connection.prepare_threshold = None
        else:
            connection.execute(_set(settings, is_local=False))
        connection.autocommit = was

    @event.listens_for(engine, "begin")
    def _begin_transaction(connection: Connection) -> None:
        if connection.info[POOLED]:
            connection.exec_driver_sql(_set(settings, is_local=True))


def has_pooler(connection: Any) -> bool:
    """Whether a pooler stands between: it names another process than the one that answers. What was prepared
    or set in one transaction is then not there in the next."""
    [answering] = connection.execute("SELECT pg_backend_pid()").fetchone()
    return bool(answering != connection.info.backend_pid)


def _set(settings: dict[str, str], *, is_local: bool) -> str:
    each = (f"set_config('{name}', '{value}', {is_local})" for name, value in settings.items())
    return "SELECT " + ", ".join(each)


def _promise_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=15000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin_transaction(connection: Any) -> None:
        writes = connection.get_execution_options().get("mobilize_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
