"""Migrations run on the application's own engine, online only, and never as an empty revision.

Each is a transaction of its own. On PostgreSQL it waits for a lock for a quarter of a second at most, since everybody
who writes waits behind it: then it gives way and is tried again, for `PATIENCE_SECONDS` in all.
"""

import logging
import time
from typing import Any

from alembic import context
from flask import current_app
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from mobilize.database import is_postgres
from mobilize.database.engines import WRITES

LIMITS = "SELECT set_config('lock_timeout', '250ms', true), set_config('statement_timeout', '60s', true)"
PAUSE_SECONDS, PATIENCE_SECONDS = 1.0, 300.0

_log = logging.getLogger("mobilize.migrations")


def _leave_out_empty(_context: Any, _revision: Any, directives: list[Any]) -> None:
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []


def run() -> None:
    """Bring the database to the wanted revision, each migration all or nothing. Safe to run again after one
    failed: it goes on with that one."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            _migrate()
            return
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable) or time.monotonic() > give_up_at:
                raise
        _log.info("a table is in use; this migration gives way and is tried again")
        time.sleep(PAUSE_SECONDS)


def _migrate() -> None:
    extension = current_app.extensions["migrate"]
    # Both databases can undo a half-made table; alembic believes it of PostgreSQL only.
    options = {
        "transactional_ddl": True,
        "transaction_per_migration": True,
        "process_revision_directives": _leave_out_empty,
        **extension.configure_args,
    }
    with extension.db.engine.connect().execution_options(**WRITES) as connection:
        if is_postgres():
            event.listen(connection, "begin", _limit)
        context.configure(connection=connection, target_metadata=extension.db.metadatas[None], **options)
        with context.begin_transaction():
            context.run_migrations()
        if is_postgres():
            connection.invalidate()  # what was set on it is nobody else's


def _limit(connection: Connection) -> None:
    connection.exec_driver_sql(LIMITS)


run()
