"""A folder for backups, what opens them, and the programs of the server that is running."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text

from mobilize.backup import archive
from mobilize.database import db, is_postgres
from tests.services.postgres import find_binaries
from tests.services.processes import KeptServer

Run = Callable[..., Result]
LEAVE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = :name"
)


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    secret, recipient = archive.new_identity()
    (tmp_path / "identity").write_text(f"# public key: {recipient}\n{secret}\n", encoding="utf-8")
    (tmp_path / "recipient").write_text(recipient, encoding="utf-8")
    return tmp_path / "identity"


@pytest.fixture
def folder(app: Flask, tmp_path: Path, identity: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """BACKUP_FOLDER, with its recipient set."""
    app.config["MOBILIZE"] = replace(
        app.config["MOBILIZE"],
        backup_folder=str(tmp_path / "backups"),
        backup_recipients=((tmp_path / "recipient").read_text(encoding="utf-8"),),
    )
    monkeypatch.setenv("PATH", f"{find_binaries()}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "backups"


@pytest.fixture
def run(app: Flask, kept_server: KeptServer) -> Run:
    """A command as somebody types it, when no web of another test holds the database any more."""
    kept_server.stop()
    if is_postgres():
        db.session.execute(text(LEAVE), {"name": KeptServer.NAME})
        db.session.rollback()

    def invoke(*args: object, typed: str | None = None) -> Result:
        return app.test_cli_runner().invoke(args=[str(arg) for arg in args], input=typed)

    return invoke
