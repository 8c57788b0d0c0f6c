"""A tenth of a morning: members, chairs, walls and texts, and what the rows say afterwards. Played at the
cluster's nginx, and by `make chaos ONLY=all` at a service on one machine.

Phones do as the pages do: what was not answered with a receipt is sent again until it is.
"""

import http.client
import json
import random
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from urllib.parse import urlencode

import psycopg
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind
from mobilize.actions.models import Event
from mobilize.checkins.forms import event_token
from mobilize.database import db
from mobilize.demo.carrier.server import Carrier
from mobilize.keys.crypto import blind_index
from mobilize.roster.models import Member, Membership
from mobilize.texts.models import TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from tests.chaos.line import COUNTED_TWICE, DO_NOT_ADD_UP, LOST, TWICE
from tests.services.databases import opened

CHECK_INS, BATCHES, LOOKS, WALLS, TEXTS = 5.0, 1.0, 10.0, 3.0, 4.0  # a second
# Every so many taps is of somebody who has tapped before.
AGAIN = 5
# The last of the members are ticked, and do not tap.
TICKED = 1500
SETTLES_WITHIN_S = 150.0
NONCES = "SELECT count(*) FROM evidence WHERE nonce = ANY(%s)"
SUPPORTERS = "SELECT coalesce(sum(delta), 0) FROM supporters"
NOT_AT_REST = "SELECT count(*) FROM outbox WHERE state NOT IN ('accepted', 'sent', 'delivered')"


class Place(Protocol):
    """Where a morning is played: the service's public address and how to reach it, its database, an
    application of ours on it, the stand-in carrier and the number of members, who are 00000000 and up."""

    public: str
    members: int
    carrier: Carrier

    @property
    def direct_url(self) -> str: ...

    def app(self) -> Flask: ...

    def connect(self) -> http.client.HTTPConnection: ...


@dataclass
class Phase:
    """What happened while one machine was away. `answers` by kind of request and what came of it."""

    name: str
    began: float
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    acknowledged: list[float] = field(default_factory=list)
    members: list[int] = field(default_factory=list)
    ended: float = 0.0

    @property
    def longest_gap_s(self) -> float:
        moments = sorted([self.began, *self.acknowledged, self.ended or time.monotonic()])
        return max(later - sooner for sooner, later in zip(moments, moments[1:], strict=False))

    def count(self, kind: str, *outcomes: str) -> int:
        return sum(self.answers[kind, outcome] for outcome in outcomes)


@dataclass
class LinePhone:
    """A chair's phone: the code and event it stands at, its cookie, and the members it may tick."""

    code: str
    cookie: str
    members: list[tuple[int, str]]
    etag: str = ""


class Morning:
    """The load. `begin` and `end` start and stop it; `phase` names what goes on; `reckon` compares."""

    def __init__(self, place: Place):
        self.place = place
        self.app = place.app()
        self.over, self.lock = threading.Event(), threading.Lock()
        self.resting = threading.Event()
        self.phases: list[Phase] = []
        self.ticks: dict[str, int] = {}  # nonce -> member, of those that were acknowledged
        self.supporters = 0
        self.texts: set[str] = set()
        self.queued = 0
        self.dice = random.Random(1937)
        self.tapped: list[int] = []
        with opened(self.app):
            self._open_pages()

    def phase(self, name: str) -> Phase:
        """From now on everything counts as part of this."""
        if self.phases:
            self.phases[-1].ended = time.monotonic()
        self.phases.append(Phase(name, time.monotonic()))
        return self.phases[-1]

    def begin(self) -> None:
        self.pool, self.under_way = ThreadPoolExecutor(64), set[Future[None]]()
        rates = {self._tap: CHECK_INS, self._send_batch: BATCHES, self._look: LOOKS, self._watch: WALLS}
        self.clocks = [threading.Thread(target=self._repeat, args=(do, rate)) for do, rate in rates.items()]
        self.clocks.append(threading.Thread(target=self._queue_texts))
        for thread in self.clocks:
            thread.start()

    def end(self) -> None:
        """No new ones; what was begun is sent until it is acknowledged."""
        self.over.set()
        for thread in self.clocks:
            thread.join()
        self.pool.shutdown()
        self.phases[-1].ended = time.monotonic()

    def rest(self) -> None:
        """No new ones until `go_on`; returns when what was begun is acknowledged."""
        self.resting.set()
        wait(list(self.under_way))
        self.under_way.clear()

    def go_on(self) -> None:
        self.resting.clear()

    def _repeat(self, do: Callable[[], None], per_second: float) -> None:
        began, n = time.monotonic(), 0
        while not self.over.wait(max(0.0, began + n / per_second - time.monotonic())):
            if not self.resting.is_set():
                self.under_way.add(self.pool.submit(do))
            n += 1

    # What phones do.

    def _tap(self) -> None:
        self.check_in(self._somebody())

    def _somebody(self) -> int:
        """A member who has not tapped yet, or at times one who has."""
        with self.lock:
            all_have = len(self.tapped) >= self.place.members - TICKED
            if self.tapped and (all_have or self.dice.randrange(AGAIN) == 0):
                number = self.dice.choice(self.tapped)
            else:
                number = len(self.tapped)
                self.tapped.append(number)
            return number

    def check_in(self, number: int) -> None:
        """Open the page for this member, and send its form until there is a receipt. Each page has a token of
        its own: two are two check-ins, which only the key of `attendance` makes one."""
        code = self.codes[number % len(self.codes)]
        with self.app.app_context():
            body = urlencode({"token": event_token(code), "typed": f"{number:08d}"})
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        self._until_stored("check-in", lambda: self._ask("POST", f"/c/{code}", body, form)[0])
        with self.lock:
            self.phases[-1].members.append(number)
            self.phases[-1].acknowledged.append(time.monotonic())

    def _send_batch(self) -> None:
        phone = self.dice.choice(self.line_phones)
        with self.lock:
            member, member_id = phone.members.pop() if phone.members else (0, "")
        items = [{"kind": "supporters", "n": 1}]
        items += [{"kind": "tick", "member": member_id}] if member_id else []
        for item in items:
            item |= {"nonce": uuid.uuid4().hex, "at": clock.now().isoformat()}
        body = json.dumps({"items": items, "sent_at": clock.now().isoformat()})
        headers = {"Content-Type": "application/json", "Cookie": phone.cookie}
        stored: list[bool] = []

        def send() -> int:
            status, answer, _ = self._ask("POST", f"/line/{phone.code}/items", body, headers)
            if status == 200:
                stored[:] = [one["stored"] for one in json.loads(answer)["items"]]
            return status

        self._until_stored("line", send)
        with self.lock:
            self.supporters += 1
            if member_id:
                self.ticks[str(items[1]["nonce"])] = member
            if not all(stored):
                self._note("line", "refused")

    def _look(self) -> None:
        phone = self.dice.choice(self.line_phones)
        headers = {"Cookie": phone.cookie, "If-None-Match": phone.etag}
        status, _, etag = self._ask("GET", f"/line/{phone.code}/state", "", headers)
        phone.etag = etag or phone.etag
        self._note_status("look", status)

    def _watch(self) -> None:
        status, _, _ = self._ask("GET", f"/wall/{self.wall}/board.json", "", {})
        self._note_status("board", status)

    def _queue_texts(self) -> None:
        """A second's texts at a time, by a connection of this process, until they are queued."""
        with opened(self.app):
            while not self.over.wait(1.0):
                if self.resting.is_set():
                    continue
                bodies = [f"text {self.queued + n}" for n in range(int(TEXTS))]
                self.queued += len(bodies)
                now, queued = clock.now(), False
                while not queued:
                    with suppress(SQLAlchemyError):
                        queue_texts([self.text(body) for body in bodies], now=now)
                        queued = True
                    db.session.rollback()
                    self.over.wait(0 if queued else 0.3)
                self.texts.update(bodies)

    def _until_stored(self, kind: str, send: Callable[[], int]) -> None:
        while True:
            status = send()
            self._note_status(kind, status)
            if status == 200:
                return
            time.sleep(0.5)

    def _ask(self, method: str, path: str, body: str, headers: dict[str, str]) -> tuple[int, bytes, str]:
        """Status, body and ETag; 0 for no answer, and -503 for one that names no time to try again."""
        connection = self.place.connect()
        try:
            connection.request(method, path, body or None, {"Origin": self.place.public, **headers})
            answer = connection.getresponse()
            read = answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b"", ""
        finally:
            connection.close()
        vague = answer.status == 503 and "Retry-After" not in answer.headers
        return -503 if vague else answer.status, read, answer.headers.get("ETag", "")

    def _note_status(self, kind: str, status: int) -> None:
        if status in (200, 304):
            self._note(kind, "done")
        else:
            self._note(kind, {0: "no answer", 503: "later"}.get(status, f"error {status}"))

    def _note(self, kind: str, outcome: str) -> None:
        self.phases[-1].answers[kind, outcome] += 1

    # What they hold.

    def _open_pages(self) -> None:
        events = db.session.scalars(select(Event)).all()
        members: defaultdict[uuid.UUID, list[tuple[int, str]]] = defaultdict(list)
        marks = {
            blind_index("number", f"{n:08d}"): n
            for n in range(self.place.members - TICKED, self.place.members)
        }
        homes = select(Member.number_index, Member.id, Membership.site_id).join(
            Membership, Membership.member_id == Member.id
        )
        for mark, member_id, site_id in db.session.execute(homes):
            if mark in marks:
                members[site_id].append((marks[mark], str(member_id)))
        ends_at, now = clock.now() + timedelta(hours=2), clock.now()
        self.codes = [event.code for event in events]
        self.line_phones = []
        host_only = "__Host-" if self.place.public.startswith("https") else ""
        for event in events:
            _, token = grant_line(event.id, GrantKind.CAPTAIN, "phone", None, "shell", ends_at, now=now)
            cookie = f"{host_only}line-{event.code}={token}"
            self.line_phones.append(LinePhone(event.code, cookie, members[event.site_id]))  # type: ignore[index]
        _, self.wall = grant_line(events[0].id, GrantKind.WALL, "wall", None, "shell", ends_at, now=now)

    # What the rows say.

    def reckon(self) -> dict[str, int]:
        """What was lost and doubled, once all that was queued has left or time is up."""
        deadline = time.monotonic() + SETTLES_WITHIN_S
        with psycopg.connect(self.place.direct_url, autocommit=True) as rows:
            while _one(rows, NOT_AT_REST) and time.monotonic() < deadline:
                time.sleep(0.5)
            taken = Counter(text["body"] for text in self.place.carrier.store.ledger())
            return {
                **self.compare(rows),
                "texts_lost": sum(not taken[body] for body in self.texts),
                "texts_doubled": sum(n - 1 for n in taken.values()),
            }

    def compare(self, rows: psycopg.Connection) -> dict[str, int]:
        """The check-ins, ticks and supporters that were acknowledged, beside the rows."""
        with self.app.app_context():
            tapped = [blind_index("number", f"{n:08d}") for one in self.phases for n in one.members]
            ticked = [blind_index("number", f"{n:08d}") for n in self.ticks.values()]
        nonces = [bytes.fromhex(nonce) for nonce in self.ticks]
        return {
            "check_ins_lost": _one(rows, LOST, tapped),
            "ticks_lost": len(nonces) - _one(rows, NONCES, nonces) + _one(rows, LOST, ticked),
            "supporters_off": _one(rows, SUPPORTERS) - self.supporters,
            "counted_twice": _one(rows, TWICE) + _one(rows, COUNTED_TWICE),
            "do_not_add_up": _one(rows, DO_NOT_ADD_UP),
        }

    def text(self, body: str) -> PlannedText:
        """The text with this body, as it is queued."""
        now = clock.now()
        return PlannedText(
            purpose=f"cluster:{body}:1", phone=f"+1213555{int(body.split()[1]) % 10_000:04d}",
            wording="as_written", language="en", text_class=TextClass.REQUESTED, tz="UTC", due_at=now,
            expires_at=now + timedelta(hours=1), merge_fields={"body": body},
        )  # fmt: skip


def _one(rows: psycopg.Connection, query: str, *values: object) -> int:
    [(n,)] = rows.execute(query, values).fetchall()
    return int(n)
