"""The whole service on one machine, to be broken: PostgreSQL that syncs, Redis, the web, two worker hosts
with their clocks, one more clock, and a stand-in carrier. Waits are a twentieth of what they usually are."""

import glob
import http.client
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen, run
from tempfile import TemporaryDirectory

import flask_migrate
from flask import Flask

import config
from bench.checkin_place import KEYS, seed
from mobilize import create_app
from mobilize.backup import archive
from mobilize.demo import child_process
from mobilize.demo.carrier.server import Carrier
from tests.chaos import sabotage as spoilt_workers
from tests.chaos.line import Line
from tests.services import free_port
from tests.services.databases import opened
from tests.services.postgres import Postgres, find_binaries
from tests.services.processes import ROOT, Processes, answers
from tests.services.redis import Redis

HOSTS, CLOCK = ("worker0", "worker1"), "beat0"
PATIENCE = "0.05"
FAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"


class Service:
    """`line` is its web and database, as the faults of `tests.chaos.checkin` know them. `keep_up` starts what
    does not run, as systemd does."""

    def __init__(self, folder: Path, members: int, *, disk: Path | None = None, sabotage: str = ""):
        self.folder, self.members, self.sabotage = folder, members, sabotage
        self.server, self.redis = Postgres(find_binaries(), {"max_connections": "100"}, disk), Redis()
        self.port = free_port()
        self.public = f"http://localhost:{self.port}"
        self.carrier = Carrier("AC" + "0" * 32, "a-token-for-chaos", self.public).start()
        self.carrier.faults.latency_ms = 20
        self.environ = self._environ()
        self.running: dict[str, Popen[bytes]] = {}
        self.lives: dict[str, dict[str, str]] = {}
        self.lock = threading.Lock()
        web = Processes(folder)
        self.line = Line(self.app(), self.direct_url, web, self.environ, self.port, self.server, disk)
        if sabotage and sabotage not in spoilt_workers.IN_WORKERS:
            self.line.sabotage = self.environ["SABOTAGE"] = sabotage

    @property
    def direct_url(self) -> str:
        return self.server.url("chaos")

    def app(self) -> Flask:
        return create_app(config.load(self.environ))

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)

    def start_all(self) -> None:
        self.server.create("chaos")
        with opened(self.app()):
            flask_migrate.upgrade()
            seed(self.members)
        self.line.serve()
        self.wait_until_up()
        self.keep_up()

    def wait_until_up(self) -> None:
        """The web answers. Raises `AssertionError` when it does not within two minutes."""
        deadline = time.monotonic() + 120
        while not answers(f"{self.public}/readyz"):
            assert time.monotonic() < deadline, (self.folder / "web.log").read_text()[-1000:]
            time.sleep(0.2)

    def keep_up(self) -> None:
        """Start every worker host and clock that does not run."""
        with self.lock:
            for name in (*HOSTS, CLOCK):
                if name not in self.running or self.running[name].poll() is not None:
                    self._start(name)

    def kill(self, name: str) -> None:
        """SIGKILL for all of a host, or the clock."""
        child_process.kill(self.running[name])

    def live(self, name: str, **environ: str) -> None:
        """From now on this host runs with these in its environment; without any as before."""
        with self.lock:
            self.lives[name] = environ
            self.kill(name)
            self._start(name)

    def command(self, *argv: str) -> str:
        """The output of one of the service's own commands. Raises `AssertionError` with what went wrong."""
        done = run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *argv],
            env={**os.environ, **self.environ}, cwd=ROOT, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-500:] + done.stderr[-1500:]
        return done.stdout

    def logs(self) -> list[Path]:
        """What every process has said."""
        return [*self.folder.glob("*.log"), self.server.folder / "log", self.redis.folder / "log"]

    def stop(self) -> None:
        child_process.stop(*self.running.values())
        self.line.processes.stop()
        self.carrier.stop()
        self.redis.stop()
        self.server.stop()

    def _start(self, name: str) -> None:
        own = ["worker", "--concurrency", "1", "-n", f"{name}@%h"]
        program = ["workers"]
        if name == CLOCK:
            own = ["beat", "--schedule", str(self.folder / f"{name}.schedule"), "--pidfile="]
        elif self.sabotage in spoilt_workers.IN_WORKERS:
            program = ["tests.chaos.sabotage", self.sabotage]
        argv = [sys.executable, "-m", *program, *own, "--loglevel", "WARNING"]
        environ = {**os.environ, **self.environ, **self.lives.get(name, {})}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = child_process.start(argv, environ, log)

    def _environ(self) -> dict[str, str]:
        self.identity, recipient = self.folder / "identity", ""
        secret, recipient = archive.new_identity()
        self.identity.write_text(f"{secret}\n")
        return {
            "MOBILIZE_ENV": "test",
            "PATIENCE": PATIENCE,
            "SECRET_KEYS": KEYS,
            "DATABASE_URL": self.direct_url,
            "REDIS_URL": self.redis.url,
            "PUBLIC_BASE_URL": self.public,
            "BACKUP_FOLDER": str(self.folder / "backups"),
            "BACKUP_RECIPIENTS": recipient,
            "JOURNAL_FOLDER": str(self.folder / "journal"),
            "SEGMENTS_PER_SECOND": "200",
            "PRICE_PER_SEGMENT_CENTS": "0.001",
            "TWILIO_ACCOUNT_SID": self.carrier.account,
            "TWILIO_AUTH_TOKEN": self.carrier.token,
            "TWILIO_MESSAGING_SERVICE_SID": "MG" + "0" * 32,
            "TWILIO_API_URL": self.carrier.url,
            "TEXT_NUMBER": self.carrier.store.number,
            "WEB_THREADS": "8",
            "PATH": f"{find_binaries()}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }


@contextmanager
def standing(members: int, *, disk: Path | None = None, sabotage: str = "") -> Iterator[Service]:
    """All of it runs, and an action is under way."""
    with TemporaryDirectory(prefix="mobilize-chaos-") as folder:
        service = Service(Path(folder), members, disk=disk, sabotage=sabotage)
        try:
            service.start_all()
            yield service
        finally:
            service.stop()


def another_clock(by: str) -> dict[str, str]:
    """The environment of a process whose clock is wrong by so much (libfaketime, "+1h"); empty where it is
    not to be had."""
    places = glob.glob(FAKETIME)
    return {"LD_PRELOAD": places[0], "FAKETIME": by, "DONT_FAKE_MONOTONIC": "1"} if places else {}
