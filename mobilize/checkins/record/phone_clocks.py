"""The time of a tap on a phone whose own clock may be wrong. Pure: no database.

A phone sends what it knows of each tap, by up to three clocks
    steady   the milliseconds its page counted since the tap: exact while the page was in sight. A phone that
             sleeps stops counting, so of one that was put away they only say what the latest moment is
    offset   its clock at the tap, less how far ahead of ours that clock was when the page last heard our time
    wall     its clock at the tap, moved by how wrong that clock is now, while it is sending
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# So soon after the tap nobody sets a clock, and it does not matter.
AT_ONCE = timedelta(minutes=2)
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class TapTime:
    """The time of a tap by our clock, never in the future. `span`: the earliest and the latest it can have
    been, where `at` is only the phone's own word, and its clock may have been set since; None where `at` is
    known."""

    at: datetime
    span: Span | None = None


@dataclass(frozen=True, kw_only=True)
class TapClock:
    """The clock readings of one tap: its clock `at` the tap and when it `sent_at` this (None: no phone's, but
    our own time), the steady `age_ms` since (None: its page has gone), whether the page was `awake` in sight
    all that time, and how many ms `ahead_ms` of ours its clock was by what the page had last heard."""

    at: datetime
    sent_at: datetime | None
    age_ms: int | None = None
    awake: bool = False
    ahead_ms: int | None = None


def tap_time(tap: TapClock, now: datetime) -> TapTime:
    """The time of this tap, as well as it can be known at `now`, the moment it arrived."""
    if tap.sent_at is None:
        return TapTime(min(tap.at, now))
    steady = now - timedelta(milliseconds=tap.age_ms or 0)
    if tap.age_ms is not None and tap.awake:
        return TapTime(steady)
    wall = now - (tap.sent_at - tap.at)
    if abs(now - wall) < AT_ONCE:
        return TapTime(min(wall, now))
    offset = wall if tap.ahead_ms is None else tap.at - timedelta(milliseconds=tap.ahead_ms)
    return TapTime(min(offset, steady), (_LONG_AGO, steady))
