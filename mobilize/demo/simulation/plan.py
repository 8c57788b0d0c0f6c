"""The plan of a simulated morning: who does what at which minute. The same seed makes the same morning.

Minutes count from the start of the picket on the simulated clock. Nothing here touches network or database.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

# The simulated clock runs from the first people at the gate to the end of the rally.
FIRST_MINUTE, LAST_MINUTE = -20, 100
RALLY_MINUTE = 55
# Of a chapter so many come, give or take; and of these so many by each way.
MEAN_SHARE, SHARE_SPREAD = 0.58, 0.16
# A fifth of the sites sends no head count, and a tenth of those nobody at all.
SILENT_SITES, EMPTY_SITES = 0.2, 0.1
SITES_WITH_CAPTAIN = 0.4
TICKED, TEXTED, TICKED_AND_SCANNED = 0.45, 0.04, 0.12
UNKNOWN_NUMBERS = 0.015
RALLY_SHARE = 0.35


class StepKind(StrEnum):
    """A step by its way into the service: a member's phone, a captain's line page, or a text.

    `ANSWER` is a chair's to the question for the count, `REPLY` a member's whether they come: each once it
    was asked. `SAY` is what nobody asked for.
    """

    PHONE = "phone"
    TICK = "tick"
    TEXT = "text"
    SUPPORTERS = "supporters"
    HEAD_COUNT = "head_count"
    ANSWER = "answer"
    REPLY = "reply"
    SAY = "say"


@dataclass(frozen=True)
class SimulatedPerson:
    """A person as a phone knows them: the number they type, and the phone it is typed on ("" for none)."""

    id: str
    number: str
    phone: str


@dataclass(frozen=True)
class SimulatedEvent:
    """One event: its codes, who belongs there, and the phone of its chair ("" where nobody chairs it)."""

    code: str
    text_code: str
    name: str
    members: Sequence[SimulatedPerson]
    chair: str = ""
    is_rally: bool = False


@dataclass(frozen=True, order=True)
class PlannedStep:
    """At `minute` somebody does something at the event of that index in the plan; `body` are their words."""

    minute: float
    event_index: int
    kind: StepKind = field(compare=False)
    person: SimulatedPerson | None = field(compare=False, default=None)
    n: int = field(compare=False, default=0)
    body: str = field(compare=False, default="")


def plan(events: Sequence[SimulatedEvent], seed: int) -> list[PlannedStep]:
    """Everything that happens, in order. An event without chair and captain can only be silent."""
    rng = random.Random(seed)  # noqa: S311 - figures of a demo
    steps: list[PlannedStep] = []
    for index, event in enumerate(events):
        steps += _rally_steps(rng, index, event) if event.is_rally else _site_steps(rng, index, event)
    return sorted(steps)


def arrival(rng: random.Random, start: float = 0.0) -> float:
    """Some come early to set up, most around the start, a few run late: a bell with a long right shoulder."""
    minute = rng.gauss(-3, 6) if rng.random() < 0.75 else rng.gauss(9, 9)
    return start + min(max(minute, FIRST_MINUTE), 40)


def _site_steps(rng: random.Random, index: int, event: SimulatedEvent) -> Iterator[PlannedStep]:
    silent = rng.random() < SILENT_SITES
    empty = silent and rng.random() < EMPTY_SITES
    share = 0.0 if empty else min(max(rng.gauss(MEAN_SHARE, SHARE_SPREAD), 0.05), 0.95)
    captain = rng.random() < SITES_WITH_CAPTAIN
    arrivals = 0
    for member in event.members:
        if rng.random() < share:
            arrivals += 1
            yield from _check_ins(rng, index, member, arrival(rng), captain=captain)
    yield from _unknown_numbers(rng, index, arrivals)
    if arrivals and captain and rng.random() < 0.6:
        yield PlannedStep(rng.uniform(0, 25), index, StepKind.SUPPORTERS, n=rng.randint(2, 9))
    if not silent:
        yield from _head_counts(rng, index, event, arrivals, captain=captain)


def _rally_steps(rng: random.Random, index: int, event: SimulatedEvent) -> Iterator[PlannedStep]:
    """No ticks at a rally: its gates have no names. Two captains count heads."""
    arrivals = [member for member in event.members if rng.random() < RALLY_SHARE]
    for member in arrivals:
        kind = StepKind.TEXT if member.phone and rng.random() < TEXTED else StepKind.PHONE
        yield PlannedStep(arrival(rng, RALLY_MINUTE), index, kind, member)
    for minute in (RALLY_MINUTE + 12, RALLY_MINUTE + 28):
        yield PlannedStep(minute, index, StepKind.HEAD_COUNT, n=round(len(arrivals) * rng.uniform(1.1, 1.3)))
    yield PlannedStep(RALLY_MINUTE + 20, index, StepKind.SUPPORTERS, n=rng.randint(20, 60))


def _check_ins(
    rng: random.Random, index: int, member: SimulatedPerson, minute: float, *, captain: bool
) -> Iterator[PlannedStep]:
    if captain and rng.random() < TICKED:
        yield PlannedStep(minute, index, StepKind.TICK, member)
        if rng.random() < TICKED_AND_SCANNED:
            yield PlannedStep(minute + rng.uniform(0.5, 6), index, StepKind.PHONE, member)
        return
    is_texted = member.phone and rng.random() < TEXTED
    yield PlannedStep(minute, index, StepKind.TEXT if is_texted else StepKind.PHONE, member)


def _unknown_numbers(rng: random.Random, index: int, arrivals: int) -> Iterator[PlannedStep]:
    """A number with a wrong digit, or somebody who is on no roster: it matches nobody."""
    for _n in range(arrivals):
        if rng.random() < UNKNOWN_NUMBERS:
            typed = f"9{rng.randint(1_000_000, 9_999_999)}"
            yield PlannedStep(arrival(rng), index, StepKind.PHONE, SimulatedPerson("", typed, ""))


def _head_counts(
    rng: random.Random, index: int, event: SimulatedEvent, arrivals: int, *, captain: bool
) -> Iterator[PlannedStep]:
    """The chair answers the question; where there is no chair, a captain counts on the line page."""
    n = round(arrivals * rng.uniform(1.0, 1.18))
    if event.chair:
        yield PlannedStep(rng.uniform(12, 45), index, StepKind.ANSWER, n=n)
    elif captain:
        yield PlannedStep(rng.uniform(12, 35), index, StepKind.HEAD_COUNT, n=n)
