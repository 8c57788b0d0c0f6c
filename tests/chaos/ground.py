"""Where chaos is played: PostgreSQL, Redis, the web, two stand-in carriers, two workers and two beats.

Waits are a twentieth of what they usually are (PATIENCE=0.05): a claim runs out after 3 s, looks are at 0, 3
and 9 s. What dies is started again at once, as `make work` does.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory

import flask_migrate
from flask import Flask

import config
from mobilize import create_app
from mobilize.database import db
from mobilize.demo import child_process
from mobilize.demo.carrier.server import Carrier
from mobilize.demo.carrier.telnyx import TelnyxCarrier
from mobilize.texts.operations import queue_texts
from tests.services import free_port
from tests.services.postgres import Postgres, find_binaries
from tests.services.processes import Processes
from tests.services.redis import Redis

PATIENCE = os.environ.get("PATIENCE") or "0.05"
KEYS = "c1:Y2hhb3MgbWFrZXMgbm8gdGV4dCBnbyB0d2ljZSwgb2s="
WORKERS, BEATS = ("worker0", "worker1"), ("beat0", "beat1")


class Ground:
    """`processes` by name: worker0, worker1, beat0, beat1. `sabotage` names how workers are spoilt.

    `stopped`: which numbers have said STOP, and when that was committed. `confirmed`: how many
    confirmations of an opt-out the carrier has taken for each number.
    """

    def __init__(self, app: Flask, environ: dict[str, str], folder: Path, redis: Redis, *carriers: Carrier):
        self.app, self.environ, self.folder = app, environ, folder
        self.redis, self.carriers = redis, carriers
        self.processes: dict[str, Popen[bytes]] = {}
        self.sabotage = ""
        self.plan: Callable[..., object] = queue_texts
        self.stopped: dict[str, datetime] = {}
        self.confirmed: Counter[str] = Counter()
        self._taken: Counter[str] = Counter()
        self._read = dict.fromkeys(carriers, 0)

    def keep_up(self) -> None:
        """Start whatever does not run."""
        for name in (*WORKERS, *BEATS):
            running = self.processes.get(name)
            if running is None or running.poll() is not None:
                self._start(name)

    def kill(self, name: str) -> None:
        """SIGKILL for all of it; `keep_up` starts it again. Not while it is still starting, which on a busy
        machine it would do for ever."""
        if name in BEATS or self._stands(name):
            child_process.kill(self.processes[name])

    def kill_parent(self, name: str) -> None:
        """SIGKILL for the process itself; what it has forked lives on until it notices."""
        if self._stands(name):
            self._kill_one(_children(self.processes[name].pid))

    def kill_child(self, name: str) -> None:
        """SIGKILL for one process that a worker has forked."""
        for parent in _children(self.processes[name].pid):
            self._kill_one(_children(parent))

    def wipe_redis(self) -> None:
        """FLUSHALL, where there is a Redis to wipe."""
        if self.redis.process.poll() is None:
            self.redis.empty()

    def taken(self) -> "Counter[str]":
        """The number of times the carriers have taken each body so far."""
        for carrier, read in self._read.items():
            fresh = carrier.store.ledger(since=read)
            self._read[carrier] += len(fresh)
            self._taken.update(text["body"] for text in fresh)
            self.confirmed.update(text["to"] for text in fresh if "no more texts" in text["body"])
        return self._taken

    def end(self, *names: str) -> None:
        child_process.stop(*(self.processes.pop(name) for name in names if name in self.processes))

    def _stands(self, name: str) -> bool:
        """This worker has forked its children."""
        return any(_children(parent) for parent in _children(self.processes[name].pid))

    def _start(self, name: str) -> None:
        own = ["worker", "--concurrency", "2", "-n", f"{name}@%h"]
        program = ["workers"]
        if name in BEATS:
            own = ["beat", "--schedule", str(self.folder / f"{name}.schedule"), "--pidfile="]
        elif self.sabotage:
            program = ["tests.chaos.sabotage", self.sabotage]
        argv = [sys.executable, "-m", *program, *own, "--loglevel", "WARNING"]
        if name in self.processes:
            child_process.kill(self.processes[name])
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = child_process.start(argv, self.environ, log)

    def _kill_one(self, pids: list[int]) -> None:
        with suppress(ProcessLookupError, IndexError):
            os.kill(pids[-1], signal.SIGKILL)


@contextmanager
def open_ground() -> Iterator[Ground]:
    """Everything but workers and beats runs, and the application's context is pushed."""
    with TemporaryDirectory(prefix="mobilize-chaos-") as folder:
        postgres, redis, web = Postgres(find_binaries()), Redis(), Processes(Path(folder))
        port = free_port()
        environ = _environ(postgres.create("chaos"), redis.url, port)
        carrier = Carrier(
            environ["TWILIO_ACCOUNT_SID"], environ["TWILIO_AUTH_TOKEN"], f"http://127.0.0.1:{port}"
        )
        second = TelnyxCarrier("KEY-for-chaos", f"http://127.0.0.1:{port}")
        for one in (carrier, second):
            one.start()
        environ |= _settings_of(carrier, second)
        app = create_app(config.load(environ))
        ground = Ground(app, {**os.environ, **environ}, Path(folder), redis, carrier, second)
        try:
            with app.app_context():
                flask_migrate.upgrade()
                web.serve(ground.environ, port)
                yield ground
                db.session.remove()
                db.engine.dispose()
        finally:
            ground.end(*WORKERS, *BEATS)
            web.stop()
            carrier.stop()
            second.stop()
            redis.stop()
            postgres.stop()


def _environ(database_url: str, redis_url: str, port: int) -> dict[str, str]:
    return {
        "MOBILIZE_ENV": "test",
        "PATIENCE": PATIENCE,
        "SECRET_KEYS": KEYS,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}",
        "SEGMENTS_PER_SECOND": "200",
        "PRICE_PER_SEGMENT_CENTS": "0.001",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "a-token-for-chaos",
        "TWILIO_MESSAGING_SERVICE_SID": "MG" + "0" * 32,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }


def _settings_of(first: Carrier, second: TelnyxCarrier) -> dict[str, str]:
    return {
        "TWILIO_API_URL": first.url,
        "TELNYX_API_URL": second.url,
        "TELNYX_API_KEY": second.token,
        "TELNYX_PUBLIC_KEY": second.public_key,
        "TELNYX_NUMBERS": second.store.number,
        "TELNYX_SEGMENTS_PER_SECOND": "200",
    }


def _children(pid: int) -> list[int]:
    """Processes this one has started, from Linux's /proc."""
    results = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            results += [int(child) for child in task.read_text().split()]
    return results
