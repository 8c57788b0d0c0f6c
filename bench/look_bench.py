"""A look of a line's phone, by processor time: unchanged, and after a change, against the kept check-in page.

The real server on PostgreSQL, one process; its own processor time as Linux's scheduler counts it, in turns,
since machines drift. An unchanged look is held back (`Prefer: wait`) and answered 304; a changed one is held
back until somebody adds supporters, and answered with the whole state. Two phones look at each line. And the
bytes of a phone in an hour, in a real browser. `ROWS=forty,hundreds,hour` chooses some of `PARTS`.
"""

import os
import socket
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from sqlalchemy import delete, select, update

from bench.checkin_place import serve_floor, serving
from bench.first_visit import Counter
from bench.load import page_get, send_all
from bench.process_use import precise_cpu_s
from mobilize import clock
from mobilize.accounts.access.grants import PHONES_KEPT_AT_MOST, grant_line
from mobilize.accounts.models import GrantKind
from mobilize.actions.models import Event
from mobilize.checkins.forms import LineBatch
from mobilize.checkins.line.sync import do_items
from mobilize.checkins.models import Supporters
from mobilize.database import atomic, db
from mobilize.fast.versions import mark_changed
from mobilize.roster.models import Membership
from mobilize.web.rsgi import HELD_SECONDS
from tests.services.browser import FLAGS, executable
from tests.services.postgres import Postgres, find_binaries

TURNS, PAGES, PHONES_OF_A_LINE, ASKED_AT_ONCE = 5, 600, 2, 400
# Of the looks that are held for nothing, those that Flask answers: the first of each minute, which reads the
# phones of the line anew.
FIRST = HELD_SECONDS / PHONES_KEPT_AT_MOST.total_seconds()
# Of a line on a morning: check-ins, ticks, head counts and supporters of forty people in an hour.
CHANGES_IN_AN_HOUR = 60
QUIET_SECONDS, CHANGES_SEEN = 60, 10
PARTS = ("forty", "hundreds", "hour")
Rows = dict[str, dict[str, Any]]


def run() -> Rows:
    """The rows of `make bench ONLY=look`, in about seven minutes: a look that is held takes its time."""
    chosen = [part for part in os.environ.get("ROWS", "").split(",") if part] or list(PARTS)
    rows: Rows = {}
    server = Postgres(find_binaries(), {})
    try:
        for part in chosen:
            with tempfile.TemporaryDirectory() as folder:
                rows |= _PARTS[part](server.create(f"look_{part}"), Path(folder))
    finally:
        server.stop()
    return rows


@dataclass
class Place:
    """The server, what works for it, the floor beside it, and the events at whose lines phones look."""

    port: int
    web: int
    floor_port: int
    floor: int
    events: list[uuid.UUID]
    codes: list[str]

    def page(self) -> float:
        return _cpu_of(
            self.web, PAGES, lambda: send_all(self.port, [page_get(self.port, f"/c/{self.codes[0]}")] * PAGES)
        )

    def hello(self) -> float:
        return _cpu_of(
            self.floor, PAGES, lambda: send_all(self.floor_port, [page_get(self.floor_port, "/")] * PAGES)
        )

    def unchanged(self, phones: list["Phone"]) -> float:
        """CPU of a look that is held back for nothing."""
        return _cpu_of(self.web, len(phones), lambda: _look(phones, 304))

    def changed(self, phones: list["Phone"]) -> float:
        return _cpu_of(self.web, len(phones), lambda: _look(phones, 200, self.add_supporters))

    def add_supporters(self) -> None:
        """At every line, as one phone of each would."""
        now = clock.now()
        with atomic() as session:
            for event in self.events:
                session.add(
                    Supporters(
                        event_id=event,
                        delta=1,
                        happened_at=now,
                        recorded_at=now,
                        by="shell",
                        nonce=uuid.uuid4().bytes,
                    )
                )
            mark_changed(*self.events)


def _cpu_of(process: int, requests: int, work: Callable[[], object]) -> float:
    before = precise_cpu_s(process)
    work()
    return (precise_cpu_s(process) - before) / requests


class Phone:
    """A phone's connection, and what it saw last."""

    def __init__(self, port: int, code: str, token: str):
        self._line = socket.create_connection(("127.0.0.1", port))
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = (
            f"GET /line/{code}/state HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: application/json\r\n"
            f"Accept-Language: en-US\r\nAccept-Encoding: gzip\r\nCookie: line-{code}={token}\r\n"
        )
        self._etag = ""

    def ask(self) -> None:
        validator = f"If-None-Match: {self._etag}\r\nPrefer: wait\r\n" if self._etag else ""
        self._line.sendall(f"{self._head}{validator}\r\n".encode())

    def answer(self) -> int:
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._line.recv(65536) or _closed()
        head, _, body = got.partition(b"\r\n\r\n")
        fields = dict(field.split(b": ", 1) for field in head.lower().split(b"\r\n")[1:])
        while len(body) < int(fields.get(b"content-length", 0)):
            body += self._line.recv(65536) or _closed()
        self._etag = fields.get(b"etag", b"").decode()
        return int(head[9:12])

    def close(self) -> None:
        self._line.close()


def _closed() -> bytes:
    raise ConnectionError("the server closed the connection")


def _look(phones: list[Phone], expected: int, meanwhile: Callable[[], None] = lambda: None) -> None:
    """One look of each, all at once."""
    for phone in phones:
        phone.ask()
    if expected == 200:
        time.sleep(0.3)
    meanwhile()
    statuses = {phone.answer() for phone in phones}
    if statuses - {expected}:
        raise AssertionError(f"looks were answered {statuses}, and not {expected}")


def _looks(url: str, folder: Path, what: str, *, lines: int, names: int, present: int) -> Rows:
    with serving(url, folder) as (port, processes):
        floor_port = serve_floor(processes, url)
        web, floor = (process.pid for process in processes.started)
        events, codes = _lines(lines, names, present)
        place = Place(port, web, floor_port, floor, events, codes)
        tokens = [
            (code, _open(event))
            for event, code in zip(events, codes, strict=True)
            for _n in range(PHONES_OF_A_LINE)
        ]
        phones = [Phone(port, code, token) for code, token in tokens]
        many = phones + [Phone(port, *tokens[n % len(tokens)]) for n in range(ASKED_AT_ONCE - len(phones))]
        _look(many, 200)
        place.page(), place.hello()
        turns = [_turn(place, phones, many) for _n in range(TURNS)]
        for phone in many:
            phone.close()
    return _rows(what, turns)


def _turn(place: Place, phones: list[Phone], many: list[Phone]) -> dict[str, float]:
    figures = {"page": place.page(), "hello": place.hello()}
    figures["changed"] = place.changed(phones)
    _look([phone for phone in many if phone not in phones], 200)
    figures["first unchanged"], later = place.unchanged(many), place.unchanged(many)
    figures["unchanged"] = FIRST * figures["first unchanged"] + (1 - FIRST) * later
    return figures


def _rows(what: str, turns: list[dict[str, float]]) -> Rows:
    rows: Rows = {}
    for kind, bar in (("unchanged", 1.0), ("changed", 5.0)):
        times = statistics.median(turn[kind] / turn["page"] for turn in turns)
        rows[f"{kind} look, {what}: CPU against the page"] = _row(times, "x", bar)
    for kind in ("unchanged", "first unchanged", "changed", "page", "hello"):
        rows[f"{kind}, {what}: CPU of the web"] = _row(
            statistics.median(t[kind] for t in turns) * 1e6, "us", None
        )
    return rows


def _lines(lines: int, names: int, present: int) -> tuple[list[uuid.UUID], list[str]]:
    """Some events, with so many names on their lists, of whom so many were ticked."""
    now = clock.now()
    chosen = list(db.session.scalars(select(Event).order_by(Event.code).limit(lines)))
    members = list(db.session.scalars(select(Membership.member_id).order_by(Membership.id)))
    with atomic() as session:
        session.execute(delete(Membership).where(Membership.member_id.in_(members[lines * names :])))
    for n, event in enumerate(chosen):
        own = members[n * names : (n + 1) * names]
        with atomic() as session:
            session.execute(
                update(Membership).where(Membership.member_id.in_(own)).values(site_id=event.site_id)
            )
        ends = now + timedelta(hours=1)
        grant, _token = grant_line(event.id, GrantKind.CAPTAIN, "bench", None, "shell", ends, now=now)
        ticks = [
            {"nonce": uuid.uuid4().hex, "at": now.isoformat(), "kind": "tick", "member": str(one)}
            for one in own[:present]
        ]
        do_items(event, grant, LineBatch.model_validate({"items": ticks}), now=now)
    return [event.id for event in chosen], [event.code for event in chosen]


def _hour(url: str, folder: Path) -> Rows:
    """A line's page in a browser: while nothing happens, and while something does every two seconds."""
    with serving(url, folder) as (port, processes):
        events, codes = _lines(1, 40, 20)
        place = Place(port, processes.started[0].pid, 0, 0, events, codes)
        counter, token = Counter(port), _open(events[0])
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
            context = browser.new_context(viewport={"width": 390, "height": 844})
            address = f"http://localhost:{counter.port}"
            context.add_cookies([{"name": f"line-{codes[0]}", "value": token, "url": address}])
            page = context.new_page()
            page.goto(f"{address}/line/{codes[0]}", wait_until="domcontentloaded")
            page.wait_for_timeout(2 * HELD_SECONDS * 1000)
            quiet = _bytes_of(counter, lambda: page.wait_for_timeout(QUIET_SECONDS * 1000)) / QUIET_SECONDS
            busy = _bytes_of(counter, lambda: _change_often(page, place))
            browser.close()
    change = busy / CHANGES_SEEN - 2 * quiet
    return {
        "a line's phone in an hour, HTTP/1.1, both ways": _row(
            (3600 * quiet + CHANGES_IN_AN_HOUR * change) / 1000, "KB", 1000
        ),
        "the same while nothing happens": _row(3.6 * quiet, "KB", None),
        "and with each change": _row(change / 1000, "KB", None),
    }


def _change_often(page: Page, place: Place) -> None:
    for _n in range(CHANGES_SEEN):
        place.add_supporters()
        page.wait_for_timeout(2000)


def _bytes_of(counter: Counter, work: Callable[[], object]) -> int:
    before = len(counter.heard), len(counter.asked)
    work()
    passed = counter.heard[before[0] :] + counter.asked[before[1] :]
    return sum(len(part) for part in passed)


def _open(event: uuid.UUID) -> str:
    now = clock.now()
    return grant_line(event, GrantKind.CAPTAIN, "bench", None, "shell", now + timedelta(hours=1), now=now)[1]


def _row(value: float, unit: str, bar: float | None) -> dict[str, Any]:
    return {"value": round(value, 3), "unit": unit, "bar": bar, "better": "lower"}


_PARTS: dict[str, Callable[[str, Path], Rows]] = {
    "forty": lambda url, folder: _looks(url, folder, "40 names, 20 in", lines=40, names=40, present=20),
    "hundreds": lambda url, folder: _looks(url, folder, "400 names, 40 in", lines=8, names=400, present=40),
    "hour": _hour,
}
