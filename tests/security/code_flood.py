"""A flood of requests for members' codes, over HTTP, against real workers: chairs get theirs all the while.

As many known members' numbers as would open the spending breaker at its first setting, three times each, and
40 more from nobody in particular. Meanwhile a chair asks every few seconds, in a browser nobody has seen.
"""

import http.client
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from mobilize import clock, settings
from mobilize.accounts.models import RoleName
from mobilize.accounts.sign_in.code_budgets import WINDOW
from mobilize.database import db
from mobilize.demo.carrier.server import Carrier
from mobilize.texts.models import TextClass
from mobilize.texts.operations import PlannedText, queue_text
from mobilize.texts.queries import paused_senders
from tests.builders import make_member, make_person, make_site
from tests.security.flood import post
from tests.security.ground import Ground, open_ground
from tests.services.redis import Redis

MEMBERS, TIMES, ANONYMOUS = 2_728, 3, 40
SECONDS = 95
STRANGERS = 6
CHAIRS, EVERY_S = 18, 5
AT_MOST_S = 3.0
REMINDED = "+12135550188"
CARRIER = {
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "a-token-for-tests",
    "TWILIO_MESSAGING_SERVICE_SID": "MG" + "0" * 32,
}


@dataclass(frozen=True)
class CodeFlood:
    """The result. `waited_s` has one entry for each chair: from the answer to the carrier's yes."""

    requested: int
    seconds: float
    waited_s: list[float]
    codes_to_members: int
    most_codes_to_members: int
    is_paused: bool
    reminder_left: bool

    @property
    def holds(self) -> bool:
        in_time = len(self.waited_s) == CHAIRS and max(self.waited_s) <= AT_MOST_S
        within_budget = self.codes_to_members <= self.most_codes_to_members
        return in_time and within_budget and not self.is_paused and self.reminder_left


def run() -> CodeFlood:
    """Two minutes."""
    with _carrier() as carrier, _redis() as redis:
        environ = {**CARRIER, "TWILIO_API_URL": carrier.url, "REDIS_URL": redis.url}
        with open_ground("codes", environ) as ground:
            members = _union()
            ground.work()
            began = time.monotonic()
            waited: list[float] = []
            chairs = threading.Thread(target=_chairs_sign_in, args=(ground, carrier, waited))
            chairs.start()
            requested = _flood(ground, members)
            took = time.monotonic() - began
            chairs.join()
            _remind()
            left = _wait_for(carrier, REMINDED, 10) is not None
            numbers = set(members)
            return CodeFlood(
                requested=requested,
                seconds=took,
                waited_s=waited,
                codes_to_members=sum(text["to"] in numbers for text in carrier.store.ledger()),
                most_codes_to_members=_most(took),
                is_paused=bool(paused_senders()),
                reminder_left=left,
            )


def _union() -> list[str]:
    site = make_site()
    members = [f"+1213{5_552_000 + n}" for n in range(MEMBERS)]
    for phone in members:
        make_member(site=site, phone=phone)
    for n in range(CHAIRS):
        make_person(phone=_chair(n), role=RoleName.CHAIR, site=site)
    db.session.rollback()
    return members


def _chair(n: int) -> str:
    return f"+1213{5_550_200 + n}"


def _flood(ground: Ground, members: list[str]) -> int:
    """Every number in turn, evenly over the time, each from a browser of its own; returns how many asked."""
    nobody = [f"+1310{5_550_000 + n}" for n in range(ANONYMOUS)]
    phones = iter([*nobody, *members * TIMES])
    total = ANONYMOUS + TIMES * len(members)
    turn, lock, began = itertools.count(), threading.Lock(), time.monotonic()

    def work() -> None:
        line = http.client.HTTPConnection("127.0.0.1", ground.port, timeout=60)
        while True:
            with lock:
                phone, n = next(phones, None), next(turn)
            if phone is None:
                break
            time.sleep(max(0.0, began + n * SECONDS / total - time.monotonic()))
            status, _cookie = post(line, ground.port, "/me", {"phone": phone})
            if status != 303:
                raise AssertionError(f"the page answered {status}")
        line.close()

    strangers = [threading.Thread(target=work) for _ in range(STRANGERS)]
    for stranger in strangers:
        stranger.start()
    for stranger in strangers:
        stranger.join()
    return total


def _chairs_sign_in(ground: Ground, carrier: Carrier, waited: list[float]) -> None:
    began = time.monotonic()
    for n in range(CHAIRS):
        time.sleep(max(0.0, began + (n + 1) * EVERY_S - time.monotonic()))
        line = http.client.HTTPConnection("127.0.0.1", ground.port, timeout=60)
        post(line, ground.port, "/sign-in", {"phone": _chair(n)})
        line.close()
        took = _wait_for(carrier, _chair(n), 30)
        waited.append(99.0 if took is None else took)


def _wait_for(carrier: Carrier, phone: str, seconds: float) -> float | None:
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if any(text["to"] == phone for text in carrier.store.ledger()):
            return time.monotonic() - began
        time.sleep(0.02)
    return None


def _remind() -> None:
    """A text as any other."""
    now = clock.now()
    planned = PlannedText(
        purpose="test:1:1",
        phone=REMINDED,
        wording="as_written",
        language="en",
        text_class=TextClass.REQUESTED,
        tz=settings().union_timezone,
        due_at=now,
        expires_at=now + timedelta(hours=1),
        merge_fields={"body": "Seven o'clock."},
    )
    queue_text(planned, now=now)


def _most(seconds: float) -> int:
    """The members' budget, of as many windows as so many seconds can touch."""
    return settings().member_codes_in_20_minutes * (2 + int(seconds / WINDOW.total_seconds()))


@contextmanager
def _carrier() -> Iterator[Carrier]:
    carrier = Carrier(CARRIER["TWILIO_ACCOUNT_SID"], CARRIER["TWILIO_AUTH_TOKEN"], "http://localhost").start()
    carrier.faults.receipts_lost = 1.0
    try:
        yield carrier
    finally:
        carrier.stop()


@contextmanager
def _redis() -> Iterator[Redis]:
    redis = Redis()
    try:
        yield redis
    finally:
        redis.stop()
