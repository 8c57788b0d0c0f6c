"""Does the time of an answer tell who is known here? The real server over HTTP, on PostgreSQL.

Attackers ask about many numbers whose kind they know, learn how long each kind takes, and then guess the
kind of others by their time alone. Their success is the area under the ROC curve: 0.5 is a coin, 1.0 is
certainty. They learn on one half of the answers and guess the other half; what counts is the median of five
runs. They sit on this machine, so that no network blurs what they measure.
"""

import bisect
import http.client
import random
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.security.ground import open_ground
from tests.security.known_and_unknown import Numbers, texted

AT_MOST = 0.55
RUNS, EACH = 5, 300
SLICES = 10  # how finely the attacker tells times apart
STRANGER = "stranger"

Times = dict[str, list[float]]


@dataclass(frozen=True)
class Separation:
    """The separability of one kind from strangers at one route: the median over the runs."""

    route: str
    kind: str
    auc: float
    milliseconds: float


def measure(each: int = EACH, runs: int = RUNS) -> list[Separation]:
    """Every door and kind. Under two minutes."""
    with open_ground("timing") as ground:
        numbers = Numbers(each, runs)
        turns = [_turn(ground.port, numbers) for _ in range(runs)]
    return [
        Separation(
            route,
            kind,
            statistics.median(separability(turn[route][kind], turn[route][STRANGER]) for turn in turns),
            1000 * statistics.median(taken for turn in turns for taken in turn[route][kind]),
        )
        for route, kinds in turns[0].items()
        for kind in kinds
        if kind != STRANGER
    ]


def separability(ones: list[float], others: list[float]) -> float:
    """Area under the ROC curve of whoever learned on the first halves and guesses the second ones.

    They know which slices of time are likelier for which kind, so that it need not be the slower one.
    """
    half, other_half = len(ones) // 2, len(others) // 2
    learned = sorted(ones[:half] + others[:other_half])
    edges = [learned[len(learned) * n // SLICES] for n in range(1, SLICES)]
    likely = [
        (a + 1) / (b + 1)
        for a, b in zip(_by_slice(ones[:half], edges), _by_slice(others[:other_half], edges), strict=True)
    ]
    return _area(
        [likely[bisect.bisect(edges, taken)] for taken in ones[half:]],
        [likely[bisect.bisect(edges, taken)] for taken in others[other_half:]],
    )


def _by_slice(times: list[float], edges: list[float]) -> list[int]:
    counts = [0] * SLICES
    for taken in times:
        counts[bisect.bisect(edges, taken)] += 1
    return counts


def _area(ones: list[float], others: list[float]) -> float:
    """The share of pairs in which one of `ones` scores above one of `others`; a draw is half."""
    ranked = sorted(others)
    won = sum(bisect.bisect_left(ranked, one) + bisect.bisect_right(ranked, one) for one in ones)
    return won / 2 / len(ones) / len(others)


def _turn(port: int, numbers: Numbers) -> dict[str, Times]:
    """One run at every door, with numbers that were not used before."""
    web = _Web(port)
    times: dict[str, Times] = {}
    page = numbers.check_in_page()
    first = numbers.take("member", "opted-out", "shared phone", STRANGER)
    times["check-in"] = web.ask_all(
        (kind, page.path, {"token": page.token(), "typed": phone}, "") for kind, phone in first
    )
    phones = list(zip(first, web.cookies, strict=True))
    # Whoever was counted a moment ago comes again on a fresh page, among strangers who are there anew.
    again = [("repeat", phone) for kind, phone in first if kind == "member"]
    once = numbers.take(STRANGER)
    times["check-in again"] = web.ask_all(
        (kind, page.path, {"token": page.token(), "typed": phone}, "") for kind, phone in _mixed(again + once)
    )
    times["undo"] = web.ask_all((kind, f"{page.path}/undo", {}, cookie) for (kind, _phone), cookie in phones)
    for route, role, purpose in (("/sign-in", "person", "sign_in"), ("/me", "member", "member_page")):
        phones = numbers.take(role, STRANGER)
        times[route] = web.ask_all((kind, route, {"phone": phone}, "") for kind, phone in phones)
        texted(purpose)
        browsers = list(zip(phones, web.cookies, strict=True))
        times[f"{route}/code"] = web.ask_all(
            (kind, f"{route}/code", {"code": "000000"}, cookie) for (kind, _phone), cookie in browsers
        )
    web.close()
    return times


def _mixed(numbers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    random.shuffle(numbers)
    return numbers


class _Web:
    """One kept connection, one question after the other, each with the cookies it names."""

    def __init__(self, port: int):
        self.host = f"localhost:{port}"
        self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.cookies: list[str] = []

    def ask_all(self, questions: Iterable[tuple[str, str, dict[str, str], str]]) -> Times:
        """Seconds each answer took, by the kind of who was asked about; `cookies` are what they set."""
        times: Times = {}
        self.cookies = []
        for kind, path, fields, cookie in questions:
            times.setdefault(kind, []).append(self._ask(path, fields, cookie))
        return times

    def _ask(self, path: str, fields: dict[str, str], cookie: str) -> float:
        headers = {"Host": self.host, "Origin": f"http://{self.host}", "Accept": "text/html"}
        headers |= {"Content-Type": "application/x-www-form-urlencoded", "Accept-Language": "en"}
        headers |= {"Cookie": cookie} if cookie else {}
        body = urlencode(fields).encode()
        began = time.perf_counter()
        self.line.request("POST", path, body, headers)
        answer = self.line.getresponse()
        answer.read()
        taken = time.perf_counter() - began
        if answer.status not in (200, 303, 422):
            raise AssertionError(f"{path} is answered with {answer.status}")
        cookies = answer.headers.get_all("Set-Cookie") or [""]
        self.cookies.append("; ".join(one.partition(";")[0] for one in cookies))
        return taken

    def close(self) -> None:
        self.line.close()
