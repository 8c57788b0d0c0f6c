"""A simulated morning on paper: who does what at which minute. The same seed makes the same morning.

Minutes count from the start of the picket on the simulated clock. Nothing here touches network or database.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

# The simulated clock runs from the first people at the gate to the end of the rally.
FIRST, LAST = -20, 100
RALLY_AT = 55
# Of a chapter so many come, give or take; and of these so many by each way.
SHARE, VARIES = 0.58, 0.16
# A fifth of the sites sends no head count, and a tenth of those nobody at all.
SILENT, EMPTY = 0.2, 0.1
WITH_CAPTAIN = 0.4
BY_TICK, BY_TEXT, BOTH_WAYS = 0.45, 0.04, 0.12
STRANGERS = 0.015
TO_THE_RALLY = 0.35


class Way(StrEnum):
    """How a deed reaches the service: a member's phone, a captain's line page, or a text."""

    PHONE = "phone"
    TICK = "tick"
    TEXT = "text"
    SUPPORTERS = "supporters"
    HEAD_COUNT = "head_count"
    ANSWER = "answer"


@dataclass(frozen=True)
class Someone:
    """A member as her own phone knows her: what she types, and the phone it is typed on ("" for none)."""

    id: str
    number: str
    phone: str


@dataclass(frozen=True)
class Gate:
    """One event: its codes, who belongs there, and the phone of its chair ("" where nobody chairs it)."""

    code: str
    text_code: str
    name: str
    members: Sequence[Someone]
    chair: str = ""
    rally: bool = False


@dataclass(frozen=True, order=True)
class Deed:
    """At `minute` somebody does something at the gate `at` (by its place in the list)."""

    minute: float
    at: int
    way: Way = field(compare=False)
    who: Someone | None = field(compare=False, default=None)
    n: int = field(compare=False, default=0)


def plan(gates: Sequence[Gate], seed: int) -> list[Deed]:
    """Everything that happens, in order. A gate without chair and captain can only be silent."""
    chance = random.Random(seed)  # noqa: S311 - figures of a demo
    found: list[Deed] = []
    for at, gate in enumerate(gates):
        found += _at_rally(chance, at, gate) if gate.rally else _at_site(chance, at, gate)
    return sorted(found)


def arrival(chance: random.Random, start: float = 0.0) -> float:
    """Some come early to set up, most around the start, a few run late: a bell with a long right shoulder."""
    minute = chance.gauss(-3, 6) if chance.random() < 0.75 else chance.gauss(9, 9)
    return start + min(max(minute, FIRST), 40)


def _at_site(chance: random.Random, at: int, gate: Gate) -> Iterator[Deed]:
    silent = chance.random() < SILENT
    share = 0.0 if silent and chance.random() < EMPTY else min(max(chance.gauss(SHARE, VARIES), 0.05), 0.95)
    captain = chance.random() < WITH_CAPTAIN
    came = 0
    for member in gate.members:
        if chance.random() < share:
            came += 1
            yield from _comes(chance, at, member, arrival(chance), captain=captain)
    yield from _strangers(chance, at, came)
    if came and captain and chance.random() < 0.6:
        yield Deed(chance.uniform(0, 25), at, Way.SUPPORTERS, n=chance.randint(2, 9))
    if not silent:
        yield from _counts(chance, at, gate, came, captain=captain)


def _at_rally(chance: random.Random, at: int, gate: Gate) -> Iterator[Deed]:
    """No ticks at a rally: its gates have no names. Two captains count heads."""
    came = [member for member in gate.members if chance.random() < TO_THE_RALLY]
    for member in came:
        way = Way.TEXT if member.phone and chance.random() < BY_TEXT else Way.PHONE
        yield Deed(arrival(chance, RALLY_AT), at, way, member)
    for minute in (RALLY_AT + 12, RALLY_AT + 28):
        yield Deed(minute, at, Way.HEAD_COUNT, n=round(len(came) * chance.uniform(1.1, 1.3)))
    yield Deed(RALLY_AT + 20, at, Way.SUPPORTERS, n=chance.randint(20, 60))


def _comes(
    chance: random.Random, at: int, member: Someone, minute: float, *, captain: bool
) -> Iterator[Deed]:
    if captain and chance.random() < BY_TICK:
        yield Deed(minute, at, Way.TICK, member)
        if chance.random() < BOTH_WAYS:
            yield Deed(minute + chance.uniform(0.5, 6), at, Way.PHONE, member)
        return
    by_text = member.phone and chance.random() < BY_TEXT
    yield Deed(minute, at, Way.TEXT if by_text else Way.PHONE, member)


def _strangers(chance: random.Random, at: int, came: int) -> Iterator[Deed]:
    """A number with a wrong digit, or somebody who is on no roster: it matches nobody."""
    for _n in range(came):
        if chance.random() < STRANGERS:
            typed = f"9{chance.randint(1_000_000, 9_999_999)}"
            yield Deed(arrival(chance), at, Way.PHONE, Someone("", typed, ""))


def _counts(chance: random.Random, at: int, gate: Gate, came: int, *, captain: bool) -> Iterator[Deed]:
    """The chair answers the question; where there is no chair, a captain counts on the line page."""
    n = round(came * chance.uniform(1.0, 1.18))
    if gate.chair:
        yield Deed(chance.uniform(12, 45), at, Way.ANSWER, n=n)
    elif captain:
        yield Deed(chance.uniform(12, 35), at, Way.HEAD_COUNT, n=n)
