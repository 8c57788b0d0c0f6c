"""Everybody of the morning who is outside: `python -m bench.morning_load PLAN RESULT PORT CARRIER BEGINS_AT`.

Phones with the line page open, members who check in, boards and walls, chairs who sign in and answer texts:
one process, one thread. Each does what the page's own script does, at the second of the plan; every time
counts from that second, so that a queue anywhere shows.
"""

import asyncio
import gc
import json
import os
import random
import re
import secrets
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.http_client import Connection, HttpAnswer, request
from bench.morning_plan import QUESTION
from bench.process_use import prefer

GIVES_UP = 20.0
LOOKS_BEFORE = (2.0, 5.0)  # seconds from the page to the tap
AFTERWARDS = 12.0  # until the last change was seen, and late answers came
TOKEN = re.compile(rb'name="token"[^>]*value="([^"]+)"')
NAMED = re.compile(rb'Checked in by name</p>\s*<p class=\\?"value[^>]*>\s*([\d,]+)')


class Load:
    """The run: its clock, what came of it, and what all phones share."""

    def __init__(self, plan: dict[str, Any], port: int, carrier: int, begins_at: float):
        self.plan, self.port, self.carrier = plan, port, carrier
        self.seconds: float = plan["seconds"]
        self.loop = asyncio.get_running_loop()
        self.host = f"localhost:{port}"
        # The moment by the loop's clock, and by everybody's.
        self.began, self.begins_at = self.loop.time() + begins_at - time.time(), begins_at
        self.dice = random.Random(os.getpid())
        self.took: dict[str, list[float]] = defaultdict(list)
        self.acked: dict[str, list[Any]] = defaultdict(list)
        self.tried: dict[str, list[Any]] = defaultdict(list)
        self.wrong: Counter[str] = Counter()
        self.lines = [Line(self, n, one) for n, one in enumerate(plan["lines"])]
        self.came = Came()
        self.texts: dict[str, list[dict[str, Any]]] = defaultdict(list)  # by number
        self.answering: set[str] = set()  # numbers of chairs
        self.lag: list[float] = []

    async def until(self, second: float) -> None:
        await asyncio.sleep(self.began + second - self.loop.time())

    def since(self, second: float) -> float:
        """Seconds from that second of the plan."""
        return self.loop.time() - self.began - second

    def is_over(self) -> bool:
        return self.since(self.seconds) > AFTERWARDS


class Line:
    """A line: its phones, and who shall show on them."""

    def __init__(self, load: Load, place: int, values: dict[str, Any]):
        self.place, self.code = place, values["code"]
        self.phones = [LinePhone(load, self, cookie) for cookie in values["cookies"]]

    def expect(self, shows: str, second: float, *, but: "LinePhone | None" = None) -> None:
        """From that second on this shall be seen on all phones but the one where it was done."""
        for phone in self.phones:
            if phone is not but:
                phone.expected[shows.encode()] = second

    def forget(self, shows: str) -> None:
        for phone in self.phones:
            phone.expected.pop(shows.encode(), None)


class Came:
    """Who was acknowledged, in order: the board's number says how many of them it shows."""

    def __init__(self) -> None:
        self.members: set[str] = set()
        self.seconds: list[float] = []

    def add(self, member: str, second: float) -> None:
        if member not in self.members:
            self.members.add(member)
            self.seconds.append(second)


class Browser:
    """A browser's connections to one port: kept, and taken again when they are idle."""

    def __init__(self, load: Load, port: int = 0):
        self.load, self.port = load, port or load.port
        self.idle: list[Connection] = []
        self.bytes = 0

    async def ask(self, whole: bytes, *, seconds: float = GIVES_UP) -> HttpAnswer:
        """Raises ConnectionError, OSError, TimeoutError."""
        connection = await self._connection()
        return await self.on(connection, whole, seconds=seconds)

    async def on(self, connection: Connection, whole: bytes, *, seconds: float = GIVES_UP) -> HttpAnswer:
        before = connection.sent + connection.received
        try:
            async with asyncio.timeout(seconds):
                answer = await connection.ask(whole)
        except BaseException:
            connection.close()
            raise
        finally:
            self.bytes += connection.sent + connection.received - before
        self.idle.append(connection)
        return answer

    async def _connection(self) -> Connection:
        while self.idle:
            connection = self.idle.pop()
            if connection.is_open:
                return connection
        return await Connection.open(self.port)

    def close(self) -> None:
        for connection in self.idle:
            connection.close()
        self.idle.clear()


class LinePhone:
    """A phone with the line page open: `static/js/line_sync.js` and `line_queue.js`, word for word.

    `quiet` and `news`: bytes of looks that said nothing new, and that did; `quiet_for`: seconds of the first,
    with the pause after each.
    """

    def __init__(self, load: Load, line: Line, cookie: str):
        self.load, self.line, self.cookie = load, line, cookie
        self.browser = Browser(load)
        self.looking: Connection | None = None
        self.etag = ""
        self.synced_at = float("-inf")
        self.expected: dict[bytes, float] = {}
        self.queue: list[dict[str, Any]] = []
        self.sending = False
        self.quiet = self.news = self.looks = 0
        self.quiet_for = 0.0

    async def poll(self) -> None:
        await self.load.until(-self.load.plan["opens_over"] * self.load.dice.random())
        while not self.load.is_over():
            if self.queue:
                in_background(self.send())
                pause = _later(self.load.dice)
            else:
                pause = await self.refresh()
            await asyncio.sleep(pause)

    async def refresh(self) -> float:
        """After how many seconds to ask again."""
        later, dice = _later(self.load.dice), self.load.dice
        if self.looking:
            self.looking.close()  # one answer at a time
        begun = self.load.loop.time()
        waits = bool(self.etag) and begun - self.synced_at < 60
        headers = {"Accept": "application/json", "Cookie": self.cookie}
        headers |= {"Cache-Control": "no-cache", "Pragma": "no-cache"}
        headers |= {"If-None-Match": self.etag} if self.etag else {}
        headers |= {"Prefer": "wait"} if waits else {}
        before = self.browser.bytes
        try:
            connection = self.looking = await self.browser._connection()
            whole = request("GET", f"/line/{self.line.code}/state", self.load.host, headers)
            answer = await self.browser.on(connection, whole, seconds=20)
            if self.looking is connection:
                self.looking = None
        except OSError as error:  # else something of its own, after which it looks at once
            self.load.wrong["a look got no answer"] += isinstance(error, TimeoutError)
            return later
        took = self.load.loop.time() - begun
        self.looks += 1
        if not waits:
            self.synced_at = self.load.loop.time()
        if answer.status == 304:
            pause = dice.random() * 0.5 if took > 1 else later
            if self.load.since(0) > 0:
                self.quiet, self.quiet_for = (
                    self.quiet + self.browser.bytes - before,
                    self.quiet_for + took + pause,
                )
            return pause
        if answer.status != 200:
            self.load.wrong[f"a look was answered {answer.status}"] += 1
            return later
        self.etag = answer.header("etag")
        self._see(answer.content())
        if self.load.since(0) > 0:
            self.news += self.browser.bytes - before
        return 0.5 + dice.random() * 0.5

    def _see(self, state: bytes) -> None:
        for shows in [one for one in self.expected if one in state]:
            self.load.took["seen on a phone"].append(self.load.since(self.expected.pop(shows)))

    async def do(self, item: dict[str, Any], second: float) -> None:
        """A tap on this phone at that second."""
        await self.load.until(second)
        item = {"nonce": secrets.token_hex(16), "at": _now(), **item}
        shows = item.pop("shows", False)
        self.load.tried[item["kind"]].append([item["nonce"], self.line.place, item.get("member")])
        if shows:
            self.line.expect(item["member"], second, but=self)
        self.queue.append({"item": item, "second": second, "begun": self.load.loop.time()})
        await self.send()

    async def send(self) -> None:
        if self.sending or not self.queue:
            return
        self.sending, goes_on = True, False
        try:
            goes_on = await self._send_batch()
        except (OSError, TimeoutError):
            self.load.wrong["a batch got no answer"] += 1
        finally:
            self.sending = False
        if goes_on:
            return await self.send()
        await self.refresh()

    async def _send_batch(self) -> bool:
        length, batch = len(self.queue), self.queue[:100]
        now = self.load.loop.time()
        items = [
            {**one["item"], "age_ms": round((now - one["begun"]) * 1000), "awake": True} for one in batch
        ]
        body = json.dumps({"sent_at": _now(), "items": items}).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Cookie": self.cookie}
        whole = request("POST", f"/line/{self.line.code}/items", self.load.host, headers, body)
        before = self.browser.bytes
        answer = await self.browser.ask(whole)
        self.news += self.browser.bytes - before
        if answer.status != 200:
            self.load.wrong[f"a batch was answered {answer.status}"] += 1
            return False
        self._settle(batch, json.loads(answer.content())["items"])
        return 0 < len(self.queue) < length

    def _settle(self, batch: list[dict[str, Any]], results: list[dict[str, Any]]) -> None:
        settled = {one["nonce"]: one for one in results}
        for one in batch:
            item, result = one["item"], settled[one["item"]["nonce"]]
            self.load.took["tick"].append(self.load.since(one["second"]))
            if not result["stored"] or "why" in result:
                self.load.wrong[f"a {item['kind']} was not stored: {result.get('why')}"] += 1
                continue
            self.load.acked[item["kind"]].append([item["nonce"], self.line.place, item.get("member")])
            if item["kind"] == "tick":
                self.load.came.add(item["member"], one["second"])
        self.queue = [one for one in self.queue if one["item"]["nonce"] not in settled]
        self.etag = ""


def _later(dice: random.Random) -> float:
    return 3 + dice.random() * 1.5


def _now() -> str:
    return datetime.now(UTC).isoformat()


async def check_in(load: Load, step: dict[str, Any]) -> None:
    """A member scans, types and taps, as `check_in_queue.js` does; without a network it is sent later."""
    line, browser, tap = load.lines[step["line"]], Browser(load), step["at"]
    begun = tap - load.dice.uniform(*LOOKS_BEFORE)
    await load.until(begun)
    path = f"/c/{line.code}"
    try:
        page = await browser.ask(request("GET", path, load.host, {"Accept": "text/html"}))
        token = TOKEN.search(page.content())
        load.took["page"].append(load.since(begun))
    except (OSError, TimeoutError):
        token = None
    if token is None:
        load.wrong["no page"] += 1
        return
    await load.until(tap)
    item = {"nonce": secrets.token_hex(16), "typed": step["typed"], "token": token[1].decode(), "at": _now()}
    load.tried["check-in"].append([item["nonce"], step["line"], step["member"]])
    if step["sent_at"] > tap:
        browser.close()
        await load.until(step["sent_at"])
    if step["shows"]:
        line.expect(step["member"], step["sent_at"])
    pause = 4.0
    while not await _send(load, browser, path, item, step):
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 60)
    if step["twice"]:
        await _send(load, browser, path, item, step, again=True)
    browser.close()


async def _send(
    load: Load, browser: Browser, path: str, item: Any, step: Any, *, again: bool = False
) -> bool:
    age = round(load.since(step["at"]) * 1000)
    body = json.dumps({**item, "age_ms": age, "awake": True, "sent_at": _now()}).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    try:
        answer = await browser.ask(request("POST", path, load.host, headers, body), seconds=15)
        result = json.loads(answer.content()) if answer.status == 200 else {}
    except (OSError, TimeoutError, ValueError) as error:
        load.wrong[f"a check-in got no answer: {type(error).__name__}"] += 1
        return False
    if not result.get("stored") or result.get("nonce") != item["nonce"]:
        load.wrong[f"a check-in was answered {answer.status}"] += 1
        return False
    if not again:
        load.took["check-in"].append(load.since(step["sent_at"]))
        load.acked["check-in"].append([item["nonce"], step["line"], step["member"]])
        load.came.add(step["member"], step["sent_at"])
    return True


async def watch(load: Load, path: str, cookie: str, *, reads: bool) -> None:
    """A board or a wall: `live_board.js`. `reads`: what it shows is read, and when each came to be seen."""
    browser, etag, failures, displayed = Browser(load), "", 0, 0
    await load.until(-load.plan["opens_over"] * load.dice.random())
    while not load.is_over():
        headers = {"Accept": "application/json", "Cache-Control": "no-cache", "Pragma": "no-cache"}
        headers |= ({"If-None-Match": etag} if etag else {}) | ({"Cookie": cookie} if cookie else {})
        begun = load.loop.time()
        try:
            answer = await browser.ask(request("GET", path, load.host, headers), seconds=10)
            if answer.status not in (200, 304):
                raise OSError(str(answer.status))
            if answer.status == 200:
                etag = answer.header("etag")
                displayed = _see_on_board(load, answer, displayed) if reads else displayed
            failures = 0
            load.took["board"].append(load.loop.time() - begun)
        except (OSError, TimeoutError) as error:
            failures += 1
            load.wrong[f"a board: {type(error).__name__} {error}"] += 1
        await asyncio.sleep(min((1 + load.dice.random() / 2) * 2 ** min(failures, 4), 30))


def _see_on_board(load: Load, answer: HttpAnswer, displayed: int) -> int:
    html = json.loads(answer.content())["html"].encode()
    named = NAMED.search(html)
    if named is None:
        load.wrong["a board says no number"] += 1
        return displayed
    on_board = min(int(named[1].replace(b",", b"")), len(load.came.seconds))
    load.took["seen on a board"] += [load.since(second) for second in load.came.seconds[displayed:on_board]]
    return max(displayed, on_board)


async def read_texts(load: Load) -> None:
    """What the carrier has taken so far, by number; chairs who are asked for their count answer."""
    browser, read = Browser(load, load.carrier), 0
    while not load.is_over():
        await asyncio.sleep(1)
        with suppress(OSError, TimeoutError):
            path = f"/ledger.json?since={read}"
            answer = await browser.ask(request("GET", path, f"localhost:{load.carrier}", {}))
            texts = json.loads(answer.body)
            read += len(texts)
            for text in texts:
                load.texts[text["to"]].append(text)
                if QUESTION in text["body"] and text["to"] in load.plan["answers"]:
                    in_background(answer_count(load, text["to"]))


async def answer_count(load: Load, phone: str) -> None:
    """A chair looks along the line, and answers by text, once."""
    if phone in load.answering:
        return
    load.answering.add(phone)
    await asyncio.sleep(load.dice.uniform(5, 25) * min(load.seconds / 180, 1))
    browser, n = Browser(load, load.carrier), load.plan["answers"][phone]
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    whole = request("POST", f"/phones/{phone}/say", f"localhost:{load.carrier}", headers,
                    urlencode({"body": n}).encode())  # fmt: skip
    with suppress(OSError, TimeoutError):
        if (await browser.ask(whole)).status == 303:
            load.acked["answer"].append([phone, n])
    browser.close()


async def sign_in(load: Load, step: dict[str, Any]) -> None:
    """A chair asks for a code, waits for the text, and types it in."""
    await load.until(step["at"])
    browser, phone = Browser(load), step["phone"]
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}

    async def post(path: str, fields: dict[str, str], cookie: str) -> HttpAnswer:
        own = headers | ({"Cookie": cookie} if cookie else {})
        return await browser.ask(request("POST", path, load.host, own, urlencode(fields).encode()))

    try:
        requested = await post("/sign-in", {"phone": phone[2:]}, "")
        cookie = requested.header("set-cookie").partition(";")[0]
        code = await _code(load, phone)
        load.took["code with the carrier"].append(code[1] - load.begins_at - step["at"])
        entered = await post("/sign-in/code", {"code": code[0]}, cookie)
        if b"session=" not in entered.head:
            raise OSError(f"{requested.status}, {entered.status}")
        load.acked["sign-in"].append(phone)
    except (OSError, TimeoutError) as error:
        load.wrong[f"a sign-in: {type(error).__name__} {error}"] += 1
    browser.close()


async def _code(load: Load, phone: str) -> tuple[str, float]:
    """The code that was texted, and when the carrier took it."""
    async with asyncio.timeout(40):
        while True:
            for text in load.texts[phone]:
                if code := re.search(r"\b(\d{8})\b|\b(\d{4}) (\d{4})\b", text["body"]):
                    return re.sub(r"\D", "", code[0]), text["created_at"]
            await asyncio.sleep(0.2)


async def measure_lag(load: Load) -> None:
    """How late this process itself is."""
    await load.until(0)
    due = load.loop.time()
    while load.since(load.seconds) < 0:
        due = max(due + 0.02, load.loop.time())
        await asyncio.sleep(due - load.loop.time())
        load.lag.append(load.loop.time() - due)


_tasks: set[asyncio.Task[None]] = set()


def in_background(work: Any) -> None:
    task = asyncio.get_running_loop().create_task(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def in_turn(load: Load, steps: Iterable[tuple[float, Any]]) -> None:
    """Begin each a little before its second, so that few wait at a time."""
    for second, make in steps:
        await load.until(second - LOOKS_BEFORE[1] - 0.5)
        in_background(make())


async def run(plan: dict[str, Any], port: int, carrier: int, begins_at: float) -> dict[str, Any]:
    load = Load(plan, port, carrier, begins_at)
    gc.collect()
    gc.freeze()
    gc.disable()
    for line in load.lines:
        for phone in line.phones:
            in_background(phone.poll())
    offices = [n for n in range(len(plan["boards"])) if n % 5 == 0][:3]
    for n, (path, cookie) in enumerate(plan["boards"]):
        in_background(watch(load, path, cookie, reads=n in offices))
    for path in plan["walls"]:
        in_background(watch(load, path, "", reads=False))
    in_background(read_texts(load))
    in_background(in_turn(load, _steps(load, plan)))
    in_background(measure_lag(load))
    await load.until(0)
    used = time.process_time()
    await load.until(load.seconds)
    used = time.process_time() - used
    while not load.is_over():
        await asyncio.sleep(0.2)
    return _result(load, used)


def _steps(load: Load, plan: dict[str, Any]) -> list[tuple[float, Any]]:
    def phone_of(step: dict[str, Any]) -> LinePhone:
        return load.lines[step["line"]].phones[step["phone"]]

    def tap(step: dict[str, Any], **item: Any) -> Any:
        return lambda: phone_of(step).do(item, step["at"])

    steps: list[tuple[float, Any]] = []
    steps += [(one["at"], lambda one=one: check_in(load, one)) for one in plan["check_ins"]]
    steps += [
        (one["at"], tap(one, kind="tick", member=one["member"], shows=one["shows"])) for one in plan["ticks"]
    ]
    steps += [(one["at"], tap(one, kind="head_count", n=one["n"], sure=True)) for one in plan["counts"]]
    steps += [(one["at"], lambda one=one: sign_in(load, one)) for one in plan["sign_ins"]]
    return sorted(steps, key=lambda step: step[0])


def _result(load: Load, used: float) -> dict[str, Any]:
    phones = [phone for line in load.lines for phone in line.phones]
    unseen = sum(load.since(second) > 10 for phone in phones for second in phone.expected.values())
    return {
        "took": load.took,
        "acked": load.acked,
        "tried": load.tried,
        "wrong": load.wrong,
        "unseen": unseen,
        "lag": sorted(load.lag),
        "cpu": used / load.seconds,
        "phones": {
            name: sum(getattr(phone, name) for phone in phones)
            for name in ("quiet", "news", "quiet_for", "looks")
        },
    }


def main(plan: str, result: str, port: str, carrier: str, begins_at: str) -> None:
    # Phones have processors of their own: this one is not to wait for what it measures.
    prefer(os.getpid(), -19)
    read = json.loads(Path(plan).read_text())
    done = asyncio.run(run(read, int(port), int(carrier), float(begins_at)))
    Path(result).write_text(json.dumps(done))


if __name__ == "__main__":
    main(*sys.argv[1:])
