"""A PgBouncer of our own in transaction mode, in front of a PostgreSQL of the tests."""

import os
import shutil
import tempfile
import time
from pathlib import Path

from mobilize.demo import child_process
from tests.services import NotAvailable, free_port, is_listening
from tests.services.postgres import Postgres

REMEDY = "No PgBouncer: apt-get install pgbouncer (Debian), or brew install pgbouncer"


class PgBouncer:
    """One running pooler on a free loopback port. `stop()` ends it."""

    def __init__(self, server: Postgres, *, connections: int = 3):
        self.folder = Path(tempfile.mkdtemp(prefix="mobilize-pgbouncer-"))
        self.port = free_port()
        self._write_settings(server, connections)
        argv = [find_binary(), str(self.folder / "settings.ini")]
        if server.owner:  # it refuses to be root
            shutil.chown(self.folder, server.owner.pw_name)
            argv = ["--as", server.owner.pw_name, *argv]
        with (self.folder / "log").open("ab") as log:
            self.process = child_process.start(argv, output=log)
        self._wait_until_up()

    def url(self, database: str) -> str:
        return f"postgresql://mobilize@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        child_process.stop(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write_settings(self, server: Postgres, connections: int) -> None:
        # As few connections as this: each transaction then finds what another session has left behind.
        (self.folder / "users").write_text('"mobilize" ""\n')
        (self.folder / "settings.ini").write_text(
            f"[databases]\n* = host={server.folder} user=mobilize\n[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {self.folder / 'users'}\n"
            f"pool_mode = transaction\ndefault_pool_size = {connections}\nmax_client_conn = 200\n"
        )

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + 10
        while not is_listening(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise NotAvailable(f"PgBouncer did not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.02)


def find_binary() -> str:
    """PgBouncer on PATH, or where Debian puts it. Raises `NotAvailable` with the remedy."""
    path = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if path is None:
        raise NotAvailable(REMEDY)
    return path
