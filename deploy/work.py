"""`make work`: the Celery worker and its clock (beat), from the environment, each restarted when it dies.

Several machines may run this at once: every task is safe to run twice and by two beats.
"""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mobilize.demo.supervisor import Child, Supervisor  # noqa: E402 - the path comes first

WORKERS = [sys.executable, "-m", "workers"]


def main() -> int:
    processes = os.environ.get("WORKER_PROCESSES", "2")
    with tempfile.TemporaryDirectory(prefix="mobilize-") as scratch:
        worker = [*WORKERS, "worker", "--loglevel", "INFO", "--concurrency", processes]
        beat = [*WORKERS, "beat", "--loglevel", "INFO", "--schedule", f"{scratch}/schedule"]
        children = [Child("worker", worker), Child("beat", beat)]
        return Supervisor(children, logs=None).run()


if __name__ == "__main__":
    sys.exit(main())
