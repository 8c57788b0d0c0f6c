"""Metrics for Prometheus: what the processes of this machine count, and the port that says it.

Without METRICS_PORT nothing is served. No label is about a person, a site or an event, and none takes a value
from outside: `docs/monitoring.md` lists them all. No figure depends on whose number a check-in names, or on
what became of it: two looks around one tell as much of a member's as of a stranger's.
"""

import logging
import os
import platform
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, make_wsgi_app
from prometheus_client.metrics_core import InfoMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.pool import QueuePool

from config import Settings
from mobilize.observability.process_folders import METRICS, is_alive

# The bars of a check-in (60, 150, 200 and 500 ms) are edges, so that what lies beyond one is counted exactly.
_SECONDS = (0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.5, 1, 2.5, 10)
_SLOWEST_CLIENT_S = 5

CHECK_INS = Counter("mobilize_check_ins", "Check-ins stored, whatever became of them", ["method"])
HTTP_SECONDS = Histogram(
    "mobilize_http_request_seconds",
    "From the whole request to the answer, the wait for a thread included",
    ["route", "status"],
    buckets=_SECONDS,
)
LONG_POLLS_WAITING = Gauge(
    "mobilize_long_polls_waiting",
    "Long polls of line pages that wait for a change",
    multiprocess_mode="livesum",
)
CONNECTIONS_IN_USE = Gauge(
    "mobilize_database_connections_in_use",
    "Database connections in use",
    ["pool"],
    multiprocess_mode="livesum",
)
CONNECTIONS_MAX = Gauge(
    "mobilize_database_connections_max",
    "Database connections the processes may have",
    ["pool"],
    multiprocess_mode="livesum",
)
CARRIER_CALLS = Counter(
    "mobilize_carrier_calls", "Texts handed to a carrier, by how the call ended", ["carrier", "outcome"]
)
CARRIER_ERRORS = Counter(
    "mobilize_carrier_errors",
    "Texts a carrier refused or did not bring to the phone, by what its code means",
    ["carrier", "kind"],
)
CARRIER_CALLBACKS_REFUSED = Counter(
    "mobilize_carrier_callbacks_refused",
    "Requests to the address of a carrier's callbacks that it has not signed",
    ["carrier", "reason"],
)
RECEIPTS = Counter("mobilize_receipts", "Receipts of carriers, each once, by what they say", ["state"])
TEXTS_DROPPED = Counter("mobilize_texts_dropped", "Texts that will not be sent, by the reason", ["reason"])
TASK_SECONDS = Summary("mobilize_task_seconds", "Runs of a task and the time they took", ["task"])
TASK_FAILURES = Counter("mobilize_task_failures", "Runs of a task that ended with an error", ["task"])
TASK_LAST_RUN = Gauge(
    "mobilize_task_last_run_timestamp_seconds",
    "When a task last ended without an error",
    ["task"],
    multiprocess_mode="max",
)
WORKER_HEARTBEAT = Gauge(
    "mobilize_worker_heartbeat_timestamp_seconds",
    "When the process of a queue was last seen, of several the one seen longest ago",
    ["queue"],
    multiprocess_mode="livemin",
)

# The first part of an address, where it is one of ours, and whether it is read or sent to.
_ROUTES = {
    "c": ("check_in_page", "check_in"),
    "p": ("check_in_page", "check_in"),
    "l": ("line_page", "line_page"),
    "line": ("line_page", "line_send"),
    "wall": ("board", "board"),
    "overview": ("board", "board"),
    "noon": ("statement", "statement"),
    "me": ("member_page", "member_page"),
    "api": ("api", "api"),
    "calendar": ("calendar", "calendar"),
    "healthz": ("probe", "probe"),
    "readyz": ("probe", "probe"),
    **dict.fromkeys(("where", "where.json"), ("line_finder", "line_finder")),
} | dict.fromkeys(("sign-in", "sign-out", "enter", "step-up"), ("sign_in", "sign_in"))
_FILES = ("static", "sw.js", "colours.css")
_FROM_CARRIER = ("/texts/receipts/", "/texts/inbound", "/texts/telnyx")
_PAGES = (
    *("", "language", "actions", "approvals", "audit", "broadcasts", "calendars", "campaigns", "components"),
    *("devices", "events", "exports", "guides", "imports", "inbox", "jobs", "manuals", "members", "people"),
    *("photos", "privacy", "protections", "reports", "setup", "sites", "texting", "texts", "tokens"),
    "webhooks",
)
_ROUTES |= dict.fromkeys(_FILES, ("file", "file")) | dict.fromkeys(_PAGES, ("page", "page"))
_UNKNOWN = ("unknown", "unknown")
_children: dict[tuple[str, int], Histogram] = {}
_watched: list[tuple[Gauge, Callable[[], float]]] = []
_log = logging.getLogger(__name__)


def route_of(method: str, path: str) -> str:
    """The class of an address: one of a fixed few, whatever was asked for."""
    read, sent = _ROUTES.get(path[1:].partition("/")[0].lower(), _UNKNOWN)
    if method == "POST":
        return "carrier" if path.startswith(_FROM_CARRIER) else sent
    if read == "line_page" and path.endswith("/state"):
        return "line_look"
    return "board" if path.endswith(("/turnout", "/turnout.json")) else read


def observe_request(method: str, path: str, status: int, seconds: float) -> None:
    """Count one answer and its time."""
    key = route_of(method, path), status // 100
    if key not in _children:
        _children[key] = HTTP_SECONDS.labels(key[0], f"{key[1]}xx")
    _children[key].observe(seconds)


def watch(gauge: Gauge, read: Callable[[], float]) -> None:
    """Let the gauge show what `read` says at each `sample()`."""
    _watched.append((gauge, read))


def watch_pool(engine: Engine, name: str, *, most: int) -> None:
    """Show how many connections of this engine's pool are in use, and how many there may be."""
    if isinstance(engine.pool, QueuePool):
        watch(CONNECTIONS_IN_USE.labels(name), lambda: cast(QueuePool, engine.pool).checkedout())
        watch(CONNECTIONS_MAX.labels(name), lambda: most)


def sample() -> None:
    """Read what is watched: of this process, and not at each change, which would cost every check-in."""
    for gauge, read in _watched:
        gauge.set(read())


def serve_web(settings: Settings) -> None:
    """Answer scrapes of this web server. Each server of a machine has a port of its own, since each counts by
    itself: the first METRICS_PORT, then come the workers, the second server, and every other port."""
    serve(settings, above=2 * (settings.web_instance - 1))


def serve(settings: Settings, *, above: int = 0, more: Iterable[Collector] = ()) -> None:
    """Answer scrapes at METRICS_PORT and so many above, in a thread; nothing where that is not set.

    What all processes that share this one's folder have counted, and what `more` collects. Several processes
    may serve at one port: each scrape is answered by one of them, for all. A port that is taken is logged,
    and stops nobody.
    """
    if settings.metrics_port is None:
        return
    registry = CollectorRegistry()
    for collector in (_Counted(), _Build(), *more):
        registry.register(collector)
    server_class = _ServerOfIpv6 if ":" in settings.metrics_host else _Server
    port = settings.metrics_port + above
    try:
        server = make_server(settings.metrics_host, port, make_wsgi_app(registry), server_class, _Silent)
    except OSError as error:
        _log.error("metrics are not served: port %s: %s", port, error.strerror)
        return
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


class _Counted(MultiProcessCollector, Collector):
    """What the processes that share the folder have counted; of those that ended, their totals alone."""

    def __init__(self) -> None:
        super().__init__(None)

    def collect(self) -> Iterator[Metric]:
        folder = os.environ[METRICS]
        for pid in {path.stem.rpartition("_")[2] for path in Path(folder).glob("gauge_live*.db")}:
            if not is_alive(int(pid)):
                mark_process_dead(int(pid), folder)
        return super().collect()


class _Build(Collector):
    """Which code this is."""

    def collect(self) -> Iterator[Metric]:
        versions = Path(__file__).parents[1] / "migrations" / "versions"
        newest = max(path.stem for path in versions.glob("[0-9]*.py"))
        value = {"migration": newest.partition("_")[0], "python": platform.python_version()}
        yield InfoMetricFamily("mobilize_build", "The newest migration of this code, and its Python", value)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    # The processes of a server share the port, and a new one listens before an old one ends.
    allow_reuse_port = True

    def service_actions(self) -> None:
        """Called by the loop of `serve_forever`, twice a second."""
        sample()


class _ServerOfIpv6(_Server):
    address_family = socket.AF_INET6


class _Silent(WSGIRequestHandler):
    timeout = _SLOWEST_CLIENT_S

    def log_message(self, format: str, *args: Any) -> None:
        """A scrape is no news."""
