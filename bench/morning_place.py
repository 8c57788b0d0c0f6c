"""The service as it is shipped, for one morning: web, workers, beat, Redis and the stand-in carrier, and
the use that each makes of processor and memory."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any
from urllib.request import urlopen

from bench.process_use import cpu_of, memory_of, prefer, tree
from tests.services import free_port
from tests.services.postgres import Postgres
from tests.services.processes import ROOT, Processes, answers
from tests.services.redis import Redis

ACCOUNT, TOKEN = "AC" + "0" * 32, "a-token-for-benches"
# The stand-in answers after so long, and may be sent so many segments in a second.
LATENCY_MS, SEGMENTS_PER_SECOND = 50, 25


@dataclass
class Service:
    """Everything that runs, by name: its first process. The carrier is not a part of the service."""

    port: int
    carrier_port: int
    folder: Path
    parts: dict[str, int] = field(default_factory=dict)
    _preferred: set[int] = field(default_factory=set)

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far of each part."""
        return {name: sum(cpu_of(pid) for pid in pids) for name, pids in self._pids().items()}

    def memory(self) -> dict[str, int]:
        """Bytes (PSS) of each part but the carrier, without what PostgreSQL's processes share."""
        return {
            name: sum(memory_of(pid, shared=name != "PostgreSQL") for pid in pids)
            for name, pids in self._pids().items()
            if name != "carrier"
        }

    def prefer(self) -> None:
        """Give it the priority of `BENCH_NICE`, its new processes too: each of PostgreSQL's is a session."""
        if nice := int(os.environ.get("BENCH_NICE") or 0):
            pids = {os.getpid(), *(pid for first in self.parts.values() for pid in tree(first))}
            for pid in pids - self._preferred:
                prefer(pid, nice)
            self._preferred = pids

    def wait_until(self, moment: float) -> None:
        while (left := moment - time.time()) > 0:
            self.prefer()
            time.sleep(min(left, 2))

    def ledger(self) -> list[dict[str, Any]]:
        """Everything the carrier has taken."""
        with urlopen(f"http://127.0.0.1:{self.carrier_port}/ledger.json", timeout=30) as answer:  # noqa: S310
            taken: list[dict[str, Any]] = json.loads(answer.read())
            return taken

    def _pids(self) -> dict[str, list[int]]:
        pids = {name: tree(pid) for name, pid in self.parts.items()}
        beat = [pid for pid in pids.get("workers", ()) if _is_beat(pid)]
        if beat:
            pids["beat"] = beat
            pids["workers"] = [pid for pid in pids["workers"] if pid not in beat]
        return pids


def _is_beat(pid: int) -> bool:
    try:
        return b"\0beat\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def environ_for(url: str, keys: str, redis_url: str, port: int, carrier_port: int) -> dict[str, str]:
    """The settings of the service."""
    return {
        "MOBILIZE_ENV": "test",
        "SECRET_KEYS": keys,
        "DATABASE_URL": url,
        "REDIS_URL": redis_url,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PUBLIC_BASE_URL": f"http://localhost:{port}",
        "PRICE_PER_SEGMENT_CENTS": "0.001",
        "SEGMENTS_PER_SECOND": str(SEGMENTS_PER_SECOND),
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_MESSAGING_SERVICE_SID": "MG" + "0" * 32,
        "TWILIO_API_URL": f"http://127.0.0.1:{carrier_port}",
    }


@contextmanager
def service(url: str, keys: str, redis: Redis, postgres: Postgres | None, folder: Path) -> Iterator[Service]:
    """`make serve` and `make work` on a seeded database, up and at work; all of it is ended afterwards."""
    running = Service(free_port(), free_port(), folder)
    environ = {**os.environ, **environ_for(url, keys, redis.url, running.port, running.carrier_port)}
    processes = Processes(folder)
    try:
        carrier = _start_carrier(processes, environ, running)
        web = processes.start("web", [sys.executable, "-m", "mobilize.web.server"], environ)
        work = processes.start("work", [sys.executable, str(ROOT / "deploy/work.py")], environ)
        running.parts = {
            "web": web.pid,
            "workers": work.pid,
            "carrier": carrier.pid,
            "Redis": redis.process.pid,
        }
        if postgres:
            running.parts["PostgreSQL"] = postgres.process.pid
        running.prefer()
        processes.wait_for(carrier, lambda: answers(f"{environ['TWILIO_API_URL']}/"), "carrier")
        processes.wait_for(web, lambda: answers(f"http://127.0.0.1:{running.port}/readyz"), "web")
        yield running
    finally:
        processes.stop()


def _start_carrier(processes: Processes, environ: Mapping[str, str], running: Service) -> "Popen[bytes]":
    options = {
        "port": running.carrier_port,
        "account": ACCOUNT,
        "token": TOKEN,
        "latency-ms": LATENCY_MS,
        "callback-base": f"http://localhost:{running.port}",
        "deliver-to": f"http://127.0.0.1:{running.port}",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    return processes.start(
        "carrier", [sys.executable, "-m", "mobilize.demo.carrier.server", *arguments], environ
    )


@contextmanager
def run_load(running: Service, plan: dict[str, Any], begins_at: float) -> Iterator[Callable[[float], Any]]:
    """The load generator, for a first second that lies ahead; the call waits so long for what it has seen."""
    plan_file, result = running.folder / "plan.json", running.folder / "result.json"
    plan_file.write_text(json.dumps(plan, default=asdict))
    processes = Processes(running.folder)
    arguments = [str(plan_file), str(result), str(running.port), str(running.carrier_port), str(begins_at)]
    load = processes.start("load", [sys.executable, "-m", "bench.morning_load", *arguments], os.environ)

    def is_there(within: float) -> Any:
        if load.wait(within):
            raise AssertionError(f"the load generator failed:\n{(running.folder / 'load.log').read_text()}")
        return json.loads(result.read_text())

    try:
        yield is_there
    finally:
        processes.stop()
