"""The machines, by the files in `deploy/`: nginx, web hosts, PgBouncer, PostgreSQL with a replica, Redis with
sentinels, worker hosts and beats. What listens has an address of its own (127.0.1.x).

What those files name as 10.0.1.x is 127.0.1.x here; ports below 1024, passwords and places of files are
exchanged, and nothing else.
"""

import datetime
import http.client
import ipaddress
import os
import re
import shutil
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory

import flask_migrate
import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask

import config
from bench.checkin_place import KEYS, seed
from mobilize import create_app
from mobilize.demo import child_process, embedded_redis
from mobilize.demo.carrier.server import Carrier
from tests.services import NotAvailable, pgbouncer
from tests.services.databases import opened
from tests.services.postgres import UNSAFE_BUT_FAST, Postgres, Replica, find_binaries
from tests.services.processes import ROOT

DEPLOY = ROOT / "deploy"
NGINX, POOLER, PRIMARY, REPLICA = "127.0.1.10", "127.0.1.20", "127.0.1.21", "127.0.1.22"
WEBS = {"web1": "127.0.1.11", "web2": "127.0.1.12", "web3": "127.0.1.13"}
REDISES = {"redis1": "127.0.1.31", "redis2": "127.0.1.32", "redis3": "127.0.1.33"}
WORKERS, BEATS = ("worker1", "worker2"), ("beat1", "beat2")
HTTPS_PORT, HTTP_PORT = 8443, 8080
PUBLIC = f"https://{NGINX}:{HTTPS_PORT}"
PASSWORD = "for-this-cluster-only"  # noqa: S105
# A claim of a text runs out after 12 s instead of a minute, and the carrier's log is read at 0, 12 and 36 s.
PATIENCE = "0.2"
MEMBERS = 6000
STARTS_WITHIN_S = 120.0


class Cluster:
    """Every machine, by name. `kill` is SIGKILL for all that runs on it, and `start` brings it back."""

    public, members = PUBLIC, MEMBERS

    def __init__(self, folder: Path):
        self.folder = folder
        self.processes: dict[str, Popen[bytes]] = {}
        self.tls = ssl.create_default_context(cafile=str(_certificate(folder)))
        options = {**UNSAFE_BUT_FAST, **_postgres_options()}
        self.primary = Postgres(find_binaries(), options)
        self._let_in()
        self.primary.create("mobilize")
        self.replica = Replica(self.primary, {**options, "listen_addresses": REPLICA}, host=PRIMARY)
        self.carrier = Carrier("AC" + "0" * 32, "a-token-for-clusters", PUBLIC).start()
        self.carrier.faults.latency_ms = 50
        self.environ = _environ(self.carrier.url)

    @property
    def direct_url(self) -> str:
        """The primary itself, as migrations and whoever looks afterwards go."""
        return f"postgresql://mobilize@{PRIMARY}/mobilize"

    def app(self, database_url: str = "") -> Flask:
        """An application of ours, on these machines."""
        url = {"DATABASE_URL": database_url} if database_url else {}
        return create_app(config.load({**self.environ, **url}))

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPSConnection(NGINX, HTTPS_PORT, timeout=40, context=self.tls)

    def start_all(self) -> None:
        with opened(self.app(self.direct_url)):
            flask_migrate.upgrade()
            seed(MEMBERS)
        for name in ("pgbouncer", *REDISES, *(f"sentinel{n}" for n in (1, 2, 3)), *WEBS, "nginx"):
            self.start(name)
        for name in (*WORKERS, *BEATS):
            self.start(name)
        for name, address in WEBS.items():
            self._wait_for(name, lambda: _listens(address, 5000))  # noqa: B023 - waited for here
        self._wait_for("nginx", lambda: _listens(NGINX, HTTPS_PORT))

    def start(self, name: str) -> None:
        """Start the machine, or nothing when it runs."""
        if name == "replica":
            self.replica.start()
        elif name == "primary":
            self.primary.start()
        elif name not in self.processes or self.processes[name].poll() is not None:
            argv, environ = self._command(name)
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = child_process.start(argv, {**os.environ, **environ}, log)

    def kill(self, name: str) -> None:
        if name in ("replica", "primary"):
            (self.replica if name == "replica" else self.primary).crash()
        else:
            child_process.kill(self.processes[name])

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def stop(self) -> None:
        child_process.stop(*self.processes.values())
        self.carrier.stop()
        self.replica.stop()
        self.primary.stop()

    def _command(self, name: str) -> tuple[list[str], Mapping[str, str]]:
        kind = name.rstrip("123")
        return {
            "nginx": self._nginx,
            "pgbouncer": self._pgbouncer,
            "redis": self._redis,
            "sentinel": self._sentinel,
            "web": self._web,
            "worker": self._worker,
            "beat": self._beat,
        }[kind](name)

    def _web(self, name: str) -> tuple[list[str], Mapping[str, str]]:
        where = {"HOST": WEBS[name], "PORT": "5000", "WEB_PROCESSES": "1", "WEB_THREADS": "16"}
        return [sys.executable, "-m", "mobilize.web.server"], {**self.environ, **where}

    def _worker(self, name: str) -> tuple[list[str], Mapping[str, str]]:
        own = ["worker", "--concurrency", "1", "-n", f"{name}@%h", "--loglevel", "WARNING"]
        return [sys.executable, "-m", "workers", *own], self.environ

    def _beat(self, name: str) -> tuple[list[str], Mapping[str, str]]:
        own = ["beat", "--schedule", str(self.folder / f"{name}.schedule"), "--pidfile="]
        return [sys.executable, "-m", "workers", *own, "--loglevel", "WARNING"], self.environ

    def _nginx(self, _name: str) -> tuple[list[str], Mapping[str, str]]:
        temporary = "".join(
            f"    {kind}_temp_path {self.folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = _deployed("nginx.conf").replace("http {\n", f"http {{\n{temporary}", 1)
        text = text.replace(":443 ", f":{HTTPS_PORT} ").replace(":80;", f":{HTTP_PORT};")
        path = self._file("nginx.conf", text.replace("/etc/mobilize", str(self.folder)))
        own = f"daemon off; pid {self.folder}/nginx.pid; error_log stderr warn;"
        return [_find("nginx"), "-p", str(self.folder), "-c", str(path), "-g", own], {}

    def _pgbouncer(self, _name: str) -> tuple[list[str], Mapping[str, str]]:
        users = self._file("userlist.txt", f'"mobilize" "{PASSWORD}"\n')
        text = _deployed("pgbouncer.ini").replace("/etc/pgbouncer/userlist.txt", str(users))
        argv = [pgbouncer.find_binary(), str(self._file("pgbouncer.ini", text))]
        if self.primary.owner:  # it refuses to be root
            for path in (users, self.folder / "pgbouncer.ini"):
                shutil.chown(path, self.primary.owner.pw_name)
            argv = ["--as", self.primary.owner.pw_name, *argv]
        return argv, {}

    def _redis(self, name: str) -> tuple[list[str], Mapping[str, str]]:
        path, folder = self.folder / f"{name}.conf", self.folder / name
        if not path.exists():  # a sentinel has changed it since
            folder.mkdir()
            text = _at(REDISES[name], _deployed("redis.conf"))
            master = REDISES["redis1"]
            follows = "" if REDISES[name] == master else f"replicaof {master} 6379\n"
            self._file(path.name, f"{text}{follows}dir {folder}\n")
        return [embedded_redis.server(), str(path)], {}

    def _sentinel(self, name: str) -> tuple[list[str], Mapping[str, str]]:
        path = self.folder / f"{name}.conf"
        if not path.exists():
            address = REDISES[name.replace("sentinel", "redis")]
            text = _at(address, _deployed("sentinel.conf"))
            self._file(path.name, f"{text}dir {self.folder}\n")
        return [embedded_redis.server(), str(path), "--sentinel"], {}

    def _file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def _let_in(self) -> None:
        """From the other machines, the application with its password."""
        with psycopg.connect(self.primary.url(), autocommit=True) as connection:
            connection.execute(f"ALTER ROLE mobilize PASSWORD '{PASSWORD}'")
        with (self.primary.folder / "data" / "pg_hba.conf").open("a") as file:
            file.write("host all all 127.0.0.0/16 trust\nhost replication all 127.0.0.0/16 trust\n")
        with psycopg.connect(self.primary.url(), autocommit=True) as connection:
            connection.execute("SELECT pg_reload_conf()")

    def _wait_for(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not ready():
            if self.processes[name].poll() is not None or time.monotonic() > deadline:
                raise NotAvailable(f"{name} is not up: {self.log(name)[-2000:]}")
            time.sleep(0.1)


@contextmanager
def running() -> Iterator[Cluster]:
    """All of them run, and the database is seeded with an action that is under way. Raises `NotAvailable`
    with one line where a server is not to be had here."""
    _find("nginx")
    pgbouncer.find_binary()
    _have_addresses()
    with TemporaryDirectory(prefix="mobilize-cluster-") as folder:
        Path(folder).chmod(0o755)
        cluster = Cluster(Path(folder))
        try:
            cluster.start_all()
            yield cluster
        finally:
            cluster.stop()


def _environ(carrier: str) -> dict[str, str]:
    url = f"postgresql://mobilize:{PASSWORD}@{POOLER}:6432"
    sentinels = [f"sentinel://{address}:26379" for address in REDISES.values()]
    sentinels[0] = sentinels[0].replace("//", f"//:{PASSWORD}@")
    return {
        "MOBILIZE_ENV": "test",
        "PATIENCE": PATIENCE,
        "SECRET_KEYS": KEYS,
        "DATABASE_URL": f"{url}/mobilize",
        "DATABASE_REPLICA_URL": f"{url}/mobilize_replica",
        "REPLICA_MAX_AGE_SECONDS": "3",
        "REDIS_URL": ";".join(sentinels),
        "PUBLIC_BASE_URL": PUBLIC,
        "SEGMENTS_PER_SECOND": "200",
        "PRICE_PER_SEGMENT_CENTS": "0.001",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "a-token-for-clusters",
        "TWILIO_MESSAGING_SERVICE_SID": "MG" + "0" * 32,
        "TWILIO_API_URL": carrier,
        "PYTHONPATH": str(ROOT),
    }


def _deployed(name: str) -> str:
    text = (DEPLOY / name).read_text()
    return text.replace("10.0.1.", "127.0.1.").replace("CHANGE-THIS", PASSWORD)


def _at(address: str, text: str) -> str:
    """The file of the first of three hosts, on another of them."""
    return re.sub(r"^(bind|.*announce-ip) .*", rf"\1 {address}", text, flags=re.M)


def _postgres_options() -> dict[str, str]:
    lines = (line.partition("#")[0] for line in _deployed("postgresql.conf").splitlines())
    named = (line.partition("=") for line in lines if "=" in line)
    return {name.strip(): value.strip().strip("'") for name, _, value in named}


def _certificate(folder: Path) -> Path:
    """A certificate for nginx's address, signed by itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NGINX)])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(NGINX))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    key_form = serialization.PrivateFormat.PKCS8
    (folder / "privkey.pem").write_bytes(key.private_bytes(pem, key_form, plain))
    (folder / "fullchain.pem").write_bytes(signed.public_bytes(pem))
    return folder / "fullchain.pem"


def _find(program: str) -> str:
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if path is None:
        raise NotAvailable(f"No {program}: apt-get install nginx-light (Debian), or brew install nginx")
    return path


def _have_addresses() -> None:
    """Each can be listened on, and nobody does."""
    places = [(NGINX, HTTPS_PORT), (POOLER, 6432), (PRIMARY, 5432), (REPLICA, 5432)]
    places += [(address, 5000) for address in WEBS.values()]
    places += [(address, port) for address in REDISES.values() for port in (6379, 26379)]
    for address, port in places:
        try:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError as error:
            raise NotAvailable(f"{address}:{port} cannot be listened on here: {error.strerror}") from None


def _listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0
