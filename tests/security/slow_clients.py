"""Sockets that are slow on purpose, beside people who check in: what the production server does about them.

`run()` measures at full size for `make security ONLY=slow`; `tests/security/test_slow_clients_stop_nobody.py`
does the same in seconds.
"""

import http.client
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode

from mobilize import clock
from mobilize.checkins.forms import event_token
from mobilize.database import db
from tests.builders import make_event, make_member, make_site
from tests.security.ground import open_ground

SOCKETS = 500
SECONDS = {"body": 60.0, "head": 15.0, "silent": 15.0, "reader": 15.0}
# Until all are connected; and until what readers asked for, 4 files each, is made and waits for them.
SETTLED = {"body": 0.5, "head": 0.5, "silent": 0.5, "reader": 6.0}
AT_MOST_SLOWER = 0.2  # seconds, of the 99th percentile
FEED_EVERY = 2.0  # seconds between two bytes of one socket
PACE = 0.1  # seconds between two honest requests of one kind

_FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
# What each kind of socket sends first. The body's is a form's, and a file's beside
# a made-up session, in turns.
_FIRST: dict[str, Callable[[int], bytes]] = {
    "body": lambda n: (
        b"POST /sign-in HTTP/1.1\r\nHost: x\r\n%bContent-Length: 1000\r\n\r\nx" % _FORM
        if n % 2
        else b"POST /imports/roster HTTP/1.1\r\nHost: x\r\nCookie: session=x\r\n"
        b"%bContent-Length: 1000000\r\n\r\nx" % _FORM
    ),
    "head": lambda _n: b"GET /healthz HTTP/1.1\r\nX: ",
    "silent": lambda _n: b"",
    "reader": lambda _n: b"GET /static/css/mobilize.css HTTP/1.1\r\nHost: x\r\n\r\n" * 4,
}


@contextmanager
def slow_clients(port: int, kind: str, count: int) -> Iterator[None]:
    """`count` sockets of a kind, kept open for the time of the block: each sends a byte every two seconds,
    or reads none, and one that the server closes is opened again."""
    stop = threading.Event()
    feeder = threading.Thread(target=_feed, args=(port, kind, count, stop))
    feeder.start()
    try:
        time.sleep(SETTLED[kind])
        yield
    finally:
        stop.set()
        feeder.join()


def _feed(port: int, kind: str, count: int, stop: threading.Event) -> None:
    opened = [_open(port, kind, n) for n in range(count)]
    next_round = time.monotonic() + FEED_EVERY
    with selectors.DefaultSelector() as closing:
        for n, sock in enumerate(opened):
            closing.register(sock, selectors.EVENT_READ, n)
        while not stop.is_set():
            for key, _ in [] if kind == "reader" else closing.select(0.1):
                closing.unregister(key.fileobj)
                opened[key.data].close()
                opened[key.data] = _open(port, kind, key.data)
                closing.register(opened[key.data], selectors.EVENT_READ, key.data)
            stop.wait(0.02)
            if time.monotonic() > next_round and kind in ("body", "head"):
                next_round += FEED_EVERY
                for sock in opened:
                    with suppress(OSError):
                        sock.send(b"x")
    for sock in opened:
        sock.close()


def _open(port: int, kind: str, n: int) -> socket.socket:
    sock = socket.socket()
    if kind == "reader":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.settimeout(5)
    with suppress(OSError):
        sock.connect(("127.0.0.1", port))
        sock.sendall(_FIRST[kind](n))
    sock.setblocking(False)
    return sock


@dataclass
class Honest:
    """Seconds each answer took, by what was asked, and what was answered instead of a yes."""

    taken: dict[str, list[float]] = field(default_factory=lambda: {"check-in": [], "/healthz": []})
    wrong: list[str] = field(default_factory=list)

    def p99(self, route: str) -> float:
        times = sorted(self.taken[route])
        return times[min(len(times) - 1, int(len(times) * 0.99))]


def honest_requests(
    port: int, check_ins: list[tuple[str, str]], seconds: float, wait: float = 10.0
) -> Honest:
    """Check-ins, taken from `check_ins` (address, form), and looks at /healthz, each on a new connection
    and at
    an even pace; an answer that takes longer than `wait` seconds is wrong."""
    honest = Honest()
    ends = time.monotonic() + seconds

    def check_in() -> None:
        path, form = check_ins.pop()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://localhost:{port}"}
        _ask(port, honest, "check-in", ("POST", path, form, headers), wait)

    def look() -> None:
        _ask(port, honest, "/healthz", ("GET", "/healthz", None, {}), wait)

    threads = [threading.Thread(target=_at_a_pace, args=(ask, ends)) for ask in (check_in, look)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return honest


def _at_a_pace(ask: Callable[[], None], ends: float) -> None:
    while (began := time.monotonic()) < ends:
        ask()
        time.sleep(max(0.0, began + PACE - time.monotonic()))


def _ask(
    port: int, honest: Honest, what: str, request: tuple[str, str, str | None, dict[str, str]], wait: float
) -> None:
    method, path, form, headers = request
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=wait)
    began = time.monotonic()
    try:
        line.request(method, path, form, {"Host": f"localhost:{port}", **headers})
        answer = line.getresponse()
        answer.read()
        if answer.status != 200:
            honest.wrong.append(f"{what}: {answer.status}")
    except (OSError, http.client.HTTPException) as error:
        honest.wrong.append(f"{what}: {error!r}")
    finally:
        line.close()
    honest.taken[what].append(time.monotonic() - began)


def check_ins_of_members(count: int) -> list[tuple[str, str]]:
    """The forms of `count` members at a picket that is open now; needs the application's context."""
    now, site = clock.now(), make_site()
    event = make_event(site, starts_at=now - timedelta(minutes=5), ends_at=now + timedelta(hours=1))
    token = event_token(event.code)
    forms = [
        (f"/c/{event.code}", urlencode({"typed": make_member(site=site).number, "token": token}))
        for _ in range(count)
    ]
    db.session.rollback()
    return forms


@dataclass(frozen=True)
class Slowed:
    """The change of the 99th percentile beside one kind of slow socket, in seconds, by route."""

    kind: str
    more: dict[str, float]
    wrong: list[str]

    @property
    def holds(self) -> bool:
        return not self.wrong and all(more < AT_MOST_SLOWER for more in self.more.values())


def run() -> list[Slowed]:
    """Each kind of slow socket beside honest requests, against the same requests alone just before; two
    minutes
    and a half."""
    with open_ground("slow") as ground:
        seconds = 2 * sum(SECONDS.values())
        check_ins = check_ins_of_members(int(seconds / PACE))
        return [_slowed(ground.port, kind, check_ins) for kind in SECONDS]


def _slowed(port: int, kind: str, check_ins: list[tuple[str, str]]) -> Slowed:
    alone = honest_requests(port, check_ins, min(SECONDS[kind], 20.0))
    with slow_clients(port, kind, SOCKETS):
        beside = honest_requests(port, check_ins, SECONDS[kind])
    more = {route: beside.p99(route) - alone.p99(route) for route in beside.taken}
    return Slowed(kind, more, alone.wrong + beside.wrong)
