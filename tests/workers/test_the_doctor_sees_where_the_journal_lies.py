"""The doctor says of a journal whether it goes with the database's disk."""

from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from mobilize import clock
from mobilize.database import db
from tests.services.databases import memory
from workers.doctor import backups


def _looked_at(app: Flask, folder: Path) -> list[str]:
    folder.mkdir(exist_ok=True)
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], journal_folder=str(folder))
    return [one.code for one in backups.journal(clock.now())]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder on another disk than the test's own."""
    shared = Path(memory() or tmp_path)
    if shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine has one disk")
    return shared


def test_a_journal_on_the_disk_of_postgresql_and_one_on_another(
    pg_app: Flask, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "POSTGRESQL", tmp_path)
    assert _looked_at(pg_app, tmp_path / "journal") == ["journal.same_disk"]
    monkeypatch.setattr(backups, "POSTGRESQL", elsewhere)
    assert _looked_at(pg_app, tmp_path / "journal") == ["journal.ok"]


def test_of_a_postgresql_that_is_not_seen_here_it_is_not_promised(
    pg_app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "POSTGRESQL", tmp_path / "on another machine")
    assert _looked_at(pg_app, tmp_path / "journal") == ["journal.same_disk"]


def test_a_journal_beside_sqlite_and_one_on_another_disk(
    sqlite_app: Flask, elsewhere: Path, tmp_path: Path
) -> None:
    file = Path(db.engine.url.database or "")
    if file.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("the database of the tests is on the same disk")
    assert _looked_at(sqlite_app, file.parent / "journal") == ["journal.same_disk"]
    assert _looked_at(sqlite_app, tmp_path / "journal") == ["journal.ok"]
