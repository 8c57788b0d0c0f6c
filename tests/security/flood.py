"""The morning's flood at full size, over HTTP: 5,000 junk requests from the address of 500 honest check-ins.

All of it comes from one address, as from behind one carrier's. Afterwards the chair still signs in, no
stranger was sent anything, and a code that was tried five times is dead, through a kill -9 of the server too.
"""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from sqlalchemy import func, select

from mobilize import clock
from mobilize.accounts.models import CodeRequest, RoleName
from mobilize.accounts.sign_in.operations import send_codes
from mobilize.checkins.forms import event_token
from mobilize.checkins.models import Attendance
from mobilize.database import db
from mobilize.privacy.member_page import sessions
from mobilize.texts.models import OutboxText
from tests.builders import make_event, make_member, make_person, make_site
from tests.security.ground import Ground, open_ground

HONEST, JUNK = 500, 5_000
STRANGERS, LINE = 6, 4
CARMEN = "+12135550101"
Form = dict[str, str]


@dataclass(frozen=True)
class Flood:
    """The result of a flood."""

    seconds: float
    counted: int
    refused: list[int]
    broken: list[int]
    texts_to_strangers: int
    chair_signed_in: bool
    dead_after_five_tries: bool

    @property
    def holds(self) -> bool:
        whole = self.counted == HONEST and not self.refused and not self.broken
        return whole and not self.texts_to_strangers and self.chair_signed_in and self.dead_after_five_tries


def run() -> Flood:
    """Half a minute."""
    with open_ground("flood") as ground:
        site = make_site()
        now = clock.now()
        event = make_event(site, starts_at=now - timedelta(minutes=5), ends_at=now + timedelta(hours=1))
        honest = [
            (f"/c/{event.code}", {"typed": make_member(site=site).number, "token": event_token(event.code)})
            for _ in range(HONEST)
        ]
        make_person(phone=CARMEN, role=RoleName.CHAIR, site=site)
        db.session.rollback()
        began = time.monotonic()
        broken, refused = _both(ground.port, _junk(event.code), honest)
        took = time.monotonic() - began
        db.session.rollback()
        return Flood(
            seconds=took,
            counted=db.session.scalar(select(func.count()).select_from(Attendance)) or 0,
            refused=refused,
            broken=broken,
            texts_to_strangers=_texts_to_strangers(),
            chair_signed_in=_chair_signs_in(ground),
            dead_after_five_tries=_code_dies(ground),
        )


def _junk(code: str) -> list[tuple[str, Form]]:
    """Of every kind a public form takes; numbers are nobody's, or the chair's own."""
    kinds: list[Callable[[int], tuple[str, Form]]] = [
        lambda n: ("/sign-in", {"phone": f"213555{n % 10_000:04d}" if n % 50 else CARMEN}),
        lambda n: ("/me", {"phone": f"310555{n % 10_000:04d}"}),
        lambda n: ("/sign-in/code", {"code": f"{n:08d}"}),
        lambda n: ("/me/code", {"code": f"{n:08d}"}),
        lambda n: (f"/enter/no-such-link-{n}", {}),
        lambda n: (f"/c/NOSUCH{n % 1000:03d}", {"typed": f"{n:08d}"}),
        lambda n: (f"/c/{code}", {"typed": "not a number " * 9, "token": "junk"}),
        lambda n: ("/sign-in/second", {"step_code": f"{n:06d}"}),
        lambda n: ("/texts/inbound", {"From": CARMEN, "Body": "STOP"}),
        lambda n: (f"/line/{code}/items", {"items": "x" * 2000}),
    ]
    return [kinds[n % len(kinds)](n) for n in range(JUNK)]


def _both(
    port: int, junk: list[tuple[str, Form]], honest: list[tuple[str, Form]]
) -> tuple[list[int], list[int]]:
    """(server errors to the junk, answers to honest ones that are no yes). The line lasts as long as it."""
    answers: dict[str, list[int]] = {"junk": [], "honest": []}
    queues = {"junk": iter(junk), "honest": iter(honest)}
    lock = threading.Lock()

    def work(whose: str) -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while request := _next(queues[whose], lock):
            answers[whose].append(post(line, port, *request)[0])
        line.close()

    workers = [threading.Thread(target=work, args=("junk",)) for _ in range(STRANGERS)]
    workers += [threading.Thread(target=work, args=("honest",)) for _ in range(LINE)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if len(answers["junk"]) != len(junk) or len(answers["honest"]) != len(honest):
        raise AssertionError("not every request was sent")
    return [status for status in answers["junk"] if status >= 500], [
        status for status in answers["honest"] if status != 200
    ]


def _next(queue: Iterator[tuple[str, Form]], lock: threading.Lock) -> tuple[str, Form] | None:
    with lock:
        return next(queue, None)


def post(
    line: http.client.HTTPConnection, port: int, path: str, form: Form, cookie: str = ""
) -> tuple[int, str]:
    """(status, the cookies that were set)."""
    headers = {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    if cookie:
        headers["Cookie"] = cookie
    try:
        answer = _answer(line, path, form, headers)
    except (ConnectionError, http.client.HTTPException):
        # The server ends a connection whose request it refused unread: a browser opens another one.
        line.close()
        answer = _answer(line, path, form, headers)
    cookies = answer.headers.get_all("Set-Cookie") or []
    return answer.status, "; ".join(one.partition(";")[0] for one in cookies)


def _answer(
    line: http.client.HTTPConnection, path: str, form: Form, headers: dict[str, str]
) -> http.client.HTTPResponse:
    line.request("POST", path, urlencode(form).encode(), headers)
    answer = line.getresponse()
    answer.read()
    return answer


def _texts_to_strangers() -> int:
    """The workers look at everything that was left."""
    for _ in range(3):
        send_codes(now=clock.now())
        sessions.send_codes(now=clock.now())
    left = db.session.scalar(
        select(func.count()).select_from(CodeRequest).where(CodeRequest.looked_at.is_(None))
    )
    if left:
        raise AssertionError(f"{left} requests were not looked at")
    return sum(text.to != CARMEN for text in db.session.scalars(select(OutboxText)))


def _chair_signs_in(ground: Ground) -> bool:
    """Their browser is one like the strangers'; whatever they did, a code on their phone opens it."""
    _line, cookie = _ask(ground)
    answers = {
        post(_line, ground.port, "/sign-in/code", {"code": c}, cookie)[0] for c in _codes_on_their_phone()
    }
    return 303 in answers


def _code_dies(ground: Ground) -> bool:
    """Three wrong tries, kill -9, two more: then the right one opens nothing."""
    line, cookie = _ask(ground)
    codes = _codes_on_their_phone()
    wrong = next(f"{n:08d}" for n in range(10**8) if f"{n:08d}" not in codes)
    for _ in range(3):
        post(line, ground.port, "/sign-in/code", {"code": wrong}, cookie)
    ground.restart()
    line = http.client.HTTPConnection("127.0.0.1", ground.port, timeout=30)
    tried = [post(line, ground.port, "/sign-in/code", {"code": c}, cookie)[0] for c in [wrong, wrong, *codes]]
    return set(tried) == {422}


def _ask(ground: Ground) -> tuple[http.client.HTTPConnection, str]:
    line = http.client.HTTPConnection("127.0.0.1", ground.port, timeout=30)
    _status, cookie = post(line, ground.port, "/sign-in", {"phone": CARMEN})
    send_codes(now=clock.now())
    return line, cookie


def _codes_on_their_phone() -> list[str]:
    db.session.rollback()
    newest = select(OutboxText).where(OutboxText.wording == "sign_in_code").order_by(OutboxText.id.desc())
    return [json.loads(text.merge_fields)["code"] for text in db.session.scalars(newest.limit(4))]
