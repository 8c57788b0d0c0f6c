"""A Redis-compatible server of our own: Valkey from its wheel, else a redis-server on PATH."""

import shutil
import tempfile
import time
from pathlib import Path

import redis

from mobilize.demo import child_process, embedded_redis
from tests.services import NotAvailable, free_port, is_listening


class Redis:
    """One running server on a free loopback port; `crash()` and `start()` keep its url. `stop()` ends it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mobilize-redis-"))
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        argv = embedded_redis.argv(self.folder, self.port)
        with (self.folder / "log").open("ab") as log:
            self.process = child_process.start(argv, output=log)
        deadline = time.monotonic() + 10
        while not is_listening(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise NotAvailable(f"Redis did not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.02)

    def empty(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def crash(self) -> None:
        child_process.kill(self.process)

    def stop(self) -> None:
        child_process.stop(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)
