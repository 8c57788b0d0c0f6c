"""The copy of the old machine's journal goes into its place as the manual says, beside the new one's."""

import shutil
import subprocess
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from mobilize import clock
from mobilize.backup import journal
from mobilize.database import atomic

MANUAL = Path(__file__).parents[2] / "docs/operating.md"
PLACE, AS_ROOT = "/var/lib/mobilize/journal", "sudo install -o mobilize -g mobilize -m 600"


@pytest.fixture
def machines(sqlite_app: Flask, tmp_path: Path) -> tuple[Path, Path]:
    """The journal of the machine that is gone, as a copy, and that of the new one: both wrote today."""
    for name in ("old", "new"):
        sqlite_app.config["MOBILIZE"] = replace(
            sqlite_app.config["MOBILIZE"], journal_folder=str(tmp_path / name)
        )
        with atomic():
            journal.note(name, {}, now=clock.now())
    return tmp_path / "old", tmp_path / "new"


def put_back(copy: Path, place: Path) -> None:
    """What the manual has typed, here without another user."""
    [line] = [line for line in MANUAL.read_text().splitlines() if "COPY-OF-THE-JOURNAL/" in line]
    assert line.count(PLACE) == line.count(AS_ROOT) == 1
    typed = line.strip().replace(PLACE, str(place)).replace(AS_ROOT, "install -m 600")
    subprocess.run(["sh", "-euc", typed.replace("COPY-OF-THE-JOURNAL", str(copy))], check=True)


def kinds(place: Path, since: datetime) -> list[str]:
    return [entry.kind for entry in journal.entries(since, place)]


def test_what_both_machines_wrote_today_is_there_in_its_order(machines: tuple[Path, Path]) -> None:
    (old, new), since = machines, clock.now() - timedelta(hours=1)
    assert kinds(new, since) == ["new"]
    put_back(old, new)
    assert kinds(new, since) == ["old", "new"]
    assert {path.name for path in old.glob("*.id")} <= {path.name for path in new.glob("*.id")}
    put_back(old, new)
    assert kinds(new, since) == ["old", "new"], "twice is once"


def test_the_copy_of_a_machine_that_had_a_copy(machines: tuple[Path, Path], tmp_path: Path) -> None:
    (old, new), since = machines, clock.now() - timedelta(hours=1)
    put_back(old, new)
    third = tmp_path / "third"
    shutil.copytree(old, third)
    put_back(new, third)
    assert sorted(set(kinds(third, since))) == ["new", "old"]
