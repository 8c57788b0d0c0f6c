"""What every test may ask for. Servers start when first asked for, one set per test process.

`app`          the application on SQLite and again on PostgreSQL, empty, with its context pushed
`pg_app`       the application on PostgreSQL only, for journeys and the browser
`client`       a browser's manners: our Origin and the form's token; `bare_client`: neither
`db_session`   the session of the test itself, for looking at what was stored
`redis_url`    a real Redis;  `environ`: what a process of ours needs to work on the same data
`live_server`  the production web server on the data of `pg_app`;  `page`, `phone`: a phone-sized Chromium
"""

import base64
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page
from sqlalchemy.orm import Session

import config
from mobilize import create_app, stored_settings
from mobilize.checkins.member import event_cache
from mobilize.database import db
from mobilize.keys import blind_index_key
from tests import drawn
from tests.services import browser, free_port
from tests.services.client import BareClient, Client
from tests.services.databases import PostgresDatabase, SqliteDatabase, memory, opened
from tests.services.pgbouncer import PgBouncer
from tests.services.postgres import Postgres, RunningPostgres, find_binaries
from tests.services.processes import KeptServer, Processes
from tests.services.redis import Redis

TEST_KEY = base64.b64encode(hashlib.sha256(b"for tests only").digest()).decode()
NOBODY_LISTENS = "redis://127.0.0.1:1/0"  # the web must do without Redis
# Read again in the middle of a test, it would be one query more than the test counts.
stored_settings.READ_EVERY_S = 3600


@pytest.fixture(scope="session")
def port() -> int:
    """The port of `live_server`, which the public address names, in this test process."""
    return free_port()


@pytest.fixture(scope="session")
def base_environ(port: int) -> dict[str, str]:
    """The settings all tests share. Only the carrier's address leads nowhere."""
    return {
        "MOBILIZE_ENV": "test",
        "SECRET_KEYS": f"t1:{TEST_KEY}",
        "PUBLIC_BASE_URL": f"http://localhost:{port}",
        "REDIS_URL": NOBODY_LISTENS,
        "UNION_NAME": "Test Local 100",
        "UNION_TIMEZONE": "America/Los_Angeles",
        "HELP_NUMBER": "+12135550199",
        "TEXT_NUMBER": "+12135550100",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "a-token-for-tests",
        "TWILIO_MESSAGING_SERVICE_SID": "MG" + "0" * 32,
        "TWILIO_API_URL": "http://127.0.0.1:1",
    }


@pytest.fixture(scope="session")
def postgres() -> Iterator[RunningPostgres]:
    """A running PostgreSQL server of this test process; or one that is there, which has the template."""
    if running := os.environ.get("POSTGRES_TEMPLATE"):
        yield RunningPostgres(Path(running))
        return
    server = Postgres(find_binaries())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    server = Redis()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """A real Redis, emptied for this test."""
    redis_server.empty()
    return redis_server.url


@pytest.fixture(scope="session")
def pooler(postgres: Postgres) -> Iterator[PgBouncer | None]:
    """None, but for `make cluster`: a PgBouncer in front of the server, in transaction mode."""
    if not os.environ.get("THROUGH_PGBOUNCER"):
        yield None
        return
    started = PgBouncer(postgres)
    yield started
    started.stop()


@pytest.fixture(scope="session")
def postgres_database(
    postgres: RunningPostgres, base_environ: dict[str, str], pooler: PgBouncer | None
) -> Iterator[PostgresDatabase]:
    database = PostgresDatabase(postgres, base_environ, pooler)
    yield database
    if database.name != "test":
        postgres.drop(database.name)


@pytest.fixture(scope="session")
def sqlite_database(base_environ: dict[str, str]) -> Iterator[SqliteDatabase]:
    with tempfile.TemporaryDirectory(prefix="mobilize-sqlite-", dir=memory()) as folder:
        yield SqliteDatabase(Path(folder), base_environ)


@pytest.fixture
def postgres_url(postgres_database: PostgresDatabase) -> str:
    """A migrated, empty PostgreSQL database."""
    return postgres_database.emptied()


@pytest.fixture
def sqlite_url(sqlite_database: SqliteDatabase) -> Iterator[str]:
    """A migrated, empty SQLite file, which the test leaves with no connection of this process open."""
    yield sqlite_database.emptied()
    assert sqlite_database.held_by_us() == [], "left open: a thread or an engine outlives the test"


@pytest.fixture(params=["sqlite", "postgres"])
def app(request: pytest.FixtureRequest) -> Flask:
    """The application, on both databases in turn. Its context is pushed: call operations directly."""
    chosen: Flask = request.getfixturevalue({"sqlite": "sqlite_app", "postgres": "pg_app"}[request.param])
    return chosen


@pytest.fixture
def sqlite_app(sqlite_url: str, apps: "Apps") -> Iterator[Flask]:
    yield from _open(apps.on(sqlite_url))


@pytest.fixture
def pg_app(postgres_url: str, apps: "Apps") -> Iterator[Flask]:
    yield from _open(apps.on(postgres_url))


@pytest.fixture
def own_app(request: pytest.FixtureRequest, base_environ: dict[str, str]) -> Iterator[Flask]:
    """An application that has served nobody yet, for tests that give it doors of their own.

    On SQLite, or on those the tests name: `parametrize("own_app", ["sqlite", "postgres"], indirect=True)`.
    """
    url: str = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url")
    yield from _open(_app_on(url, base_environ))


class Apps:
    """One application per database and test process: making one takes longer than most tests."""

    def __init__(self, base_environ: dict[str, str]):
        self._environ = base_environ
        self._apps: dict[str, tuple[Flask, dict[str, Any]]] = {}

    def on(self, url: str) -> Flask:
        """The application on this database, with its first settings, whatever a test did to them."""
        if url not in self._apps:
            app = _app_on(url, self._environ)
            self._apps[url] = app, dict(app.config)
        app, settings = self._apps[url]
        app.config.clear()
        app.config.update(settings)
        app.test_client_class = BareClient
        event_cache._events.clear()  # those of another test's database
        blind_index_key.init_app(app)
        stored_settings.init_app(app)
        return app


@pytest.fixture(scope="session")
def apps(base_environ: dict[str, str]) -> Apps:
    return Apps(base_environ)


def _app_on(url: str, base_environ: dict[str, str]) -> Flask:
    app = create_app(config.load({**base_environ, "DATABASE_URL": url}))
    app.config["DATABASE_URL"] = url
    app.config["EVENTS_KEPT_SECONDS"] = app.config["VERSIONS_KEPT_SECONDS"] = (
        0  # what a test changes shows at once
    )
    return app


def _open(app: Flask) -> Iterator[Flask]:
    with opened(app):
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return Client(app, use_cookies=True)


@pytest.fixture
def bare_client(app: Flask) -> FlaskClient:
    return BareClient(app, use_cookies=True)


@pytest.fixture
def db_session(app: Flask) -> Session:
    return db.session()


@pytest.fixture
def environ(pg_app: Flask, base_environ: dict[str, str], redis_url: str) -> dict[str, str]:
    """The environment of a process (web, worker, beat, command) on the data of `pg_app`. Change it freely."""
    values = {"DATABASE_URL": pg_app.config["DATABASE_URL"], "REDIS_URL": redis_url}
    return {**os.environ, **base_environ, **values}


@pytest.fixture
def processes(tmp_path: Path, kept_server: KeptServer) -> Iterator[Processes]:
    """Starts our own processes for one test and ends them with it."""
    started = Processes(tmp_path, make_room=kept_server.stop)
    yield started
    started.stop()


@pytest.fixture(scope="session")
def kept_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptServer]:
    server = KeptServer(tmp_path_factory.mktemp("web"))
    yield server
    server.stop()


@pytest.fixture
def live_server(kept_server: KeptServer, environ: dict[str, str], port: int) -> str:
    """The production web server on the data of `pg_app`; the answer is its address, without a slash."""
    kept_server.serve(environ, port)
    return environ["PUBLIC_BASE_URL"]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    path = browser.executable()
    return {
        **browser_type_launch_args,
        "args": browser.FLAGS,
        **({"executable_path": path} if path else {}),
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    phone = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
    touch = {"is_mobile": True, "has_touch": True, "locale": "en-US", "timezone_id": "America/Los_Angeles"}
    return {**browser_context_args, **phone, **touch}


@pytest.fixture
def phone(page: Page) -> Page:
    """A phone's browser, 390 x 844. A second phone: `new_context(**browser_context_args).new_page()`."""
    return page


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for what could not run here, and why: it wants large files beside the clone, the history of a
    clone, or a program of the system (promtool, strace, apt, systemd-analyze, pg_receivewal)."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        reasons = sorted({report.longrepr[2].removeprefix("Skipped: ") for report in skipped})
        terminalreporter.write_line(f"{len(skipped)} tests did not run: {'; '.join(reasons)}.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a run of everything (DRAWN), of rooms whose tests are of pages all run on PostgreSQL, and a tenth on
    SQLite too; of the journeys, which open browsers, one in four. What is about storing runs on both in any
    case, and all of all with WHOLE=1."""
    if not os.environ.get("DRAWN"):
        return
    left_out = {item for item in items if is_on_sqlite(item) and not drawn.is_drawn(item.nodeid, 10)}
    left_out |= {item for item in items if is_a_journey(item) and not drawn.is_drawn(item.nodeid, 4)}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def room_of(item: pytest.Item) -> str:
    """The folder of the tests that it lies in."""
    return item.path.relative_to(Path(__file__).parent).parts[0]


def is_a_journey(item: pytest.Item) -> bool:
    """It opens browsers, and is not the one from a roster to a report."""
    return room_of(item) == "journeys" and item.path.stem != "test_a_whole_morning"


def is_on_sqlite(item: pytest.Item) -> bool:
    """It is the SQLite half of a test of pages."""
    values = getattr(item, "callspec", None)
    return (
        room_of(item) in drawn.ON_ONE_DATABASE and values is not None and "sqlite" in values.params.values()
    )
