"""Our own processes (web, worker, beat, commands) as real ones, for one test."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from mobilize.demo import leash

ROOT = Path(__file__).resolve().parents[2]


class Processes:
    """Starts processes, keeps what they say in `folder`, and ends them all at `stop()`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, argv: Sequence[str], environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Run `argv` until the test ends. Its output: `<name>.log` in the test's folder."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = leash.start(argv, {**environ, "PYTHONPATH": str(ROOT)}, log)
        self.started.append(process)
        return process

    def serve(self, environ: Mapping[str, str], port: int) -> "subprocess.Popen[bytes]":
        """The production web server, one process, on 127.0.0.1:`port`; returns when it is ready."""
        granian = [
            sys.executable,
            "-m",
            "granian",
            "--interface",
            "wsgi",
            "--no-ws",
            "--blocking-threads",
            "8",
        ]
        process = self.start("web", [*granian, "--port", str(port), "wsgi:app"], environ)
        self.wait_for(process, lambda: answers(f"http://127.0.0.1:{port}/readyz"), "web")
        return process

    def celery(self, what: str, *options: str, environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """`celery -A workers.app worker|beat`; it is up some seconds later."""
        argv = [sys.executable, "-m", "celery", "-A", "workers.app", what, "--loglevel", "INFO", *options]
        if what == "beat":
            argv += ["--schedule", str(self.folder / "schedule")]
        return self.start(what, argv, environ)

    def wait_for(self, process: "subprocess.Popen[bytes]", ready: Callable[[], bool], name: str) -> None:
        deadline = time.monotonic() + 30
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{name} is not up:\n{(self.folder / f'{name}.log').read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        leash.stop(*self.started)


def answers(url: str) -> bool:
    """Whether a GET of `url` is answered with 2xx within a second."""
    try:
        with urlopen(url, timeout=1) as answer:
            return bool(200 <= answer.status < 300)
    except (URLError, OSError):
        return False
