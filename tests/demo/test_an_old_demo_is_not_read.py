"""A demo whose tables an earlier version made: a sentence instead of a traceback, and nothing touched."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mobilize.demo.prepare import CannotStart, prepare
from tests.conftest import TEST_KEY


def test_whoever_starts_an_old_demo_is_told_to_delete_it(tmp_path: Path) -> None:
    file = tmp_path / "mobilize.db"
    with closing(sqlite3.connect(file)) as old, old:
        old.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        old.execute("INSERT INTO alembic_version VALUES ('0029')")
        old.execute("CREATE TABLE members (id INTEGER)")
    environ = {"MOBILIZE_ENV": "demo", "DATABASE_URL": f"sqlite:///{file}", "SECRET_KEYS": f"t1:{TEST_KEY}"}
    with pytest.raises(CannotStart, match="rm -r var && make run"):
        prepare(environ)
    with closing(sqlite3.connect(file)) as old:
        tables = {name for (name,) in old.execute("SELECT name FROM sqlite_master")}
    assert tables == {"alembic_version", "members"}
