"""`flask doctor` on a good installation, and on broken ones: each is named by what is wrong.

Real servers throughout: PostgreSQL with its safe settings, Redis that saves, the production web behind an
HTTP proxy; only the carriers' far end is stood in for.
"""

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import flask_migrate
import psycopg
import pytest
import redis
import requests
from flask import Flask
from flask.testing import FlaskClient

import config
from mobilize import clock, create_app
from mobilize.accounts.models import RoleName
from mobilize.accounts.security.protections import BEAT
from mobilize.backup import gaps
from mobilize.backup.archive import Manifest
from mobilize.database import db, locks
from mobilize.demo.carrier.server import Carrier
from mobilize.demo.carrier.telnyx import TelnyxCarrier
from mobilize.keys import blind_index_key
from mobilize.observability import findings, health_checks
from mobilize.observability.finding_words import FINDINGS, FindingState
from mobilize.observability.findings import finding
from mobilize.observability.task_runs import FinishedRun, ScheduledTask, announce, record_runs
from mobilize.texts.carriers import inbound_address
from mobilize.texts.sending import lanes
from tests.builders import make_person, make_site, sign_in
from tests.drawn import part
from tests.services import NotAvailable, free_port
from tests.services.databases import opened
from tests.services.pgbouncer import PgBouncer
from tests.services.postgres import Postgres, find_binaries
from tests.services.processes import Processes
from tests.services.redis import Redis
from workers.doctor import examination, keys, machine
from workers.doctor.command import doctor
from workers.doctor.database import BY_ROLE

pytestmark = pytest.mark.timeout(300)


class Proxy(ThreadingHTTPServer):
    """A proxy before the web, which does what the test tells it."""

    daemon_threads = True

    def __init__(self, port: int, web: int):
        super().__init__(("127.0.0.1", port), _Passing)
        self.web, self.host, self.largest, self.allowed = web, "", 1 << 30, 10_000
        self.prefix, self.redirect, self.blocked = "", "", ""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def put_right(self, web: int) -> None:
        self.web, self.host, self.largest, self.allowed = web, "", 1 << 30, 10_000
        self.prefix, self.redirect, self.blocked = "", "", ""


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_GET(self) -> None:
        here, length = self.server, int(self.headers.get("Content-Length", 0))
        here.allowed -= 1
        if length > here.largest:
            return self._say(413)
        if here.allowed < 0:
            return self._say(429)
        if here.redirect:
            return self._say(301, {"Location": here.redirect + self.path})
        if here.blocked and self.path.startswith(here.blocked):
            return self._say(401)
        headers = {name: value for name, value in self.headers.items() if name != "Connection"}
        headers["Host"] = here.host or headers["Host"]
        with contextlib.suppress(OSError):
            body = self.rfile.read(length) if length < 100_000 else b""
            try:
                answer = requests.request(
                    self.command, f"http://127.0.0.1:{here.web}{here.prefix}{self.path}",
                    data=body, headers=headers, timeout=20, allow_redirects=False,
                )  # fmt: skip
            except requests.ConnectionError:
                return self._say(502)
            self._say(answer.status_code, dict(answer.headers), answer.content)

    do_POST = do_OPTIONS = do_GET

    def _say(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            if name.lower() not in {"content-length", "transfer-encoding", "connection", "content-encoding"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@dataclass
class Installation:
    """All that one needs, running; a test breaks a part of it, and `mend` runs what puts it right."""

    app: Flask
    postgres: Postgres
    redis: Redis
    proxy: Proxy
    web: int
    twilio: Carrier
    telnyx: TelnyxCarrier
    folder: Path
    mend: list[Callable[[], object]] = field(default_factory=list)

    @property
    def settings(self) -> config.Settings:
        chosen: config.Settings = self.app.config["MOBILIZE"]
        return chosen

    def set(self, **values: Any) -> None:
        """Start with other settings."""
        before = self.settings
        self.app.config["MOBILIZE"] = replace(before, **values)
        self.mend.append(lambda: self.app.config.update(MOBILIZE=before))

    def sql(self, statement: str, undo: str = "") -> None:
        """Change PostgreSQL; what connects anew has it."""
        with psycopg.connect(self.postgres.url("good"), autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(statement)  # type: ignore[arg-type]
        for engine in db.engines.values():
            engine.dispose()
        if undo:
            self.mend.append(lambda: self.sql(undo))

    def redis_config(self, name: str, value: str) -> None:
        with redis.Redis.from_url(self.redis.url) as client:
            before = client.config_get(name)[name]
            client.config_set(name, value)
        self.mend.append(lambda: self._redis_config(name, before))

    def _redis_config(self, name: str, value: str) -> None:
        with redis.Redis.from_url(self.redis.url) as client:
            client.config_set(name, value)

    def backup(self, *, hours_ago: float, opened_days_ago: float | None) -> None:
        """One backup as `flask backup` leaves it, and the last trial."""
        at, name = clock.now() - timedelta(hours=hours_ago), "mobilize-20261130T020000000000Z.postgresql.age"
        (self.folder / name).write_bytes(b"age-encryption.org/v1 ...")
        manifest = Manifest(name, at.isoformat(), "postgresql", "1", "0008", {}, ["t1"], "0" * 64, 24)
        (self.folder / f"{name}.json").write_text(json.dumps(asdict(manifest)))
        (self.folder / "verified.json").unlink(missing_ok=True)
        if opened_days_ago is not None:
            tried_at = clock.now() - timedelta(days=opened_days_ago)
            trial = {"file": name, "at": tried_at.isoformat(), "opened": True}
            (self.folder / "verified.json").write_text(json.dumps(trial))

    def workers_run(self, *, minutes_ago: float = 0, error: str | None = None) -> None:
        """As workers leave it that have just run, or last ran a while ago."""
        at, task = (
            clock.now() - timedelta(minutes=minutes_ago),
            ScheduledTask("texts.sweep", "texts", 10, 300),
        )
        locks.record_run(BEAT, now=at)
        announce("texts@here", [task], now=at)
        since = at - timedelta(minutes=30) if error else None
        record_runs("texts@here", {task.task: FinishedRun(at, 3, error, since)}, now=at)


@pytest.fixture(scope="module")
def running(base_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("installed")
    for name in ("backups", "journal"):
        (folder / name).mkdir()
    postgres, broker, web_port, port = Postgres(find_binaries(), {}), Redis(), free_port(), free_port()
    base = f"http://localhost:{port}"
    twilio = Carrier(base_environ["TWILIO_ACCOUNT_SID"], base_environ["TWILIO_AUTH_TOKEN"], base).start()
    telnyx = TelnyxCarrier("KEY-for-tests", base)
    telnyx.start()
    environ = {
        **base_environ,
        "DATABASE_URL": postgres.create("good"),
        "REDIS_URL": broker.url,
        "PUBLIC_BASE_URL": base,
        "TWILIO_API_URL": twilio.url,
        "TELNYX_API_KEY": telnyx.token,
        "TELNYX_PUBLIC_KEY": telnyx.public_key,
        "TELNYX_NUMBERS": telnyx.store.number,
        "TELNYX_API_URL": telnyx.url,
        "BACKUP_FOLDER": str(folder / "backups"),
        "JOURNAL_FOLDER": str(folder / "journal"),
        "UNION_TIMEZONE": "America/Los_Angeles",
    }
    processes, proxy = Processes(folder), Proxy(port, web_port)
    app = create_app(config.load(environ))
    with app.app_context():
        flask_migrate.upgrade()
        make_site()
    processes.serve({**os.environ, **environ}, web_port)
    yield Installation(app, postgres, broker, proxy, web_port, twilio, telnyx, folder / "backups")
    processes.stop()
    proxy.shutdown()
    for one in (twilio, telnyx, broker, postgres):
        one.stop()


@pytest.fixture
def good(running: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """A good installation."""
    monkeypatch.setattr(machine, "FULL_MB", 1)  # the machine of the tests is not what is looked at
    monkeypatch.setattr(machine, "FILLING_MB", 2)
    monkeypatch.setenv("WEB_PROCESSES", "1")
    with opened(running.app):
        running.backup(hours_ago=7, opened_days_ago=3)
        running.workers_run()
        running.sql("DELETE FROM health_checks")
        running.sql("DELETE FROM recovery_gaps")
        running.sql("DELETE FROM limit_windows")
        yield running
        db.session.remove()
        for step in reversed(running.mend):
            step()
        running.mend.clear()
        running.proxy.put_right(running.web)
        for carrier in (running.twilio, running.telnyx):
            carrier.setup = type(carrier.setup)()
        blind_index_key.init_app(running.app)


def codes_of(state: FindingState) -> set[str]:
    results = examination.examine_now()
    assert all(one.sentence and "%(" not in one.sentence + one.remedy for one in results)
    return {one.code for one in results if one.state is state}


def test_of_a_good_installation_it_says_that_all_is_well(good: Installation) -> None:
    ended = good.app.test_cli_runner().invoke(doctor)
    assert ended.exit_code == 0, ended.output
    assert ended.output.endswith("All is well.\n")
    for subject in (
        "Database",
        "Keys",
        "Clock",
        "Redis",
        "Disk",
        "Public address",
        "Twilio",
        "Telnyx",
        "Backups",
    ):
        assert f"ok       {subject}: " in ended.output


def _wrong_key(at: Installation) -> None:
    other = config.load({"MOBILIZE_ENV": "test", "SECRET_KEYS": config.new_key()}).secret_keys[0]
    at.set(secret_keys=(replace(at.settings.secret_keys[0], secret=other.secret),))
    blind_index_key.init_app(at.app)


def _cluttered(at: Installation) -> None:
    at.redis_config("maxmemory", "100mb")
    at.redis_config("maxmemory-policy", "allkeys-lru")


def _behind(at: Installation) -> None:
    [head] = db.session.execute(db.text("SELECT version_num FROM alembic_version")).one()
    db.session.rollback()
    at.sql(
        "UPDATE alembic_version SET version_num = '0003'",
        f"UPDATE alembic_version SET version_num = '{head}'",
    )


def _ahead(at: Installation) -> None:
    [head] = db.session.execute(db.text("SELECT version_num FROM alembic_version")).one()
    db.session.rollback()
    at.sql(
        "UPDATE alembic_version SET version_num = '9999'",
        f"UPDATE alembic_version SET version_num = '{head}'",
    )


def _held(trouble: str) -> None:
    gaps.note_trouble(gaps.mark_restored(clock.now() - timedelta(minutes=5)), trouble)


def _unknown_zone(at: Installation) -> None:
    at.sql("UPDATE sites SET tz = 'America/Atlantis'", "UPDATE sites SET tz = 'America/Los_Angeles'")


def _no_backup(at: Installation) -> None:
    for path in at.folder.iterdir():
        path.unlink()


def _receiver_away(at: Installation) -> None:
    at.sql(
        "SELECT pg_create_physical_replication_slot('mobilize', true)",
        "SELECT pg_drop_replication_slot('mobilize')",
    )


def _refused_callbacks(at: Installation) -> None:
    health_checks.record("webhook.twilio.other_secret", "3", now=clock.now())


def _with(carrier: str, **setup: Any) -> Callable[[Installation], None]:
    def change(at: Installation) -> None:
        for name, value in setup.items():
            setattr(getattr(at, carrier).setup, name, value)

    return change


def _proxied(**values: Any) -> Callable[[Installation], None]:
    def change(at: Installation) -> None:
        for name, value in values.items():
            setattr(at.proxy, name, value)

    return change


def _set(**values: Any) -> Callable[[Installation], None]:
    return lambda at: at.set(**values)


def _database(setting: str) -> Callable[[Installation], None]:
    return lambda at: at.sql(
        f'ALTER DATABASE "good" SET {setting}', f'ALTER DATABASE "good" RESET {setting.partition(" ")[0]}'
    )


# The carriers were told the right one.
OF_ANOTHER_ADDRESS = {"texts.unreachable", "twilio.webhook", "telnyx.webhook"}
BROKEN: dict[str, tuple[Callable[[Installation], object], set[str]]] = {
    "SECRET_KEYS are another installation's": (_wrong_key, {"keys.wrong", "address.others"}),
    "the database is a standby": (
        _database("default_transaction_read_only = on"), {"database.read_only"},
    ),
    "migrations were not run": (_behind, {"database.behind"}),
    "commits do not wait for the disk": (_database("synchronous_commit = off"), {"database.durable"}),
    "a site is in no zone": (_unknown_zone, {"zones.missing"}),
    "Redis is away": (_set(redis_url="redis://127.0.0.1:1/0"), {"redis.away"}),
    "Redis saves nothing": (lambda at: at.redis_config("appendonly", "no"), {"redis.appendonly"}),
    "Redis drops what waits": (_cluttered, {"redis.eviction"}),
    "nobody runs the workers": (lambda at: at.workers_run(minutes_ago=30), {"workers.silent"}),
    "a task fails": (lambda at: at.workers_run(error="KeyError"), {"workers.late"}),
    "PUBLIC_BASE_URL names nobody": (
        _set(public_base_url="http://nobody.invalid"), {"address.unknown", *OF_ANOTHER_ADDRESS},
    ),
    "the proxy does not run": (
        _set(public_base_url="http://localhost:1"), {"address.away", *OF_ANOTHER_ADDRESS},
    ),
    "the web does not run": (_proxied(web=1), {"address.web", "texts.unreachable"}),
    "the address leads to somebody else": (
        _proxied(prefix="/readyz?"), {"address.others", "texts.unreachable"},
    ),
    "the proxy sends on": (
        _proxied(redirect="http://www.localhost"), {"address.redirects", "texts.unreachable"},
    ),
    "the proxy writes its own host": (_proxied(host="web:5000"), {"address.host"}),
    "the proxy takes no large file": (_proxied(largest=1 << 20), {"address.uploads"}),
    "the proxy limits a picket": (_proxied(allowed=30), {"address.limits", "texts.unreachable"}),
    "the proxy asks the carrier for a password": (_proxied(blocked="/texts/"), {"texts.unreachable"}),
    "callbacks are refused": (_refused_callbacks, {"texts.refused"}),
    "the carrier's token is another": (
        _set(twilio_auth_token="old"), {"twilio.credentials", "texts.signature"},
    ),
    "the account is suspended": (_with("twilio", status="suspended"), {"twilio.account"}),
    "the account is a trial": (_with("twilio", type="Trial"), {"twilio.trial"}),
    "the messaging service is gone": (_with("twilio", service="MG1"), {"twilio.service"}),
    "the number is no sender of it": (_with("twilio", has_number=False), {"twilio.number"}),
    "its webhook leads elsewhere": (
        _with("twilio", webhook="https://demo.twilio.com/welcome"), {"twilio.webhook"},
    ),
    "the number's webhook leads elsewhere": (
        _with("twilio", on_number=True, webhook="https://demo.twilio.com/welcome"), {"twilio.webhook"},
    ),
    "the campaign waits for its registration": (
        _with("twilio", registration="IN_PROGRESS"), {"twilio.unregistered"},
    ),
    "the clock is wrong": (_with("twilio", clock_s=-4000), {"clock.wrong"}),
    "Telnyx does not know the key": (_set(telnyx_api_key="KEY-old"), {"telnyx.credentials"}),
    "Telnyx sends texts elsewhere": (_with("telnyx", webhook="https://example.com/"), {"telnyx.webhook"}),
    "a number at Telnyx has no profile": (_with("telnyx", has_number=False), {"telnyx.number"}),
    "numbers at Telnyx are not registered": (_with("telnyx", registration=""), {"telnyx.unregistered"}),
    "there is no backup": (_no_backup, {"backups.none"}),
    "nobody receives PostgreSQL's log, though somebody did": (_receiver_away, {"receiver.away"}),
    "the journal cannot be written": (_set(journal_folder="/proc/nothing"), {"journal.broken"}),
    "the journal's folder is another one than it was": (
        lambda at: at.sql(
            "INSERT INTO health_checks (name, value, seen_at) VALUES ('journal.id:0', '', now())",
            "DELETE FROM health_checks WHERE name LIKE 'journal.id:%'",
        ),
        {"journal.other"},
    ),
    "after a restore the carrier's log cannot be read": (
        lambda at: _held("log_unreadable"), {"held.log_unreadable"},
    ),
    "after a restore the journal cannot be read": (
        lambda at: _held("journal_unreadable"), {"held.journal_unreadable"},
    ),
    "last night's backup was not made": (
        lambda at: at.backup(hours_ago=31, opened_days_ago=3), {"backups.old"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", part(BROKEN, 4))
def test_what_is_broken_is_named(good: Installation, what: str) -> None:
    breaks, codes = BROKEN[what]
    breaks(good)
    assert codes_of(FindingState.BROKEN) == codes


def _many_alarms(_at: Installation) -> None:
    for n in range(lanes.ALARMS.in_all):
        lanes.priority_in(lanes.ALARMS, n.to_bytes(16), now=clock.now())


WORTH_A_LOOK: dict[str, tuple[Callable[[Installation], object], set[str]]] = {
    "the next version has migrated": (_ahead, {"database.ahead"}),
    "no backup was ever opened": (
        lambda at: at.backup(hours_ago=3, opened_days_ago=None), {"backups.untried"},
    ),
    "nobody has gone live": (_set(is_live=False), {"texts.trial"}),
    "a restore is being looked up": (
        lambda at: gaps.mark_restored(clock.now() - timedelta(minutes=5)), {"texts.held"},
    ),
    "Twilio tries an incoming text once only": (
        lambda at: _with("twilio", webhook=inbound_address("twilio").partition("#")[0])(at),
        {"twilio.retries"},
    ),
    "the pace is more than a sender may": (_set(segments_per_second=400.0), {"twilio.pace"}),
    "more emergencies than an hour takes": (_many_alarms, {"texts.alarms_used_up"}),
    "words are to be forgotten, and no backup was verified": (
        _set(text_redact_after_days=7), {"redaction.no_backup"},
    ),
    "words are to be forgotten where there is no call for it": (
        _set(text_redact_after_days=7, twilio_account_sid="", twilio_auth_token=""), {"redaction.no_call"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", part(WORTH_A_LOOK, 2))
def test_what_is_worth_a_look_is_named(good: Installation, what: str) -> None:
    breaks, codes = WORTH_A_LOOK[what]
    breaks(good)
    assert codes_of(FindingState.BROKEN) == set()
    assert codes_of(FindingState.WARNING) == codes


def test_many_processes_want_more_connections(good: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_PROCESSES", "8")
    assert codes_of(FindingState.WARNING) == {"database.connections"}


@pytest.mark.parametrize(("limit", "code"), [("FULL_MB", "disk.full"), ("FILLING_MB", "disk.filling")])
def test_a_disk_that_fills_is_named(
    good: Installation, monkeypatch: pytest.MonkeyPatch, limit: str, code: str
) -> None:
    monkeypatch.setattr(machine, limit, 1 << 40)
    assert code in {one.code for one in machine.disk(clock.now())}


def test_keys_that_everybody_may_read_are_named(
    good: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys").write_text("k1:...")
    monkeypatch.setenv("SECRET_KEYS_FILE", str(tmp_path / "keys"))
    (tmp_path / "keys").chmod(0o600)
    assert codes_of(FindingState.BROKEN) == set()
    (tmp_path / "keys").chmod(0o644)
    assert codes_of(FindingState.BROKEN) == {"keys.readable"}


def test_an_environment_file_that_everybody_may_read_is_named(
    good: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.doctor.keys.ENVIRONMENT", tmp_path / "environment")
    assert codes_of(FindingState.BROKEN) == set()
    (tmp_path / "environment").write_text("SECRET_KEYS=k1:...")
    (tmp_path / "environment").chmod(0o644)
    (readable,) = (one for one in keys.key_file(clock.now()))
    assert (readable.code, readable.values) == ("keys.readable", {"file": str(tmp_path / "environment")})
    (tmp_path / "environment").chmod(0o600)
    assert not keys.key_file(clock.now())


def test_the_disk_of_the_database_is_looked_at(
    good: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "POSTGRESQL", tmp_path)
    (tmp_path / "17/main").mkdir(parents=True)
    assert {tmp_path, tmp_path / "17/main"} <= set(machine._folders())


def test_a_database_that_is_away_is_named_and_nothing_falls_over(good: Installation) -> None:
    good.postgres.crash()
    try:
        assert {"database.away"} <= codes_of(FindingState.BROKEN)
        ended = good.app.test_cli_runner().invoke(doctor, ["--json"])
    finally:
        good.postgres.start()
    report = json.loads(ended.stdout)
    assert (ended.exit_code, report["state"]) == (2, "broken")
    assert not [one for one in report["findings"] if one["code"] == "doctor.failed"]


def test_the_exit_code_is_for_monitors(good: Installation) -> None:
    good.backup(hours_ago=3, opened_days_ago=None)
    ended = good.app.test_cli_runner().invoke(doctor)
    assert ended.exit_code == 1 and "warning  Backups: " in ended.output
    _no_backup(good)
    ended = good.app.test_cli_runner().invoke(doctor)
    assert ended.exit_code == 2 and "Run .venv/bin/flask --app wsgi backup" in ended.output


def test_an_installation_without_texts_is_well_without_a_carrier(good: Installation) -> None:
    good.set(twilio_account_sid="", twilio_auth_token="", telnyx_api_key="")
    assert codes_of(FindingState.BROKEN) == set()
    assert "texts.none" in codes_of(FindingState.OK)
    gaps.mark_restored(clock.now() - timedelta(minutes=5))
    assert "texts.held" not in codes_of(FindingState.WARNING), "there are no texts to hold"
    _held("journal_unreadable")
    assert codes_of(FindingState.BROKEN) == {"held.journal_unreadable"}, "what was taken away is not yet"


class Watch(BaseHTTPRequestHandler):
    """The far end of a dead man's switch."""

    paths: list[str] = []

    def do_GET(self) -> None:
        self.paths.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


def test_whoever_keeps_watch_hears_of_us_while_all_is_well_and_of_nothing_else(good: Installation) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Watch)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    good.set(all_is_well_url=f"http://127.0.0.1:{server.server_port}/ping/uuid")
    now = clock.now()
    examination.ping(now)
    assert Watch.paths == [], "nobody has looked yet"
    examination.examine_and_record(now)
    examination.ping(now)
    assert Watch.paths == ["/ping/uuid"]
    good.redis_config("appendonly", "no")
    examination.examine_and_record(now)
    examination.ping(now)
    examination.ping(now + timedelta(hours=2))
    assert Watch.paths == ["/ping/uuid"]
    server.shutdown()


def test_behind_a_pooler_the_role_has_the_timeouts(good: Installation) -> None:
    """PgBouncer in transaction mode, where it is installed."""
    try:
        pooler = PgBouncer(good.postgres)
    except NotAvailable as missing:
        pytest.skip(str(missing))
    chosen = replace(good.settings, database_url=_psycopg(pooler.url("good")))
    pooled = create_app(chosen)
    try:
        with opened(pooled):
            assert codes_of(FindingState.WARNING) == {"database.pooler"}
            for name, value in BY_ROLE.items():
                good.sql(f"ALTER ROLE mobilize SET {name} = '{value}'", f"ALTER ROLE mobilize RESET {name}")
        pooler.stop()
        pooler = PgBouncer(good.postgres)
        with opened(create_app(replace(chosen, database_url=_psycopg(pooler.url("good"))))):
            assert codes_of(FindingState.WARNING) == set()
    finally:
        pooler.stop()


def _psycopg(url: str) -> str:
    return url.replace("postgresql:", "postgresql+psycopg:", 1)


def test_every_finding_can_be_found() -> None:
    """No code is listed that no check says, and none is said that is not listed."""
    checks = Path(examination.__file__).parent.rglob("*.py")
    sources = "".join(path.read_text() for path in (*checks, Path(gaps.__file__)))
    assert {code for code in FINDINGS if f'"{code}"' not in sources} == set()


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_office_reads_the_same_on_a_page(app: Flask, client: FlaskClient, language: str) -> None:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    client.set_cookie("language", language, domain="localhost")
    page = client.get("/protections/doctor").text
    assert {"en": "Not checked yet", "es": "Nadie ha mirado todavía"}[language] in page
    assert client.post("/protections/doctor").status_code == 303
    assert findings.is_requested(clock.now())
    now = clock.now() + timedelta(seconds=1)
    findings.record([finding("redis.appendonly"), finding("keys.ok"), finding("backups.untried")], now=now)
    assert not findings.is_requested(now)
    page = client.get("/protections/doctor").text
    assert {"en": "It saves nothing to disk.", "es": "No guarda nada en disco."}[language] in page
    assert page.index("Redis") < page.index({"en": "Backups", "es": "Copias"}[language])
    findings.record([finding("keys.ok")], now=now)
    page = client.get("/protections/doctor").text
    assert {"en": "All is well.", "es": "Todo está bien."}[language] in page
    assert {"en": "Keys", "es": "Llaves"}[language] in page  # what opens, not what is typed on


def test_the_longest_finding_fits_into_its_column(app: Flask) -> None:
    longest = dict.fromkeys(("address", "expected"), "ñ" * 500)
    findings.record([finding("twilio.webhook", **longest)], now=clock.now())
    last = findings.latest()
    assert last and last.state is FindingState.BROKEN
