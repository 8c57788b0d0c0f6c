"""Our own processes (web, worker, beat, commands) as real ones, for one test."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from mobilize.demo import child_process

ROOT = Path(__file__).resolve().parents[2]


class Processes:
    """Starts processes, keeps what they say in `folder`, and ends them all at `stop()`.

    `make_room` is called before a web server of this test takes the port.
    """

    def __init__(self, folder: Path, make_room: Callable[[], None] = lambda: None):
        self.folder = folder
        self.make_room = make_room
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, argv: Sequence[str], environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Run `argv` until the test ends. Its output: `<name>.log` in the test's folder."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = child_process.start(argv, {**environ, "PYTHONPATH": str(ROOT)}, log)
        self.started.append(process)
        return process

    def serve(self, environ: Mapping[str, str], port: int) -> "subprocess.Popen[bytes]":
        """The production web server, one process, on 127.0.0.1:`port`; returns when it is ready."""
        self.make_room()
        process = self.start_web(environ, port)
        self.wait_for(process, lambda: answers(f"http://127.0.0.1:{port}/readyz"), "web")
        return process

    def start_web(
        self, environ: Mapping[str, str], port: int, app: str = "wsgi:rsgi", *, processes: int = 1
    ) -> "subprocess.Popen[bytes]":
        """The same, or the server of another RSGI application; it is up some seconds later."""
        served = {**environ, "HOST": "127.0.0.1", "PORT": str(port), "WEB_PROCESSES": str(processes)}
        return self.start("web", [sys.executable, "-m", "mobilize.web.server", app], served)

    def celery(self, what: str, *options: str, environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """`python -m workers worker|beat`; it is up some seconds later."""
        argv = [sys.executable, "-m", "workers", what, "--loglevel", "INFO", *options]
        return self.start(what, argv, environ)

    def wait_for(self, process: "subprocess.Popen[bytes]", ready: Callable[[], bool], name: str) -> None:
        deadline = time.monotonic() + 30
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{name} is not up:\n{(self.folder / f'{name}.log').read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        child_process.stop(*self.started)


class KeptServer:
    """One production web server for all tests of a process that only look at it through a browser."""

    NAME = "kept web"  # by which the database knows it, and does not hang up on it between tests

    def __init__(self, folder: Path):
        self._processes = Processes(folder)
        self._running = False

    def serve(self, environ: Mapping[str, str], port: int) -> None:
        """Start it, unless it runs. Nothing it keeps is mistaken for a later test: it goes by ids."""
        if not self._running:
            self._processes.serve({**environ, "PGAPPNAME": self.NAME}, port)
            self._running = True

    def stop(self) -> None:
        """Free the port, for a test that brings a server of its own. Safe to call twice."""
        self._processes.stop()
        self._running = False


def answers(url: str) -> bool:
    """Whether a GET of `url` is answered with 2xx within a second."""
    try:
        with urlopen(url, timeout=1) as answer:
            return bool(200 <= answer.status < 300)
    except (URLError, OSError):
        return False
