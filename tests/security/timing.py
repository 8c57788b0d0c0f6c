"""Does the time of an answer tell who is known here? The real server over HTTP, on PostgreSQL.

An attacker asks about many numbers whose kind he knows, learns how long each kind takes, and then guesses the
kind of others by their time alone. His success is the area under the ROC curve: 0.5 is a coin, 1.0 is
certainty. He learns on one half of the answers and guesses the other half; what counts is the median of five
runs. He sits on this machine, so that no network blurs what he measures.
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
class Told:
    """How well one kind is told from strangers at one door: the median over the runs."""

    door: str
    kind: str
    auc: float
    milliseconds: float


def measure(each: int = EACH, runs: int = RUNS) -> list[Told]:
    """Every door and kind. Under two minutes."""
    with open_ground("timing") as ground:
        numbers = Numbers(each, runs)
        turns = [_turn(ground.port, numbers) for _ in range(runs)]
    return [
        Told(
            door,
            kind,
            statistics.median(told_apart(turn[door][kind], turn[door][STRANGER]) for turn in turns),
            1000 * statistics.median(taken for turn in turns for taken in turn[door][kind]),
        )
        for door, kinds in turns[0].items()
        for kind in kinds
        if kind != STRANGER
    ]


def told_apart(ones: list[float], others: list[float]) -> float:
    """Area under the ROC curve of whoever learned on the first halves and guesses the second ones.

    He knows which slices of time are likelier for which kind, so that it need not be the slower one.
    """
    half, other_half = len(ones) // 2, len(others) // 2
    known = sorted(ones[:half] + others[:other_half])
    edges = [known[len(known) * n // SLICES] for n in range(1, SLICES)]
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
    """How often one of `ones` scores above one of `others`; a draw is half."""
    ranked = sorted(others)
    won = sum(bisect.bisect_left(ranked, one) + bisect.bisect_right(ranked, one) for one in ones)
    return won / 2 / len(ones) / len(others)


def _turn(port: int, numbers: Numbers) -> dict[str, Times]:
    """One run at every door, with numbers that were not used before."""
    web = _Web(port)
    found: dict[str, Times] = {}
    page = numbers.check_in_page()
    first = numbers.take("member", "opted-out", "shared phone", STRANGER)
    found["check-in"] = web.ask_all(
        (kind, page.path, {"token": page.token(), "typed": phone}, "") for kind, phone in first
    )
    # Whoever was counted a moment ago comes again on a fresh page, among strangers who are there anew.
    again = [("repeat", phone) for kind, phone in first if kind == "member"]
    once = numbers.take(STRANGER)
    found["check-in again"] = web.ask_all(
        (kind, page.path, {"token": page.token(), "typed": phone}, "") for kind, phone in _mixed(again + once)
    )
    for door, known, purpose in (("/sign-in", "person", "sign_in"), ("/me", "member", "member_page")):
        asked = numbers.take(known, STRANGER)
        found[door] = web.ask_all((kind, door, {"phone": phone}, "") for kind, phone in asked)
        texted(purpose)
        browsers = list(zip(asked, web.cookies, strict=True))
        found[f"{door}/code"] = web.ask_all(
            (kind, f"{door}/code", {"code": "000000"}, cookie) for (kind, _phone), cookie in browsers
        )
    web.close()
    return found


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
        found: Times = {}
        self.cookies = []
        for kind, path, fields, cookie in questions:
            found.setdefault(kind, []).append(self._ask(path, fields, cookie))
        return found

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
        given = answer.headers.get_all("Set-Cookie") or [""]
        self.cookies.append("; ".join(one.partition(";")[0] for one in given))
        return taken

    def close(self) -> None:
        self.line.close()
