"""What the head counts of a line come to: counts at each gate, or of the whole line, one after the other."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Reading:
    """One head count that was not taken back. Without a gate it is of the whole line."""

    event_id: UUID
    shift_id: UUID
    gate_id: UUID | None
    n: int
    counted_at: datetime


@dataclass(slots=True)
class Counted:
    """`n` stood there by the latest counts, at most `peak` at any time; `at` is the latest count."""

    n: int
    peak: int
    at: datetime


@dataclass(slots=True)
class _Shift:
    gates: dict[UUID, int] = field(default_factory=dict)
    n: int = 0
    peak: int = 0

    def take(self, reading: Reading) -> None:
        """A whole line's count and the sum of the gates say the same thing twice: the later one stands."""
        if reading.gate_id is None:
            self.n = reading.n
        else:
            self.gates[reading.gate_id] = reading.n
            self.n = sum(self.gates.values())
        self.peak = max(self.peak, self.n)


def by_event(readings: Iterable[Reading]) -> dict[UUID, Counted]:
    """What stands for each line: the last count per gate, summed over its gates.

    `readings` come in the order they were counted in. Of an event with several shifts the fullest one stands:
    who stays for two is one person. An event without readings is not in the answer.
    """
    shifts: dict[tuple[UUID, UUID], _Shift] = {}
    latest: dict[UUID, datetime] = {}
    for reading in readings:
        shifts.setdefault((reading.event_id, reading.shift_id), _Shift()).take(reading)
        latest[reading.event_id] = reading.counted_at
    found: dict[UUID, Counted] = {}
    for (event_id, _shift_id), shift in shifts.items():
        held = found.setdefault(event_id, Counted(shift.n, shift.peak, latest[event_id]))
        held.n, held.peak = max(held.n, shift.n), max(held.peak, shift.peak)
    return found
