"""Which migrations this version has, and which the database has seen.

Alembic is loaded when somebody asks: 9 MB and a third of a second that no task and no page needs.
"""

from typing import Any

from flask import Flask

from mobilize.database import MIGRATIONS, Moment, db


def init_app(app: Flask) -> None:
    """`app.extensions["migrate"]` is what Flask-Migrate and `migrations/env.py` ask for."""
    app.extensions["migrate"] = _WhenAsked(app)


def wanted() -> set[str]:
    """The newest migrations of this version."""
    from alembic.script import ScriptDirectory

    return set(ScriptDirectory(MIGRATIONS).get_heads())


def seen() -> set[str]:
    """The newest migrations that the database has gone through."""
    from alembic.runtime.migration import MigrationContext

    return set(MigrationContext.configure(db.session.connection()).get_current_heads())


class _WhenAsked:
    """Stands where Flask-Migrate's settings stand, and makes room for them at the first question."""

    def __init__(self, app: Flask):
        self._app = app

    def __getattr__(self, name: str) -> Any:
        from flask_migrate import Migrate

        Migrate().init_app(self._app, db, MIGRATIONS, render_item=_render_item, compare_type=True)
        return getattr(self._app.extensions["migrate"], name)


def _render_item(kind: str, item: Any, context: Any) -> str | bool:
    """Our own column types as they stand in a migration."""
    if kind == "type" and isinstance(item, Moment):
        return "sa.DateTime(timezone=True)"
    return False
