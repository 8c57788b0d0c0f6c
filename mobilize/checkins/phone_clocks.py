"""The time of a tap on a phone whose own clock may be wrong. No database here.

A phone sends what it knows of each tap, and three clocks may speak for it
    steady   the milliseconds its page counted since the tap. They are exact while the page was in sight; a
             phone that sleeps stops counting, so they only bound the time of one that was put away
    offset   its clock at the tap, less how far ahead of ours that clock was when the page last heard our time
    wall     its clock at the tap, moved by how wrong that clock is now, while it is sending

Where they agree the time is known. Where they do not, its clock was set between the tap and the sending or
the phone slept, and nobody can say which: the best of them is used, with the span that they leave open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# Less than anybody is early or late by: a Date has whole seconds, and an answer may be on its way for some.
AGREE_WITHIN = timedelta(minutes=2)
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class TapTime:
    """When it happened by our clock, never in the future. `span`: the earliest and the latest it can have
    been, where that cannot be known better; None where `at` is known."""

    at: datetime
    span: Span | None = None


@dataclass(frozen=True, kw_only=True)
class TapClock:
    """What a phone knows of one tap: its clock `at` the tap and when it `sent_at` this (None: no phone's, but
    our own time), the steady `age_ms` since (None: its page has gone), whether the page was `awake` in sight
    all that time, and how many ms `ahead_ms` of ours its clock was by what the page had last heard."""

    at: datetime
    sent_at: datetime | None
    age_ms: int | None = None
    awake: bool = False
    ahead_ms: int | None = None


def tap_time(tap: TapClock, now: datetime) -> TapTime:
    """When this tap happened, as well as it can be known at `now`, the moment it arrived."""
    if tap.age_ms is not None and tap.awake:
        return TapTime(now - timedelta(milliseconds=tap.age_ms))
    wall = now - (tap.sent_at - tap.at) if tap.sent_at else tap.at
    if tap.sent_at is None or _was_sent_at_once(wall, now):
        return TapTime(min(wall, now))
    offset = None if tap.ahead_ms is None else tap.at - timedelta(milliseconds=tap.ahead_ms)
    steady = None if tap.age_ms is None else now - timedelta(milliseconds=tap.age_ms)
    others = [moment for moment in (offset, steady) if moment]
    return _best([offset or wall, wall, *others, *([] if others else [_LONG_AGO, now])], now)


def _was_sent_at_once(wall: datetime, now: datetime) -> bool:
    return abs(now - wall) < AGREE_WITHIN


def _best(moments: Sequence[datetime], now: datetime) -> TapTime:
    """The first of these, and the span of all where they do not agree. None is later than now."""
    past = [min(moment, now) for moment in moments]
    span = min(past), max(past)
    return TapTime(past[0], span if span[1] - span[0] > AGREE_WITHIN else None)
