"""Migration status: the migrations of this version, and those applied to the database.

Alembic is loaded when somebody asks: 9 MB and a third of a second that no task and no page needs.
"""

from functools import partial
from typing import Any

from flask import Flask
from werkzeug.local import LocalProxy

from mobilize.database import MIGRATIONS, UtcDateTime, db


def init_app(app: Flask) -> None:
    """`app.extensions["migrate"]` is what Flask-Migrate and `migrations/env.py` ask for."""
    app.extensions["migrate"] = LocalProxy(partial(_load_flask_migrate, app))


def expected() -> set[str]:
    """The newest migrations of this version."""
    from alembic.script import ScriptDirectory

    return set(ScriptDirectory(MIGRATIONS).get_heads())


def applied() -> set[str]:
    """The newest migrations that were applied to the database."""
    from alembic.runtime.migration import MigrationContext

    return set(MigrationContext.configure(db.session.connection()).get_current_heads())


def revisions() -> set[str]:
    """Every migration of this version."""
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory(MIGRATIONS).walk_revisions()}


def unknown() -> set[str]:
    """The migrations that the database names and this version does not have: tables of another history."""
    return applied() - revisions()


def _load_flask_migrate(app: Flask) -> Any:
    """Flask-Migrate's own entry in `app.extensions`, in place of the proxy."""
    from flask_migrate import Migrate

    Migrate(app, db, MIGRATIONS, render_item=_render_item, compare_type=True)
    return app.extensions["migrate"]


def _render_item(kind: str, item: Any, context: Any) -> str | bool:
    """The source of our own column types in a migration."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False
