"""Every week the second machine makes a new base (deploy/receiver/base.sh): two stay, and the log since the
older of them, from which everything comes back."""

import os
import time
from pathlib import Path

import psycopg
import pytest

from tests.backup.test_a_receiver_loses_a_second_at_most import Receiver, Restored
from tests.services.postgres import UNSAFE_BUT_FAST, Postgres, find_binaries

SCRIPT = Path(__file__).parents[2] / "deploy/receiver/base.sh"


def make_base(server: Postgres, folder: Path) -> None:
    time.sleep(1.1)  # they are named by the second
    ended = server._run(["sh", "-s", str(folder)], SCRIPT.read_text())
    assert ended.returncode == 0, ended.stderr


def write(server: Postgres, n: int) -> str:
    """One row more. Returns the name of the piece of the log that has it, which is complete now."""
    with psycopg.connect(server.url(), autocommit=True) as rows:
        rows.execute("INSERT INTO counted VALUES (%s)", [n])
        [(name,)] = rows.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchall()
        return str(name)


def wait_for(piece: Path) -> None:
    deadline = time.monotonic() + 60
    while not piece.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert piece.exists()


@pytest.mark.timeout(300)
def test_two_bases_stay_and_the_log_that_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    if not (find_binaries() / "pg_receivewal").exists():
        pytest.skip("no pg_receivewal here")
    server = Postgres(find_binaries(), UNSAFE_BUT_FAST)
    monkeypatch.setenv("PGUSER", "mobilize")
    monkeypatch.setenv("PATH", f"{server.binaries}{os.pathsep}{os.environ['PATH']}")
    folder = server.folder / "received"
    folder.mkdir()
    receiver = Receiver(server, folder)
    try:
        (folder / ".s.PGSQL.5432").symlink_to(server.folder / ".s.PGSQL.5432")
        with psycopg.connect(server.url(), autocommit=True) as rows:
            rows.execute("CREATE TABLE counted (n integer)")
        for n in range(4):
            make_base(server, folder)
            write(server, n)
        pieces = {path.name for path in receiver.log.iterdir()}
        wait_for(receiver.log / write(server, 4))
    finally:
        receiver.stop()
    bases = sorted(folder.glob("base-*"))
    assert len(bases) == 2
    [needed] = {
        line.split()[-1].strip(")") for line in (bases[0] / "backup_label").read_text().splitlines()[:1]
    }
    assert min(pieces) == needed
    receiver.base = bases[0]
    restored = Restored(receiver)
    try:
        with psycopg.connect(restored.url()) as rows:
            assert sorted(n for (n,) in rows.execute("SELECT n FROM counted")) == list(range(5))
    finally:
        restored.stop()
        server.stop()
