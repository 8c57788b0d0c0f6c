"""Migrations run on the application's own engine, online only, and never as an empty revision."""

from typing import Any

from alembic import context
from flask import current_app

from mobilize.database import WRITES


def _leave_out_empty(_context: Any, _revision: Any, directives: list[Any]) -> None:
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []


def run() -> None:
    """Bring the database to the wanted revision, all or nothing."""
    extension = current_app.extensions["migrate"]
    # Both databases can undo a half-made table; alembic believes it of PostgreSQL only.
    options = {
        "transactional_ddl": True,
        "process_revision_directives": _leave_out_empty,
        **extension.configure_args,
    }
    with extension.db.engine.connect().execution_options(**WRITES) as connection:
        context.configure(connection=connection, target_metadata=extension.db.metadatas[None], **options)
        with context.begin_transaction():
            context.run_migrations()


run()
