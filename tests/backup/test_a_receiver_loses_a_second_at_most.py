"""The machine is gone while people check in; another one has PostgreSQL's log by `pg_receivewal`, as
docs/backup.md sets it up. What was acknowledged is there again, but for the last second."""

import os
import shutil
import signal
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest

from bench.process_use import tree
from mobilize.demo import child_process
from tests.services.postgres import Postgres, find_binaries

WRITES_FOR_S, COMMITS = 1.0, 50
# As in docs/backup.md: the piece that was being written is there as well.
RESTORE = "cp {folder}/%f %p || cp {folder}/%f.partial %p"


class Restored(Postgres):
    """What comes of a base backup and the log that was received since."""

    def __init__(self, receiver: "Receiver"):
        self.receiver = receiver
        restore = {"restore_command": RESTORE.format(folder=receiver.log)}
        super().__init__(receiver.primary.binaries, restore)

    def _make_cluster(self) -> None:
        self._run(["cp", "-a", str(self.receiver.base), str(self.folder / "data")])
        self._run(["touch", str(self.folder / "data/recovery.signal")])


class Receiver:
    """The second machine: a base backup in `base`, and the log in `log` as it is written."""

    def __init__(self, primary: Postgres, folder: Path):
        self.primary, self.base, self.log = primary, folder / "base", folder / "log"
        if primary.owner:
            os.chown(folder, primary.owner.pw_uid, primary.owner.pw_gid)
        primary._run(["mkdir", str(self.log)])
        source = ["-h", str(primary.folder), "-U", "mobilize"]
        receive = [str(primary.binaries / "pg_receivewal"), *source, "-D", str(self.log), "--slot=mobilize"]
        backup = [str(primary.binaries / "pg_basebackup"), *source, "-D", str(self.base)]
        for command in ([*receive, "--create-slot", "--if-not-exists"], [*backup, "--checkpoint=fast"]):
            ended = primary._run(command)
            assert ended.returncode == 0, ended.stderr
        self.process = child_process.start([*primary._as_owner(), *receive])
        self._wait_until_it_receives()

    def stop(self) -> None:
        child_process.stop(self.process)

    def _wait_until_it_receives(self) -> None:
        deadline = time.monotonic() + 60
        with psycopg.connect(self.primary.url(), autocommit=True) as rows:
            while not rows.execute("SELECT FROM pg_stat_replication WHERE state = 'streaming'").fetchall():
                assert time.monotonic() < deadline
                time.sleep(0.1)


def lost_seconds() -> tuple[float, int, int]:
    """For how long before its end what the machine acknowledged is gone, how many commits these are, and
    how many there were."""
    primary = Postgres(find_binaries(), {})
    with ExitStack() as ends, tempfile.TemporaryDirectory(prefix="mobilize-receiver-") as folder:
        ends.callback(primary.stop)
        receiver = Receiver(primary, Path(folder))
        acknowledged, gone_at = _write_until_it_is_gone(primary)
        receiver.stop()
        restored = Restored(receiver)
        ends.callback(restored.stop)
        with psycopg.connect(restored.url()) as rows:
            stored = {n for (n,) in rows.execute("SELECT n FROM counted")}
    lost = [at for n, at in enumerate(acknowledged) if n not in stored]
    return (gone_at - lost[0] if lost else 0.0), len(lost), len(acknowledged)


def _write_until_it_is_gone(primary: Postgres) -> tuple[list[float], float]:
    """The moments at which each was acknowledged, and that of the end."""
    acknowledged: list[float] = []
    with psycopg.connect(primary.url(), autocommit=True) as rows:
        rows.execute("CREATE TABLE counted (n integer)")
        until = time.monotonic() + WRITES_FOR_S
        while time.monotonic() < until or len(acknowledged) < COMMITS:
            rows.execute("INSERT INTO counted VALUES (%s)", [len(acknowledged)])
            acknowledged.append(time.monotonic())
        return acknowledged, _take_away(primary)


def _take_away(primary: Postgres) -> float:
    """All of it ends at once, and its disk is gone. Returns the moment of its end."""
    pids = tree(primary._postmaster())
    signal_all(pids, signal.SIGSTOP)
    ended_at = time.monotonic()
    signal_all(pids, signal.SIGKILL)
    primary.process.wait(10)
    shutil.rmtree(primary.folder / "data")
    return ended_at


def signal_all(pids: list[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@pytest.mark.timeout(300)
def test_a_machine_that_is_gone_takes_one_second_with_it_at_most() -> None:
    if not (find_binaries() / "pg_receivewal").exists():
        pytest.skip("no pg_receivewal here")
    # Beside other tests the receiver itself may wait for a processor: three tries.
    assert any(lost_seconds()[0] < 1.0 for _ in range(3))
