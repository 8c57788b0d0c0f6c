"""The plan of the morning: who does what at which second. The same size makes the same morning."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Size:
    """How much of everything. `texts`: due in the course of the morning; `planned`: reminders for later."""

    seconds: int = 600
    sites: int = 789
    members: int = 37_000
    past: int = 40
    phones: int = 1600
    boards: int = 120
    walls: int = 20
    check_ins: int = 16_000
    ticks: int = 4000
    texts: int = 3000
    planned: int = 37_000
    sign_ins: int = 20
    spike_rate: int = 150
    spike_seconds: int = 20

    def lasting(self, minutes: float) -> "Size":
        """As many of everything in a minute, and shorter. Every site is still asked for its count."""
        part = minutes * 60 / self.seconds
        return replace(
            self,
            seconds=round(minutes * 60),
            check_ins=round(self.check_ins * part),
            ticks=max(round(self.ticks * part), self.sites),
            texts=round(self.texts * part),
            spike_seconds=max(round(self.spike_seconds * part), 4),
        )


@dataclass(frozen=True)
class Line:
    """A site's line: the code of its event, the cookies of its phones, its members as (id, number), and the
    phone number of its chair."""

    code: str
    cookies: Sequence[str]
    members: Sequence[tuple[str, str]]
    chair: str


@dataclass(frozen=True)
class World:
    """What the phones and boards know: addresses and cookies."""

    lines: Sequence[Line]
    boards: Sequence[tuple[str, str]]  # path, cookie
    walls: Sequence[str]


# In the question that a chair is texted.
QUESTION = "how many people are on the line"
OFFLINE = 0.1  # of the check-ins are made without a network, and sent later
SENT_TWICE = 0.02  # the answer was lost on the way
ELSEWHERE = 0.03  # on another site's line
TICKED_TOO = 0.1  # of the ticks are of somebody who checks in as well
SPIKE_AT = 0.4  # of the morning


def plan(world: World, size: Size) -> dict[str, Any]:
    """Seconds from the beginning, in order; as the load generator reads it."""
    dice = random.Random(1937)
    pool = [(n, member) for n, line in enumerate(world.lines) for member in line.members]
    dice.shuffle(pool)
    counts = min(size.sites, size.ticks // 2)
    ticks = size.ticks - counts
    by_phone, to_tick = pool[: size.check_ins], pool[size.check_ins : size.check_ins + ticks]
    both = round(ticks * TICKED_TOO)
    arrivals = zip(_arrivals(dice, size), by_phone, strict=True)
    check_ins = [
        _check_in(dice, size, at, member, len(world.lines), ticked=n < both)
        for n, (at, member) in enumerate(arrivals)
    ]
    return {
        "seconds": size.seconds,
        # Before the first second, in which the pages that are open all morning are opened.
        "opens_over": min(15.0, size.seconds / 4),
        "lines": [{"code": line.code, "cookies": list(line.cookies)} for line in world.lines],
        "boards": world.boards,
        "walls": world.walls,
        "check_ins": sorted(check_ins, key=lambda one: one["at"]),
        "ticks": _ticks(dice, size, [*by_phone[:both], *to_tick[both:]], world, untracked=both),
        "counts": _counts(dice, size, world, counts),
        "answers": {line.chair: str(10 + n % 60) for n, line in enumerate(world.lines)},
        "sign_ins": _sign_ins(dice, size, world),
    }


def _arrivals(dice: random.Random, size: Size) -> list[float]:
    """A bell over an even stream, and everybody who was let off the same bus."""
    length, begins = size.seconds * 0.95, size.seconds * SPIKE_AT
    at_once = min(size.spike_rate * size.spike_seconds, size.check_ins)
    spike = [begins + n / size.spike_rate for n in range(at_once)]
    bell = (dice.gauss(0.35, 0.2) if dice.random() < 0.5 else dice.random() for _ in iter(int, 1))
    inside = (at for at in bell if 0.01 < at < 1)
    return [*spike, *(next(inside) * length for _ in range(size.check_ins - at_once))]


def _check_in(
    dice: random.Random, size: Size, at: float, who: Any, lines: int, *, ticked: bool
) -> dict[str, Any]:
    home, (member, number) = who
    elsewhere = dice.random() < ELSEWHERE
    offline = dice.uniform(20, 90) * size.seconds / 600 if dice.random() < OFFLINE else 0.0
    return {
        "at": round(at, 3),
        "sent_at": round(min(at + offline, max(at, size.seconds - 2.0)), 3),
        "line": dice.randrange(lines) if elsewhere else home,
        "member": member,
        "typed": number,
        # On the list of the line where they stand, unless they may be in already: then nothing new is seen.
        "shows": not (elsewhere or ticked),
        "twice": dice.random() < SENT_TWICE,
    }


def _ticks(dice: random.Random, size: Size, whom: Any, world: World, *, untracked: int) -> list[Any]:
    ticks = [
        {
            "at": round(dice.uniform(0.02, 0.95) * size.seconds, 3),
            "line": home,
            "phone": dice.randrange(len(world.lines[home].cookies)),
            "member": member,
            "shows": n >= untracked,  # else they may be in already
        }
        for n, (home, (member, _number)) in enumerate(whom)
    ]
    return sorted(ticks, key=lambda one: float(one["at"]))


def _counts(dice: random.Random, size: Size, world: World, how_many: int) -> list[Any]:
    """In the second half: until then every chair was asked."""
    lines = dice.sample(range(len(world.lines)), how_many)
    counts = [
        {
            "at": round(dice.uniform(0.6, 0.95) * size.seconds, 3),
            "line": line,
            "phone": dice.randrange(len(world.lines[line].cookies)),
            "n": 5 + n % 50,
        }
        for n, line in enumerate(lines)
    ]
    return sorted(counts, key=lambda one: float(one["at"]))


def _sign_ins(dice: random.Random, size: Size, world: World) -> list[Any]:
    """Around the spike, the worst minute."""
    first, last = size.seconds * SPIKE_AT - 5, size.seconds * SPIKE_AT + size.spike_seconds + 20
    last = min(last, size.seconds - 5)
    chairs = dice.sample(world.lines, min(size.sign_ins, len(world.lines)))
    asks = [{"at": round(dice.uniform(first, last), 3), "phone": line.chair} for line in chairs]
    return sorted(asks, key=lambda one: float(one["at"]))
