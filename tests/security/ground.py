"""A database of our own with the production web server on it, for what is measured from outside."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import flask_migrate

import config
from mobilize import create_app
from mobilize.database import db
from mobilize.demo import child_process
from tests.services import free_port
from tests.services.postgres import Postgres, find_binaries
from tests.services.processes import Processes

# The words of it say that it is for measuring only.
KEYS = "b1:c29tZSBieXRlcyBmb3IgYSBiZW5jaCBkYXRhYmFzZSE="


@dataclass
class Ground:
    """A running server by its port; its log lies in `folder`."""

    port: int
    folder: Path
    _environ: dict[str, str]
    _processes: Processes

    def work(self) -> None:
        """Workers and beat beside the server; they are up some seconds later."""
        self._processes.celery("worker", "--concurrency", "2", environ=self._environ)

    def restart(self) -> None:
        """kill -9 of the web server, and a new one on the same port."""
        child_process.kill(self._processes.started[-1])
        self._processes.serve(self._environ, self.port)


@contextmanager
def open_ground(name: str, also: Mapping[str, str] | None = None) -> Iterator[Ground]:
    """PostgreSQL, migrated and empty, and the server; the application's context is pushed. `also`: more of
    the environment."""
    with tempfile.TemporaryDirectory(prefix=f"mobilize-{name}-") as folder:
        server, processes, port = Postgres(find_binaries()), Processes(Path(folder)), free_port()
        environ = {"MOBILIZE_ENV": "test", "SECRET_KEYS": KEYS, "DATABASE_URL": server.create(name)}
        environ |= {"PUBLIC_BASE_URL": f"http://localhost:{port}", "LOG_LEVEL": "WARNING", **(also or {})}
        app = create_app(config.load(environ))
        try:
            with app.app_context():
                flask_migrate.upgrade()
                processes.serve({**os.environ, **environ}, port)
                yield Ground(port, Path(folder), {**os.environ, **environ}, processes)
        finally:
            processes.stop()
            with app.app_context(), suppress(Exception):
                db.session.remove()
                for engine in db.engines.values():
                    engine.dispose()
            server.stop()
