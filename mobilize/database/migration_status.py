"""Migration status: the migrations of this version, and those applied to the database.

Alembic is loaded by the commands that migrate: 9 MB and a third of a second that no task and no page needs.
"""

from functools import cache, partial
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import inspect, text
from werkzeug.local import LocalProxy

from mobilize.database import MIGRATIONS, UtcDateTime, db


def init_app(app: Flask) -> None:
    """`app.extensions["migrate"]` is what Flask-Migrate and `migrations/env.py` ask for."""
    app.extensions["migrate"] = LocalProxy(partial(_load_flask_migrate, app))


def expected() -> set[str]:
    """The newest migration of this version."""
    return {max(revisions())}


def applied() -> set[str]:
    """The newest migrations that were applied to the database; none where it has no tables yet."""
    connection = db.session.connection()
    if not inspect(connection).has_table("alembic_version"):
        return set()
    return set(connection.scalars(text("SELECT version_num FROM alembic_version")))


def unknown() -> set[str]:
    """The migrations that the database names and this version does not have: it is of a later version, or of
    another history."""
    return applied() - revisions()


def is_behind() -> bool:
    """Whether migrations of this version were not applied yet. A later version's tables are not behind: they
    work with the release before, while one follows the other."""
    current = applied()
    return not current - revisions() and current != expected()


@cache
def revisions() -> frozenset[str]:
    """The migrations of this version: each file's name begins with its number."""
    return frozenset(path.stem.partition("_")[0] for path in Path(MIGRATIONS, "versions").glob("[0-9]*.py"))


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
