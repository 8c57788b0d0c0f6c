"""Prometheus at a demo-like morning: the real web server, workers, beat, Redis, the stand-in carrier."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
import requests
from flask import Flask
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.models import Person
from mobilize.actions.models import Action, Event, OldCode
from mobilize.checkins.forms import event_token
from mobilize.checkins.models import Method
from mobilize.database import Model, db
from mobilize.demo.carrier.server import Carrier
from mobilize.demo.seed import local
from mobilize.observability import metrics
from mobilize.roster.models import Area, Member, Site
from mobilize.texts.carriers import CARRIERS
from mobilize.texts.carriers.base import CallbackRefusal, ErrorMeaning
from mobilize.texts.enums import AttemptOutcome, TextClass, TextState
from mobilize.texts.models import Priority
from mobilize.texts.operations import PlannedText, queue_texts
from tests.builders import make_event, make_member, make_site
from tests.monitoring.scrapes import Series, names, scrape, scraped_when, value
from tests.services import free_port
from tests.services.processes import KeptServer, Processes, answers
from workers.timetable import TIMETABLE, Queue

DEPLOYED = Path(__file__).parents[2] / "deploy" / "monitoring"
UNIT = DEPLOYED.parent / "machine" / "mobilize-web@.service"
NOT_A_NUMBER = "+15005550001"  # the carrier refuses it as no mobile number
REASONS = ["too_many", "too_late", "opted_out", "not_missing", "bad_number", "trial", "trial_full"]
ROUTES = {route for pair in metrics._ROUTES.values() for route in pair} | {"carrier", "line_look", "unknown"}
# Every label there is, and what may stand in it.
VOCABULARY: dict[str, set[str]] = {
    "method": set(Method),
    "route": ROUTES,
    "status": {f"{hundreds}xx" for hundreds in range(1, 6)},
    "pool": {"main", "autocommit"},
    "carrier": set(CARRIERS),
    "outcome": set(AttemptOutcome),
    "kind": {*ErrorMeaning, "other"},
    "state": {*TextState, "other"},
    "reason": {*REASONS, *CallbackRefusal},
    "task": {entry.task for entry in TIMETABLE},
    "queue": set(Queue),
    "class": set(TextClass),
    "period": {"hour", "day"},
}
PATTERNS = {"le": r"[0-9.]+|\+Inf", "migration": r"\d{4}", "python": r"3\.\d+\.\d+"}
# Three kinds of processes and a demo are made for them.
pytestmark = pytest.mark.timeout(300)
# Scraped once for the tests that only look.
_morning: list["Morning"] = []


class Web(NamedTuple):
    """A web server of two processes: its address, the port of its metrics, and that of the workers'."""

    address: str
    port: int
    of_workers: int


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """Keeps one web server for all tests of this file: to start one takes longer than to read it."""
    processes = Processes(tmp_path_factory.mktemp("monitored"))
    yield processes
    processes.stop()


_ports: list[int] = []


@pytest.fixture
def starting(environ: dict[str, str], kept: Processes) -> Web:
    """The web server, which is up some seconds later; `environ` is then that of its workers too."""
    if not _ports:
        _ports.extend((free_port(), next(port for port in iter(free_port, 0) if is_free(port + 1))))
    port, of_metrics = _ports
    environ |= {"PUBLIC_BASE_URL": f"http://localhost:{port}", "METRICS_PORT": str(of_metrics)}
    if not kept.started:
        kept.start_web({**environ, "PGAPPNAME": KeptServer.NAME}, port, processes=2)
    return Web(environ["PUBLIC_BASE_URL"], of_metrics, of_metrics + 1)


@pytest.fixture
def web(starting: Web) -> Web:
    return up(starting)


def up(web: Web) -> Web:
    scraped_when(lambda _series: answers(f"{web.address}/readyz"), web.port)
    return web


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return port < 65_535 and probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def carrier(starting: Web, environ: dict[str, str]) -> Iterator[Carrier]:
    standing_in = Carrier(
        environ["TWILIO_ACCOUNT_SID"], environ["TWILIO_AUTH_TOKEN"], environ["PUBLIC_BASE_URL"]
    ).start()
    environ["TWILIO_API_URL"] = standing_in.url
    yield standing_in
    standing_in.stop()


def post_check_in(web: Web, code: str, typed: str) -> int:
    """Somebody who was never here checks in by the poster."""
    form = {"token": event_token(code), "typed": typed}
    answer = requests.post(f"{web.address}/c/{code}", data=form, headers={"Origin": web.address}, timeout=20)
    return answer.status_code


def queue(phone: str, n: int) -> None:
    now = clock.now()
    text = PlannedText(
        purpose=f"test:{n}", phone=phone, wording="urgent_noted", language="en", tz="UTC", due_at=now,
        text_class=TextClass.REQUESTED, priority=Priority.REPLY, expires_at=now + timedelta(hours=1),
    )  # fmt: skip
    queue_texts([text], now=now)


class Morning(NamedTuple):
    """What was exported before and while a morning of the demo went on, and every word by which somebody, a
    site or an event of it could be known."""

    before: Series
    series: Series
    words: set[str]

    def more(self, name: str, **labels: str) -> float:
        return value(self.series, name, **labels) - value(self.before, name, **labels)


@pytest.fixture
def morning(starting: Web, environ: dict[str, str], carrier: Carrier, processes: Processes) -> Morning:
    if not _morning:
        processes.celery("worker", environ=environ)
        processes.celery("beat", environ=environ)
        local.load_demo(clock.now())
        picket = local.open_todays_picket(clock.now())
        before = scrape(up(starting).port)
        for n, phone in enumerate(("+12135550101", "+12135550102", NOT_A_NUMBER)):
            queue(phone, n)
        code = picket.check_in_url.rpartition("/")[2]
        number = db.session.scalars(select(Member)).first().number  # type: ignore[union-attr]
        assert [post_check_in(starting, code, typed) for typed in (number, "2135550142")] == [200, 200]
        series = scraped_when(is_whole, starting.port, starting.of_workers)
        _morning.append(Morning(before, series, personal()))
    return _morning[0]


def is_whole(series: Series) -> bool:
    """Each metric that is defined has a series, and each task of a few seconds has run; but for long work,
    which waits in line, and is dropped from it while there is nothing to do."""
    often = {entry.task for entry in TIMETABLE if entry.seconds < 10 and entry.queue is not Queue.LONG}
    run = {
        dict(labels)["task"] for name, labels in series if name == "mobilize_task_last_run_timestamp_seconds"
    }
    needed = {"mobilize_texts_dropped_total", "mobilize_receipts_total", "mobilize_carrier_errors_total"}
    beat = "mobilize_beat_heartbeat_timestamp_seconds"
    # The demo itself has spent something today; this hour only when one of our texts was accepted.
    spent = series.get(("mobilize_spent_cents", (("period", "hour"),)), 0) > 0
    return spent and often <= run and needed | {beat, "mobilize_queue_messages"} <= names(series)


def personal() -> set[str]:
    """The words by which somebody, a site or an event could be known."""
    words = {str(row.id) for table in tables() for row in rows(table)}
    words |= {word.replace("-", "") for word in words}
    for member in rows(Member):
        words |= {*re.split(r"\W+", member.name), member.number, member.phone or ""}
    for person in rows(Person):
        words |= {*person.name.split(), person.phone or ""}
    for site in rows(Site):
        words |= {site.name, site.code, *site.name.split()}
    for event in rows(Event):
        words |= {event.code, event.text_code}
    words |= {area.name for area in rows(Area)} | {old.code for old in rows(OldCode)}
    return words - {""}


def tables() -> list[type[Model]]:
    return [Member, Person, Site, Area, Event, Action]


def rows(table: type[Model]) -> list:  # type: ignore[type-arg]
    return list(db.session.scalars(select(table)))


def test_no_label_names_somebody_a_site_or_an_event(morning: Morning) -> None:
    series, words = morning.series, morning.words
    assert len(words) > 10_000 and len(series) > 200
    labels = {pair for _name, labels in series for pair in labels}
    assert {pair for pair in labels if not is_allowed(*pair)} == set()
    of_enums = {word for allowed in VOCABULARY.values() for word in allowed}
    assert {text for _label, text in labels} & words - of_enums == set()
    assert not {name for name, _labels in series} & words


def is_allowed(label: str, text: str) -> bool:
    return text in VOCABULARY.get(label, ()) or re.fullmatch(PATTERNS.get(label, "(?!)"), text) is not None


def test_a_scrape_says_what_happened(morning: Morning) -> None:
    series = morning.series
    assert morning.more("mobilize_check_ins_total", method="poster") == 2
    assert morning.more("mobilize_http_request_seconds_count", route="check_in", status="2xx") == 2
    assert value(series, "mobilize_carrier_calls_total", carrier="twilio", outcome="accepted") >= 2
    assert value(series, "mobilize_carrier_errors_total", carrier="twilio", kind="bad_number") == 1
    assert value(series, "mobilize_receipts_total", state="delivered") >= 1
    spent = {period: value(series, "mobilize_spent_cents", period=period) for period in ("hour", "day")}
    assert spent["day"] >= spent["hour"] > 0
    assert value(series, "mobilize_sites_open") > value(series, "mobilize_sites_silent") > 0
    assert value(series, "mobilize_database_up") == value(series, "mobilize_redis_up") == 1
    assert {dict(labels)["queue"] for name, labels in series if "worker_heartbeat" in name} == set(Queue)
    assert {dict(labels)["queue"] for name, labels in series if "queue_messages" in name} == set(Queue)


def test_rules_and_dashboard_name_what_is_exported(morning: Morning) -> None:
    exported = names(morning.series)
    exprs = {"rules": (DEPLOYED / "alerts.yml").read_text()}
    panels = json.loads((DEPLOYED / "grafana.json").read_text())["panels"]
    exprs |= {f"{p['title']}: {n}": t["expr"] for p in panels for n, t in enumerate(p.get("targets", ()))}
    assert len(exprs) > 30
    unknown = {title: metrics_in(expr) - exported for title, expr in exprs.items()}
    assert {title: gone for title, gone in unknown.items() if gone} == {}
    read = {name for expr in exprs.values() for name in metrics_in(expr)}
    families = {re.sub("_(bucket|sum|count)$", "", name) for name in read}
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in exported} - families == set()


def metrics_in(expr: str) -> set[str]:
    return set(re.findall(r"\bmobilize_\w+", expr))


def test_the_alert_rules_pass_their_own_tests() -> None:
    """Where Prometheus's own tool is here."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    subprocess.run([promtool, "test", "rules", "alerts_test.yml"], cwd=DEPLOYED, check=True)


@pytest.fixture
def picket(pg_app: Flask) -> Event:
    """A line that stands now, with Mia, and Nate who is in already."""
    site = make_site()
    make_member(site=site, number="00004711")
    make_member("Okafor", "Nate", site=site, number="00004712")
    began = clock.now() - timedelta(minutes=10)
    return make_event(site, starts_at=began, ends_at=began + timedelta(hours=1))


def test_two_scrapes_tell_as_much_of_a_member_as_of_a_stranger(web: Web, picket: Event) -> None:
    assert post_check_in(web, picket.code, "00004712") == 200
    moved = [moved_by(partial(post_check_in, web, picket.code, who), web.port) for who in WHO]
    assert moved[0] == moved[1] == moved[2]
    assert value(moved[0], "mobilize_check_ins_total", method="poster") == 1


# A member, one who is in, and a stranger.
WHO = ("00004711", "00004712", "88888888")
OF_THE_MOMENT = "mobilize_database_connections"


def moved_by(act: Callable[[], object], port: int) -> Series:
    """What this act counts on, but for the time it took."""
    before = scrape(port)
    act()
    moved = {key: number - before.get(key, 0) for key, number in scrape(port).items()}
    times = ("_sum", "_bucket")
    return {
        (name, labels): number
        for (name, labels), number in moved.items()
        if number and not name.endswith(times) and not name.startswith(OF_THE_MOMENT)
    }


def test_what_a_dead_process_counted_stays(web: Web, picket: Event) -> None:
    for n in range(6):
        assert post_check_in(web, picket.code, f"8888880{n}") == 200
    before = scrape(web.port)
    serving = listening(web.port)
    assert len(serving) == 2, "each process of the web answers scrapes, for all"
    killed = serving.pop()
    os.kill(killed, signal.SIGKILL)
    after = scraped_when(lambda _series: len(listening(web.port) - {killed}) == 2, web.port)
    for name in ("mobilize_check_ins_total", "mobilize_http_request_seconds_count"):
        of_check_in = {"method": "poster"} if "ins" in name else {"route": "check_in"}
        assert value(after, name, **of_check_in) == value(before, name, **of_check_in) >= 6


def listening(port: int) -> set[int]:
    found_at = (one for one in psutil.net_connections("tcp") if one.laddr and one.laddr.port == port)
    return {one.pid for one in found_at if one.status == psutil.CONN_LISTEN and one.pid}


def test_two_web_servers_of_a_machine_are_two_targets(
    pg_app: Flask, environ: dict[str, str], processes: Processes
) -> None:
    """As systemd starts both, with one METRICS_PORT: each scrape of a port tells of one and the same."""
    of_metrics = next(port for port in iter(free_port, 0) if is_free(port + 2))
    ports = {f"{n}": free_port() for n in (1, 2)}
    [as_unit] = re.findall(r"^Environment=.*(WEB_INSTANCE)=%i", UNIT.read_text(), re.MULTILINE)
    for instance, port in ports.items():
        processes.serve({**environ, "METRICS_PORT": str(of_metrics), as_unit: instance}, port)
    for port in [*[ports["1"]] * 8, ports["2"]]:
        requests.get(f"http://127.0.0.1:{port}/c/none", timeout=20)
    of_page = {"name": "mobilize_http_request_seconds_count", "route": "check_in_page"}
    counts = [[value(scrape(of_metrics + above), **of_page) for _ in range(6)] for above in (0, 2)]
    assert counts == [[8] * 6, [1] * 6]
    targets = re.findall(r"127\.0\.0\.1:(\d+)", (DEPLOYED / "prometheus.yml").read_text())
    assert sorted(int(one) - 9464 for one in targets) == [0, 1, 2]


def test_there_is_nothing_to_read_where_members_come(web: Web) -> None:
    for address in ("/no-such-page", "/metrics", "/metrics/", "/METRICS"):
        assert requests.get(f"{web.address}{address}", timeout=20).status_code == 404


def test_without_a_port_nothing_listens_and_nothing_is_kept(
    pg_app: Flask, environ: dict[str, str], port: int, processes: Processes
) -> None:
    process = processes.serve(environ, port)
    workers = psutil.Process(process.pid).children(recursive=True)
    ports = {c.laddr.port for one in workers for c in one.net_connections("tcp") if c.status == "LISTEN"}
    assert ports <= {port}
    assert all("PROMETHEUS_MULTIPROC_DIR" not in one.environ() for one in workers)


def test_a_scrape_goes_on_without_database_and_redis(environ: dict[str, str], processes: Processes) -> None:
    port = next(port for port in iter(free_port, 0) if is_free(port + 1))
    gone = {"DATABASE_URL": "postgresql://127.0.0.1:1/gone", "REDIS_URL": "redis://127.0.0.1:1/0"}
    processes.celery("worker", environ={**environ, **gone, "METRICS_PORT": str(port)})
    series = scraped_when(lambda series: "mobilize_database_up" in names(series), port + 1)
    assert value(series, "mobilize_database_up") == value(series, "mobilize_redis_up") == 0
    assert "mobilize_queue_messages" not in names(series)
    assert value(series, "mobilize_task_interval_seconds", task="texts.drain") == 600
