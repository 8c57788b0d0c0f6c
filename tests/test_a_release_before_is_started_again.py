"""Going back to the release before: its code comes over tables that a later one has migrated, and leaves
them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

import config
from deploy.install import system
from mobilize import create_app
from mobilize.database import atomic, db, migration_status
from tests.services.databases import opened

ROOT = Path(__file__).parents[1]


@pytest.fixture
def later(app: Flask) -> Iterator[None]:
    """The tables as a later release has left them."""
    (own,) = migration_status.expected()
    _stamp("9999")
    yield
    _stamp(own)


def _stamp(revision: str) -> None:
    db.session.rollback()
    with atomic() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def steps_of_compose() -> list[str]:
    """What the service `migrate` of compose.yaml runs, behind `flask`."""
    service = (ROOT / "compose.yaml").read_text().partition("\n  migrate:")[2]
    program, *argv = re.search(r"command: \[(.*)\]", service)[1].split(", ")  # type: ignore[index]
    assert program == "flask"
    return argv


def test_containers_start_over_later_tables_and_say_so(app: Flask, later: None) -> None:
    done = app.test_cli_runner().invoke(args=steps_of_compose())
    assert done.exit_code == 0, done.output
    assert "later version (9999)" in done.output and "nothing to do" in done.output
    assert migration_status.applied() == {"9999"}


def test_make_install_goes_on_over_later_tables_and_says_so(
    app: Flask, later: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(program: str, *argv: str, catch: bool = False, **_environ: str) -> str:
        assert program == "/usr/local/sbin/mobilize"
        done = app.test_cli_runner().invoke(args=argv)
        assert done.exit_code == 0, done.output
        return done.output

    monkeypatch.setattr(system, "run", run)
    system.migrate(ROOT)
    assert "later version (9999)" in capsys.readouterr().out
    assert migration_status.applied() == {"9999"}


def test_a_new_database_is_brought_to_this_version_and_twice_is_once(
    base_environ: dict[str, str], tmp_path: Path
) -> None:
    app = create_app(config.load({**base_environ, "DATABASE_URL": f"sqlite:///{tmp_path}/new.db"}))
    with opened(app):
        assert migration_status.is_behind()
        for _ in range(2):
            done = app.test_cli_runner().invoke(args=["migrate"])
            assert done.exit_code == 0 and "of this version" in done.output, done.output
            assert migration_status.applied() == migration_status.expected()
