"""A backup is made, looked at and put back; whatever is wrong is said in one line and changes nothing."""

import hashlib
import json
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import delete, select, text

from mobilize import clock
from mobilize.audit import AuditRow
from mobilize.backup import archive, dumps, gaps
from mobilize.backup.gaps import GapReason
from mobilize.database import atomic, db, migration_status
from mobilize.roster.models import Member, StatusSpan
from mobilize.version import version
from tests.backup.conftest import Run
from tests.builders import make_member

LAST = "Quillfeather"


def names() -> list[str]:
    db.session.rollback()
    return sorted(member.name.split("\x1f")[0] for member in db.session.scalars(select(Member)))


def lose_everybody() -> None:
    with atomic() as session:
        session.execute(delete(StatusSpan))
        session.execute(delete(Member))


def refused(result) -> str:  # type: ignore[no-untyped-def]
    assert result.exit_code == 1 and "Traceback" not in result.output
    lines = result.output.strip().splitlines()
    assert len(lines) == 1, result.output
    return lines[0]


@pytest.fixture
def backup(app: Flask, folder: Path, run: Run) -> Path:
    make_member(LAST, "Zacharias")
    result = run("backup", "--json")
    assert result.exit_code == 0, result.output
    return folder / json.loads(result.output)["name"]


def test_what_was_lost_is_back_and_marked_as_put_back(app: Flask, backup: Path, identity: Path, run: Run):
    lose_everybody()
    make_member("Since", "Somebody")
    result = run("restore", backup, "--identity", identity, "--replace")
    assert result.exit_code == 0, result.output
    assert names() == [LAST]
    gap = gaps.look()
    assert gap and gap.reason is GapReason.RESTORED
    assert abs(
        gap.from_at - archive.read_manifest(backup.with_name(f"{backup.name}.json")).moment
    ) < timedelta(milliseconds=1)
    assert "backup.restore" in db.session.scalars(select(AuditRow.verb)).all()


def test_it_says_which_version_made_it(backup: Path):
    assert archive.read_manifest(backup.with_name(f"{backup.name}.json")).version == version()


def test_a_backup_made_after_going_back_to_the_release_before_is_put_back(
    app: Flask, folder: Path, identity: Path, run: Run
):
    """Its tables are of a migration that this code does not know, and works with."""
    make_member(LAST, "Zacharias")
    with atomic() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        backup = folder / json.loads(run("backup", "--json").output)["name"]
        lose_everybody()
        result = run("restore", backup, "--identity", identity, "--replace")
        assert result.exit_code == 0, result.output
        assert names() == [LAST] and migration_status.unknown() == {"9999"}
    finally:
        db.session.rollback()
        with atomic() as session:
            own = {"own": max(migration_status.revisions())}
            session.execute(text("UPDATE alembic_version SET version_num = :own"), own)


def test_nothing_of_anybody_and_no_key_stands_in_it(app: Flask, backup: Path, folder: Path, identity: Path):
    secret = archive.read_identity(identity)
    with archive.decrypted(backup, secret) as stream:
        inside = stream.read()
    assert len(inside) > 10_000
    for path in folder.iterdir():
        assert (path.stat().st_mode & 0o777) == 0o600
        assert LAST.encode() not in path.read_bytes()
    key = app.config["MOBILIZE"].secret_keys[0].secret
    assert LAST.encode() not in inside and key not in inside and key.hex().encode() not in inside


def test_it_is_verified_with_and_without_what_opens_it(
    app: Flask, backup: Path, folder: Path, identity: Path, run: Run
):
    assert "is as it was made" in run("backup", "verify").output
    assert not archive.state().opened
    result = run("backup", "verify", backup, "--identity", identity)
    assert result.exit_code == 0 and "opens and has its" in result.output
    state, now = archive.state(), clock.now()
    age = state.age(now)
    assert state.opened and state.verified_at and age and age < timedelta(minutes=1)
    assert state.holds_until == state.newest_at
    assert backup.name in run("backup", "list").output


def test_what_opens_it_can_be_typed_and_is_neither_shown_nor_kept(
    app: Flask, backup: Path, folder: Path, identity: Path, run: Run
):
    secret = archive.read_identity(identity)
    result = run("backup", "verify", "--identity", "-", typed=f" {secret}\n")
    assert result.exit_code == 0 and "opens and has its" in result.output and archive.state().opened
    assert secret not in result.output
    assert not any(secret.encode() in path.read_bytes() for path in folder.iterdir())
    result = run("backup", "verify", "--identity", "-", typed="AGE-SECRET-KEY-1NONE\n")
    assert result.exit_code == 1 and "no identity" in result.output and "Traceback" not in result.output


def test_the_newest_are_kept_and_the_rest_deleted(app: Flask, folder: Path, run: Run):
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], backups_kept=2)
    kept = [json.loads(run("backup", "--json").output)["name"] for _ in range(3)][1:]
    assert sorted(path.name for path in folder.glob("*.age")) == kept
    assert len(list(folder.iterdir())) == 4


def test_a_database_with_something_in_it_is_not_replaced_without_a_word(
    app: Flask, backup: Path, identity: Path, run: Run
):
    make_member("Since", "Somebody")
    assert "--replace" in refused(run("restore", backup, "--identity", identity))
    assert len(names()) == 2


def test_an_altered_file_is_refused(app: Flask, backup: Path, identity: Path, run: Run):
    content = bytearray(backup.read_bytes())
    content[len(content) // 2] ^= 1
    backup.write_bytes(content)
    for args in (("backup", "verify", backup), ("restore", backup, "--identity", identity, "--replace")):
        assert "altered or cut off" in refused(run(*args))
    assert names() == [LAST]


def test_a_file_that_was_altered_with_its_manifest_changes_nothing(
    app: Flask, backup: Path, identity: Path, run: Run
):
    manifest = backup.with_name(f"{backup.name}.json")
    values = json.loads(manifest.read_text(encoding="utf-8"))
    backup.write_bytes(backup.read_bytes()[:-200])
    values["sha256"] = hashlib.sha256(backup.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(values), encoding="utf-8")
    assert backup.name in refused(run("restore", backup, "--identity", identity, "--replace"))
    assert names() == [LAST]


def test_rows_that_are_missing_are_noticed(app: Flask, backup: Path, identity: Path, run: Run):
    manifest = backup.with_name(f"{backup.name}.json")
    values = json.loads(manifest.read_text(encoding="utf-8"))
    values["counts"]["members"] += 1
    manifest.write_text(json.dumps(values), encoding="utf-8")
    assert "members" in refused(run("backup", "verify", backup, "--identity", identity))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"revision": "9999", "version": "99.0.0"}, "of version 99.0.0"),
        ({"keys": ["t1", "k261122x"]}, "SECRET_KEYS lacks k261122x"),
        ({"kind": "another"}, "DATABASE_URL names another"),
        ({"format": 99}, "newer version"),
    ],
)
def test_what_does_not_fit_is_refused(
    app: Flask, backup: Path, identity: Path, run: Run, change: dict[str, object], sentence: str
):
    manifest = backup.with_name(f"{backup.name}.json")
    values = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps(values | change), encoding="utf-8")
    assert sentence in refused(run("restore", backup, "--identity", identity, "--replace"))
    assert names() == [LAST]


def test_another_identity_opens_nothing(app: Flask, backup: Path, tmp_path: Path, run: Run):
    other = tmp_path / "other"
    other.write_text(archive.new_identity()[0], encoding="utf-8")
    assert "does not open" in refused(run("restore", backup, "--identity", other, "--replace"))
    assert "cannot be read" in refused(run("restore", backup, "--identity", tmp_path / "none", "--replace"))
    assert "identity" in refused(run("restore", backup, "--replace"))
    assert names() == [LAST]


def test_nobody_else_may_use_the_database_meanwhile(app: Flask, backup: Path, identity: Path, run: Run):
    if dumps.kind_of_database() == dumps.SQLITE:
        other = sqlite3.connect(app.config["DATABASE_URL"].removeprefix("sqlite:///"))
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("SELECT count(*) FROM members").fetchone()
    else:
        other = psycopg.connect(app.config["DATABASE_URL"])  # type: ignore[assignment]
    try:
        assert "stop the web" in refused(run("restore", backup, "--identity", identity, "--replace"))
    finally:
        other.close()


def test_without_recipients_or_room_or_programs_there_is_no_backup_and_no_half_of_one(
    app: Flask, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
):
    settings = app.config["MOBILIZE"]
    app.config["MOBILIZE"] = replace(settings, backup_recipients=())
    assert "new-identity" in refused(run("backup"))
    app.config["MOBILIZE"] = replace(settings, backup_folder="/proc/nothing/here")
    assert "BACKUP_FOLDER" in refused(run("backup"))
    app.config["MOBILIZE"] = settings
    if dumps.kind_of_database() == dumps.POSTGRES:
        monkeypatch.setenv("PATH", "/nowhere")
        assert "postgresql-client" in refused(run("backup"))
    assert list(folder.glob("*age*")) == []


def test_what_opens_backups_is_made_here_and_kept_elsewhere(app: Flask, run: Run):
    lines = run("backup", "new-identity").output.splitlines()
    assert lines[1].startswith("AGE-SECRET-KEY-") and lines[3].startswith("BACKUP_RECIPIENTS=age1")
