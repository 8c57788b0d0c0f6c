"""The migrations make exactly the tables the models describe, on both databases, one step after the other."""

import re
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask

from mobilize.database import Model, db


def scripts(app: Flask) -> ScriptDirectory:
    return ScriptDirectory(str(app.extensions["migrate"].directory))


def test_migrated_tables_are_the_models_tables(app: Flask) -> None:
    context = MigrationContext.configure(db.session.connection(), opts={"compare_type": True})
    assert compare_metadata(context, Model.metadata) == []


def test_migrations_are_numbered_one_after_the_other(app: Flask) -> None:
    results = sorted(script.revision for script in scripts(app).walk_revisions())
    assert results == [f"{n:04d}" for n in range(1, len(results) + 1)]
    assert len(scripts(app).get_heads()) == 1


def test_each_migration_says_what_it_is_for(app: Flask) -> None:
    for script in scripts(app).walk_revisions():
        assert re.fullmatch(rf"{script.revision}_\w+\.py", Path(script.path).name)
        assert script.doc and len(script.doc) > 10
