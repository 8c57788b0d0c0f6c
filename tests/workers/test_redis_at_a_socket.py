"""Redis without a network: Celery and what asks Redis beside it reach it at a socket of the machine."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import kombu
import pytest

import config
from mobilize.demo import embedded_redis
from workers.runtime.broker import connect

KEY = config.new_key()


@pytest.fixture
def socket() -> Iterator[Path]:
    # Short: the path of a socket has 107 letters at most.
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        path = Path(folder, "redis.sock")
        options = ["--port", "0", "--unixsocket", str(path), "--dir", folder, "--save", ""]
        server = subprocess.Popen([embedded_redis.server(), *options], stdout=subprocess.DEVNULL)
        try:
            while not path.exists():
                time.sleep(0.05)
            yield path
        finally:
            server.terminate()
            server.wait(10)


@pytest.mark.parametrize("scheme", ["redis+socket", "unix"])
def test_celery_and_the_metrics_meet_at_the_same_queue(socket: Path, scheme: str) -> None:
    settings = config.load({"MOBILIZE_ENV": "test", "SECRET_KEYS": KEY, "REDIS_URL": f"{scheme}://{socket}"})
    with kombu.Connection(settings.redis_url) as broker, broker.SimpleQueue("codes") as queue:
        queue.put({"task": "one"})
    assert connect(settings).llen("codes") == 1
