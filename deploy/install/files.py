"""The files of an installation: what is written where, and how many connections PostgreSQL has."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "machine"
ETC, STATE, BACKUPS = Path("/etc/mobilize"), Path("/var/lib/mobilize"), Path("/var/backups/mobilize")
ENVIRONMENT, JOURNAL = ETC / "environment", STATE / "journal"
WEB_PORTS = (5001, 5002)
UNITS = "/etc/systemd/system"
# What lies in `deploy/machine/`, and where it goes. The cluster is the newest that Debian's package has made.
PLACES = {
    "mobilize-web@.service": f"{UNITS}/mobilize-web@.service",
    "mobilize-worker.service": f"{UNITS}/mobilize-worker.service",
    "mobilize-redis.service": f"{UNITS}/mobilize-redis.service",
    "mobilize-backup.service": f"{UNITS}/mobilize-backup.service",
    "mobilize-backup.timer": f"{UNITS}/mobilize-backup.timer",
    "redis.conf": f"{ETC}/redis.conf",
    "postgresql.conf": "/etc/postgresql/@CLUSTER@/conf.d/mobilize.conf",
    "journald.conf": "/etc/systemd/journald.conf.d/mobilize.conf",
    "Caddyfile": "/etc/caddy/mobilize.caddyfile",
    "mobilize.py": "/usr/local/sbin/mobilize",
}
IMPORTS_OURS = "import mobilize.caddyfile\n"


class Files:
    """Writes below `destdir`, and tells what it did. With a `destdir` nothing is owned by anybody else."""

    def __init__(self, destdir: str = ""):
        self.destdir = destdir.rstrip("/")

    def at(self, path: str | Path) -> Path:
        return Path(f"{self.destdir}{path}")

    def read(self, path: str | Path) -> str:
        """Its text; empty where there is none."""
        return self.at(path).read_text(encoding="utf-8") if self.at(path).exists() else ""

    def write(self, path: str | Path, text: str, mode: int = 0o644) -> None:
        """Put `text` there, at once or not at all. What is there already is not touched: its time tells what
        has to be restarted."""
        target = self.at(path)
        if is_there := target.exists() and target.read_text(encoding="utf-8") == text:
            target.chmod(mode)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f".{target.name}.new")
            draft.unlink(missing_ok=True)
            draft.touch(mode=0o600)
            draft.write_text(text, encoding="utf-8")
            draft.chmod(mode)
            draft.rename(target)
        tell("as it was" if is_there else "written", path)

    def folder(self, path: str | Path, mode: int, owner: str = "root") -> None:
        self.at(path).mkdir(parents=True, exist_ok=True)
        self.at(path).chmod(mode)
        if not self.destdir:
            shutil.chown(self.at(path), owner, owner)

    def cluster(self) -> str:
        """The newest cluster of PostgreSQL, like 15/main; empty where there is none yet."""
        clusters = self.at("/etc/postgresql").glob("[0-9]*/main")
        versions = sorted(int(path.parent.name) for path in clusters)
        return f"{versions[-1]}/main" if versions else ""


def tell(what: str, about: object) -> None:
    print(f"  {what:<10} {about}", flush=True)


def write_all(files: Files, values: Mapping[str, str], *, proxy: bool) -> None:
    """Everything in `deploy/machine/`, to its place; Caddy's only with `proxy`."""
    marks = _marks(files, values)
    for name, place in PLACES.items():
        if name == "Caddyfile" and not proxy:
            continue
        text = (SOURCES / name).read_text(encoding="utf-8")
        for mark, value in marks.items():
            text, place = text.replace(mark, value), place.replace(mark, value)
        files.write(place, text, 0o755 if name == "mobilize.py" else 0o644)
    if proxy:
        _use_caddyfile(files)


def _use_caddyfile(files: Files) -> None:
    """Have Caddy's own file import ours. Debian's example is put aside, somebody's own sites stay."""
    sites = files.read("/etc/caddy/Caddyfile")
    if IMPORTS_OURS in sites:
        return
    if re.search(r"^:80 \{", sites, re.MULTILINE):
        files.write("/etc/caddy/Caddyfile.before-mobilize", sites)
        sites = ""
    files.write("/etc/caddy/Caddyfile", IMPORTS_OURS + sites)


def _marks(files: Files, values: Mapping[str, str]) -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    web = len(WEB_PORTS) * int(values.get("WEB_PROCESSES") or 1)
    return {
        "@HOST@": values["PUBLIC_BASE_URL"].partition("://")[2],
        "@TLS@": "tls internal" if values.get("CADDY_TLS") == "internal" else "",
        "@BUFFERS@": caddy_buffers(),
        "@CLUSTER@": files.cluster() or "15/main",
        "@CONNECTIONS@": str(connections(web, int(values.get("WORKER_PROCESSES") or 2))),
        "@SHARED_BUFFERS@": f"{min(2048, max(128, memory // 4))}MB",
        "@REDIS_SERVER@": redis_server(),
    }


def connections(web: int, senders: int) -> int:
    """How many connections PostgreSQL must have: 32 for each web process (its two pools), 4 for each worker
    process (`senders` that send texts; codes, planning, reports and long work have one each), and 10 for
    migrations, backups, commands and whoever looks. Never below the 100 that it has by itself."""
    return max(100, 32 * web + 4 * (senders + 4) + 10)


def redis_server() -> str:
    """The program of Valkey, or of Redis where there is no Valkey."""
    return shutil.which("valkey-server") or shutil.which("redis-server") or "/usr/bin/redis-server"


def caddy_buffers() -> str:
    """Bodies are taken whole before a web server sees them. The directive's name changed with Caddy 2.7."""
    version = "2.6"
    if caddy := shutil.which("caddy"):
        version = subprocess.run([caddy, "version"], capture_output=True, text=True, check=False).stdout
    numbers = [int(number) for number in re.findall(r"\d+", version)[:2]]
    return "request_buffers 2MB" if numbers >= [2, 7] else "buffer_requests\n\t\tmax_buffer_size 2MB"
