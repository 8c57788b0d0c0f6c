"""`make run`: the whole service on this machine, with an invented local, until Ctrl-C.

Everything it makes is in `var/`: keys, the SQLite database, Redis' file, the texts of the demo phones, logs.
"""

import fcntl
import os
import re
import secrets
import shlex
import socket
import sys
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

from mobilize.demo import embedded_redis
from mobilize.demo.prepare import CannotStart, DemoLinks, prepare
from mobilize.demo.supervisor import Child, Supervisor

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "var"
COAST = ROOT / "mobilize/demo/seed/coast.geojson"
ANY_INTERFACE = "0.0.0.0"  # noqa: S104 - compared with, and opted into by the person at the keyboard
# Printed at every start, true, and nothing the person at the keyboard needs to act on.
HARMLESS_WARNINGS = re.compile(r"Memory overcommit|ROOT_DISCOURAGED|number of CPU cores")
COMMAND_SETTINGS = (
    "MOBILIZE_ENV", "DATABASE_URL", "REDIS_URL", "SECRET_KEYS_FILE", "PUBLIC_BASE_URL", "UNION_NAME",
    "HELP_NUMBER", "CARRIER_PAGE_URL",
)  # fmt: skip
# A simulated morning reads the stand-in's log. Of a real carrier, nothing is written into a file.
CARRIER_SETTINGS = (
    "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_MESSAGING_SERVICE_SID", "TWILIO_API_URL",
    "TEXT_NUMBER",
)  # fmt: skip
DEMO_ACCOUNT, DEMO_SERVICE = "AC" + "d" * 32, "MG" + "d" * 32


def main() -> int:
    """Prepare, run and supervise. Returns the exit code: 0 after Ctrl-C, 1 when it could not start."""
    os.chdir(ROOT)
    os.umask(0o077)
    try:
        host, port = os.environ.get("HOST", "127.0.0.1"), _read_port(os.environ.get("PORT", "5000"))
        _lock = _acquire_lock(VAR)
        _require_free_port(port)
        environ, services = _services(host, port)
        print("Getting ready ...", flush=True)
        welcome = prepare(environ)
    except (CannotStart, FileNotFoundError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    _write_environment(environ)
    children = [*services, *_application(environ, host, port)]
    return Supervisor(children, _empty_logs(), ignored=HARMLESS_WARNINGS).run(
        lambda: _print_welcome(welcome, environ, host)
    )


def _write_environment(environ: Mapping[str, str]) -> None:
    """Write the settings of another terminal that works on this demo (`make morning`): where things are, and
    no secret but Redis's and the stand-in carrier's, which are made anew at every start."""
    names = COMMAND_SETTINGS + (CARRIER_SETTINGS if "CARRIER_PAGE_URL" in environ else ())
    assignments = [f"{name}={shlex.quote(environ[name])}" for name in names if name in environ]
    (VAR / "environment").write_text("\n".join(assignments) + "\n")


def _read_port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise CannotStart(f"PORT={text} is not a port. For example: make run PORT=8080")
    return int(text)


def _acquire_lock(folder: Path) -> IO[str]:
    """Two of us on one database and one Redis file would do harm. The kernel frees the lock when we die."""
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotStart(
            "It is running already, from this folder. Stop that one with Ctrl-C first."
        ) from None
    return lock


def _require_free_port(port: int) -> None:
    # macOS' AirPlay receiver sits on port 5000 of every address; asking beats binding there.
    if _is_listening(port, "127.0.0.1") or _is_listening(port, "::1"):
        raise CannotStart(
            f"Port {port} is taken by another program. Choose another: make run PORT={port + 80}"
        )


def _services(host: str, port: int) -> tuple[dict[str, str], list[Child]]:
    """The environment of our own processes, and the servers they need: Redis and the stand-in carrier,
    unless REDIS_URL or TWILIO_ACCOUNT_SID says to use real ones."""
    environ = {
        **os.environ,
        "MOBILIZE_ENV": "demo",
        "DATABASE_URL": f"sqlite:///{VAR / 'mobilize.db'}",
        "SECRET_KEYS_FILE": str(_keys_file(VAR / "secret_keys")),
        "PYTHONUNBUFFERED": "1",
    }
    environ.setdefault("PUBLIC_BASE_URL", f"http://localhost:{port}")
    environ.setdefault("UNION_NAME", "Demo Educators Local 100")
    environ.setdefault("HELP_NUMBER", "+12135550199")
    environ.setdefault("SHARE_TAGS", "#SchoolsWeDeserve")
    if "MAP_LINES" not in environ:
        environ.setdefault("MAP_LINES_FILE", str(COAST))
    children = []
    if not environ.get("REDIS_URL"):
        children.append(_redis(environ))
    if not environ.get("TWILIO_ACCOUNT_SID"):
        children.append(_carrier(environ, host, port))
    return environ, children


def _keys_file(path: Path) -> Path:
    """The demo's own key, made once, readable by nobody else."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(f"d1:{b64encode(secrets.token_bytes(32)).decode()}\n")
    return path


def _redis(environ: dict[str, str]) -> Child:
    port, password = _free_port(), secrets.token_urlsafe(24)
    environ["REDIS_URL"] = f"redis://:{password}@127.0.0.1:{port}/0"
    folder = VAR / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    argv = embedded_redis.argv(folder, port, password)
    return Child("redis", argv, environ, lambda: _is_listening(port), serves_others=True)


def _carrier(environ: dict[str, str], host: str, port: int) -> Child:
    carrier_port = port + 10 if port < 65000 and not _is_listening(port + 10) else _free_port()
    token = secrets.token_hex(16)
    environ |= {
        "TWILIO_ACCOUNT_SID": DEMO_ACCOUNT,
        "TWILIO_AUTH_TOKEN": token,
        "TWILIO_MESSAGING_SERVICE_SID": DEMO_SERVICE,
        "TWILIO_API_URL": f"http://127.0.0.1:{carrier_port}",
        "TEXT_NUMBER": "+12135550100",
        "CARRIER_PAGE_URL": f"http://localhost:{carrier_port}",
    }
    options = {
        "port": str(carrier_port),
        "account": DEMO_ACCOUNT,
        "token": token,
        "callback-base": environ["PUBLIC_BASE_URL"],
        "deliver-to": f"http://{_reachable_host(host)}:{port}",
        "state": str(VAR / "carrier.json"),
    }
    argv = [part for name, value in options.items() for part in (f"--{name}", value)]
    program = [sys.executable, "-m", "mobilize.demo.carrier.server"]
    return Child(
        "carrier", [*program, *argv], environ, lambda: _is_listening(carrier_port), serves_others=True
    )


def _application(environ: Mapping[str, str], host: str, port: int) -> list[Child]:
    web_environ = {**environ, "HOST": host, "PORT": str(port), "WEB_PROCESSES": "1", "WEB_THREADS": "8"}
    worker = ["workers", "worker", "--concurrency", "1"]
    address = f"http://{_reachable_host(host)}:{port}/readyz"
    return [
        Child("web", _python_module(["mobilize.web.server"]), web_environ, lambda: _responds(address)),
        Child("worker", _python_module(worker), environ),
    ]


def _python_module(argv: list[str]) -> list[str]:
    return [sys.executable, "-m", *argv]


def _empty_logs() -> Path:
    """The folder of the logs, emptied: one start, one set of logs."""
    folder = VAR / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in folder.glob("*.log"):
        old.unlink()
    return folder


def _print_welcome(welcome: DemoLinks, environ: Mapping[str, str], host: str) -> None:
    carrier_page = environ.get("CARRIER_PAGE_URL")
    print(f"\n  {environ['UNION_NAME']} - DEMO, invented people - {environ['PUBLIC_BASE_URL']}\n")
    for who, link in welcome.links:
        print(f"  {who:<11} {link}")
    print(f"  {'texts':<11} {carrier_page or 'go out for real, through ' + environ['TWILIO_ACCOUNT_SID']}")
    print(f"  {'programs':<11} {environ['PUBLIC_BASE_URL']}/api/v1/")
    print(f"  {'token':<11} {welcome.token or 'none: nobody here may make one'}")
    print(f"\n  check in    {welcome.check_in_url}\n\n{welcome.qr}")
    print("  Each sign-in link works once; a new start prints new ones.")
    print(f"  Everything is kept in {VAR.name}/, logs in {VAR.name}/logs/. Ctrl-C stops all of it.")
    if host == ANY_INTERFACE:
        _warn_about_http(environ["PUBLIC_BASE_URL"])
    print(flush=True)


def _warn_about_http(address: str) -> None:
    print(
        "\n  HOST=0.0.0.0: everybody on this network can open it.\n"
        f"  Links and QR codes say {address}; set PUBLIC_BASE_URL to what a phone can reach.\n"
        "  Over plain http a phone has no camera scanning, no offline line page (service worker)\n"
        "  and no secure cookies: those need HTTPS, or a browser on this machine."
    )


def _reachable_host(host: str) -> str:
    return "127.0.0.1" if host == ANY_INTERFACE else host


def _responds(url: str) -> bool:
    try:
        with urlopen(url, timeout=1) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def _is_listening(port: int, address: str = "127.0.0.1") -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.settimeout(0.5)
            return probe.connect_ex((address, port)) == 0
    except OSError:
        return False  # no IPv6 here


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
