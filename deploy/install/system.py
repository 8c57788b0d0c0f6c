"""Requirements of the system: packages, a user, services that run, a database."""

import json
import os
import pwd
import shutil
import socket
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from deploy.install import CannotInstall
from deploy.install.archiving import OF_POSTGRESQL
from deploy.install.archiving import remove as remove_archiving
from deploy.install.commands import run, succeeds
from deploy.install.files import (
    BACKUPS,
    ENVIRONMENT,
    ETC,
    IMPORTS_OURS,
    JOURNAL,
    PLACES,
    STATE,
    WEB_PORTS,
    Files,
    tell,
)
from deploy.install.release import CURRENT, OPT

USER = "mobilize"
SOCKET = "/run/mobilize-redis/redis.sock"
WEB = tuple(f"mobilize-web@{port % 10}" for port in WEB_PORTS)
ENABLED = (*(f"{name}.service" for name in WEB), "mobilize-worker.service", "mobilize-redis.service",
           "mobilize-backup.timer")  # fmt: skip
# Of Debian and Ubuntu alike. Beside them Caddy, and Valkey or Redis.
NEEDED = ("python3-venv", "postgresql", "ca-certificates", "tzdata")
READY_WITHIN_S = 60.0
DISK_GB = 3
POSTGRESQL = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
REDIS = {"appendonly": "yes", "maxmemory-policy": "noeviction"}


def check(*, start: bool) -> None:
    """Raises `CannotInstall` with the first thing that is missing here, before anything is changed."""
    if os.geteuid() != 0:
        raise CannotInstall("This needs to be root: sudo make install")
    if not shutil.which("apt-get"):
        raise CannotInstall(
            "This is for Debian 12 and later and Ubuntu 24.04 and later; docs/operating.md has the rest."
        )
    if start and not Path("/run/systemd/system").is_dir():
        raise CannotInstall(
            "No systemd runs here. To lay everything down and start nothing: make install ARGS=--no-start"
        )
    free = shutil.disk_usage("/opt").free >> 30
    if free < DISK_GB:
        raise CannotInstall(f"{DISK_GB} GB are needed below /opt, and {free} are free.")


def install_packages(*, proxy: bool) -> None:
    """Those that are missing, from the system's own archive; nothing is upgraded.

    Raises `CannotInstall`, before any is installed, where that archive does not have all of them.
    """
    has_redis = bool(shutil.which("valkey-server") or shutil.which("redis-server"))
    missing = [name for name in (*NEEDED, *(["caddy"] if proxy else [])) if not _is_installed(name)]
    if has_redis and not missing:
        tell("as it was", "packages")
        return
    run("apt-get", "-qq", "update", catch=True)
    redis = "valkey-server" if _is_offered("valkey-server") else "redis-server"
    missing += [] if has_redis else [redis]
    _refuse_without(name for name in missing if not _is_offered(name))
    tell("fetching", " ".join(missing))
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "-qq", "install", "-y", "--no-install-recommends", *missing, catch=True, **quiet)
    if not has_redis:  # the package starts one at a port, which nobody here uses
        succeeds("systemctl", "disable", "--now", redis)
    tell("installed", " ".join(missing))


def _refuse_without(unknown: Iterable[str]) -> None:
    """Ubuntu has some of them in "universe", which an image may leave out."""
    if names := ", ".join(unknown):
        raise CannotInstall(
            f"apt knows no {names} here. On Ubuntu: sudo apt-get install -y software-properties-common, "
            "then sudo add-apt-repository -y universe, then this again."
        )


def _is_offered(package: str) -> bool:
    return bool(run("apt-cache", "--names-only", "search", f"^{package}$", catch=True))


def _is_installed(package: str) -> bool:
    return succeeds("dpkg-query", "-W", "-f", "${Version}", package) and "ok installed" in run(
        "dpkg-query", "-W", "-f", "${Status}", package, catch=True
    )


def make_user(files: Files) -> None:
    """A user without a password or a shell, and the folders that are its own."""
    try:
        pwd.getpwnam(USER)
        tell("as it was", f"user {USER}")
    except KeyError:
        home = ("--home-dir", str(STATE), "--shell", "/usr/sbin/nologin")
        run("useradd", "--system", "--user-group", *home, USER)
        tell("made", f"user {USER}")
    files.folder(ETC, 0o755)
    files.folder(OPT, 0o755)
    files.folder(STATE, 0o700, USER)
    files.folder(JOURNAL, 0o700, USER)
    files.folder(BACKUPS, 0o700, USER)


def enable(*, proxy: bool) -> None:
    """Have systemd start them with the machine."""
    run("systemctl", "enable", "--quiet", *ENABLED, *(["caddy"] if proxy else []), catch=True)
    tell("enabled", " ".join(ENABLED))
    run("systemctl", "daemon-reload")


def start_stores(files: Files) -> None:
    """PostgreSQL and Redis, with our settings, and proof that they have them."""
    cluster = f"postgresql@{files.cluster().replace('/', '-')}"
    _start("systemd-journald", PLACES["journald.conf"])
    own = [
        place.replace("@CLUSTER@", files.cluster()) for place in (PLACES["postgresql.conf"], OF_POSTGRESQL)
    ]
    _start(cluster, *(place for place in own if files.at(place).exists()))
    _start("mobilize-redis", PLACES["redis.conf"], PLACES["mobilize-redis.service"])
    _wait_for(lambda: succeeds("runuser", "-u", "postgres", "--", "psql", "-qtAc", "SELECT 1"), "PostgreSQL")
    _assert_settings("PostgreSQL", POSTGRESQL, lambda name: _sql(f"SHOW {name}"))
    _assert_settings("Redis", REDIS, _redis_setting)


def make_database() -> None:
    """A role that only the user of the same name can be, without a password, and its database, in UTF-8
    whatever the machine's own language is."""
    if not _sql(f"SELECT 1 FROM pg_roles WHERE rolname = '{USER}'"):
        run("createuser", USER, user="postgres")
        tell("made", f"database role {USER}")
    if not _sql(f"SELECT 1 FROM pg_database WHERE datname = '{USER}'"):
        options = ("--owner", USER, "--encoding", "UTF8", "--locale", "C.UTF-8", "--template", "template0")
        run("createdb", *options, USER, user="postgres")
        tell("made", f"database {USER}")


def migrate(release: Path) -> None:
    """Bring the tables to this release; the one before goes on meanwhile. Going back, they are left alone."""
    tell("migrated", mobilize("migrate", release=release).strip())


def start_service(*, proxy: bool) -> None:
    """The web servers one after the other, so that one always answers; then the workers and the proxy."""
    release = (str(ENVIRONMENT), str(CURRENT))
    for name, port in zip(WEB, WEB_PORTS, strict=True):
        _start(name, PLACES["mobilize-web@.service"], *release)
        _wait_for(partial(_is_ready, port), f"{name} (journalctl -u {name} may say why)")
    _start("mobilize-worker", PLACES["mobilize-worker.service"], *release)
    _start("mobilize-backup.timer", PLACES["mobilize-backup.timer"])
    if proxy:
        _load_caddyfile()


def _load_caddyfile() -> None:
    """Have Caddy go by its file, where it does not yet: with a reload it closes connections that rest, and a
    phone may just be sending on one."""
    caddyfile = ("--adapter", "caddyfile", "--config", "/etc/caddy/Caddyfile")
    if _running_config() == json.loads(run("caddy", "adapt", *caddyfile, catch=True)):
        tell("running", "caddy")
        return
    run("caddy", "validate", *caddyfile, catch=True)
    run("systemctl", "reload-or-restart", "caddy")
    tell("reloaded", "caddy")


def _running_config() -> object:
    """What Caddy goes by, as its own address for that says; None where it does not run."""
    try:
        with urlopen("http://localhost:2019/config/", timeout=5) as answer:  # noqa: S310 - loopback
            return json.load(answer)
    except (OSError, ValueError):
        return None


def _start(name: str, *made_of: str) -> None:
    """Have it run; anew where it has run since before the last change of what it is made of, also when that
    was a change of an earlier run that did not get this far."""
    ask = ("systemctl", "show", name, "--timestamp=unix", "--value", "-p")
    since = run(*ask, "ActiveEnterTimestamp", catch=True).lstrip("@") or "0"
    again = since != "0" and int(since) < max(int(os.lstat(path).st_mtime) for path in made_of)
    run("systemctl", "restart" if again else "start", name)
    tell("restarted" if again else "running", name)


def mobilize(*argv: str, release: Path = CURRENT, catch: bool = True) -> str:
    """The output of one of the service's own commands."""
    return run("/usr/local/sbin/mobilize", *argv, catch=catch, MOBILIZE_RELEASE=str(release))


def list_commands(release: Path = CURRENT) -> list[str]:
    """The names of the service's own commands."""
    lines = mobilize("--help", release=release).partition("Commands:")[2].splitlines()
    return [line.split()[0] for line in lines if line.strip()]


def remove(files: Files) -> None:
    """Stop and take away all but what people put in: settings, database, journal, backups."""
    systemctl = partial(succeeds, "systemctl") if not files.destdir else lambda *_: True
    for name in ENABLED:
        systemctl("disable", "--now", name)
    if not files.destdir:
        remove_archiving(files)
    units = [place for name, place in PLACES.items() if name.startswith("mobilize")]
    for place in (*units, PLACES["journald.conf"]):
        if files.at(place).exists():
            files.at(place).unlink()
            tell("removed", place)
    for folder in (OPT, STATE / "redis"):
        if files.at(folder).exists():
            shutil.rmtree(files.at(folder))
            tell("removed", folder)
    caddyfile = files.read("/etc/caddy/Caddyfile")
    if IMPORTS_OURS in caddyfile:
        before = files.read("/etc/caddy/Caddyfile.before-mobilize")
        files.write("/etc/caddy/Caddyfile", caddyfile.replace(IMPORTS_OURS, "") or before)
        files.at(PLACES["Caddyfile"]).unlink(missing_ok=True)
        systemctl("reload", "caddy")
    systemctl("daemon-reload")
    tell("kept", f"{ENVIRONMENT} (settings and keys), database {USER}, {STATE}, {BACKUPS}")


def _sql(statement: str) -> str:
    return run("psql", "-qtAc", statement, user="postgres", catch=True)


def _redis_setting(name: str) -> str:
    """As the server at our socket answers: `CONFIG GET` in its inline protocol."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(SOCKET)
        client.sendall(f"CONFIG GET {name}\r\n".encode())
        return client.recv(4096).decode().split("\r\n")[-2]


def _assert_settings(server: str, expected: dict[str, str], ask: Callable[[str], str]) -> None:
    for name, value in expected.items():
        if (actual := ask(name)) != value:
            raise CannotInstall(
                f"{server} has {name} = {actual}, and it must be {value}: another file sets it."
            )
    tell("asserted", f"{server}: {', '.join(f'{name} {value}' for name, value in expected.items())}")


def _is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except (HTTPError, URLError, OSError):
        return False


def _wait_for(holds: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + READY_WITHIN_S
    while not holds():
        if time.monotonic() > ends:
            raise CannotInstall(f"{what} did not answer within {READY_WITHIN_S:.0f} seconds.")
        time.sleep(0.5)
