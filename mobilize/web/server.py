"""The production web server: `python -m mobilize.web.server`, from the environment.

HOST (127.0.0.1), PORT (5000), WEB_PROCESSES (one for each core), WEB_THREADS (32 in each process;
`config`). The one place where the server's command is built: `make serve`, the demo, the tests and the
benches run this."""

import os
import resource
import sys
from collections.abc import Mapping
from contextlib import suppress

import config
from mobilize.observability import process_folders

# Names the folder that its processes share (`observability.process_folders`).
PROCESSES_FOLDER = "SERVER_PROCESSES_DIR"
# Connections at once in each process. One that waits costs some kilobytes and no thread, so there may be
# many: when all are taken, whoever comes next waits in the kernel until one ends or runs into its deadline.
CONNECTIONS = 4096
# Milliseconds for the head of a request, and for the pause before the next one on a kept connection.
HEADER_MS = 15_000
# Bytes of a request's head: a browser sends two thousand, and our cookies are a few hundred.
HEAD_BYTES = 65_536
# Before an old worker stops, its successor has to listen: loading the application takes 2 s, and on a machine
# that is busy several times as long. Between the two the port would be shut.
RENEW_SECONDS = 10
# Heaps of the C library in each process: by itself it makes one for every few threads, and what one has given
# back no other uses.
HEAPS = "2"
# Above the deadlines of heads and of short bodies, so that a server told to stop answers what it has begun.
STOP_SECONDS = 20


def main(app: str = "wsgi:rsgi") -> None:
    """Become the server of `app`, an RSGI application: this process is then its parent, and puts a new
    worker in the place of one that died. SIGTERM ends it and SIGHUP starts new workers, when requests under
    way are answered. With bad settings it ends at once, and says which."""
    config.load_or_exit()
    _allow_files()
    process_folders.prepare_metrics()
    with suppress(OSError):  # without room for it each process draws its boards for itself
        process_folders.prepare(PROCESSES_FOLDER, "mobilize-web")
    os.environ.setdefault("MALLOC_ARENA_MAX", HEAPS)  # mallopt(3)
    argv = command(app, os.environ)
    os.execv(argv[0], argv)  # noqa: S606 - a list of our own, and no shell


def command(app: str, environ: Mapping[str, str]) -> list[str]:
    """Granian's command line. HTTP/1 alone: before it knows the version it waits for a request without a
    deadline, and proxies speak HTTP/1.1 to what is behind them."""
    options = {
        "interface": "rsgi",
        "http": "1",
        "host": environ.get("HOST") or "127.0.0.1",
        "port": environ.get("PORT") or "5000",
        "workers": environ.get("WEB_PROCESSES") or str(os.cpu_count() or 2),
        "backlog": "2048",
        "backpressure": str(CONNECTIONS),
        "http1-header-read-timeout": str(HEADER_MS),
        "http1-buffer-size": str(HEAD_BYTES),
        "respawn-interval": str(RENEW_SECONDS),
        "workers-kill-timeout": str(STOP_SECONDS),
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    return [sys.executable, "-m", "granian", *arguments, "--respawn-failed-workers", "--no-ws", app]


def _allow_files() -> None:
    """Raise the limit of open files: each connection is one, and many systems allow 1,024 by default."""
    needed = 2 * CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


if __name__ == "__main__":
    main(*sys.argv[1:2])
