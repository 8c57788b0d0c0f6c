"""Hours of a member at an event, from evidence of coming, leaving and duty. Pure: no database.

Rules
    came        the first evidence opens an interval; more of the same changes nothing
    left        ends the open interval; ignored when there is none
    duty        of a member who is present: ends the interval and opens one with that duty
    no leaving  the interval lasts until the end of the shift of the last evidence, and is marked
    minutes     of all intervals, within the event's hours; what overlaps counts once
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from mobilize.checkins.models import CheckInKind, Duty


class TimedEvidence(NamedTuple):
    """One piece of evidence about one member at one event, and when the shift it fell into ends."""

    at: datetime
    kind: CheckInKind
    duty: Duty | None
    shift_ends_at: datetime


@dataclass(frozen=True, slots=True)
class PresenceInterval:
    """An interval of presence on one duty. `is_reported`: somebody reported when it ended."""

    duty: Duty
    from_at: datetime
    until_at: datetime
    is_reported: bool

    def within(self, starts_at: datetime, ends_at: datetime) -> tuple[datetime, datetime]:
        """The part of it that lies in the event's hours; an empty one ends where it begins."""
        begin = min(max(self.from_at, starts_at), ends_at)
        return begin, max(begin, min(self.until_at, ends_at))


def spells(signs: Iterable[TimedEvidence]) -> list[PresenceInterval]:
    """The intervals of one member at one event, first to last."""
    intervals: list[PresenceInterval] = []
    since: datetime | None = None
    duty, ends_at = Duty.PICKET, None
    for sign in sorted(signs, key=lambda sign: (sign.at, sign.kind is CheckInKind.LEFT)):
        if sign.kind is CheckInKind.LEFT:
            if since is not None:
                intervals.append(PresenceInterval(duty, since, sign.at, is_reported=True))
            since = None
            continue
        if since is not None and sign.duty not in (None, duty):
            intervals.append(PresenceInterval(duty, since, sign.at, is_reported=True))
            since = None
        if since is None:
            since, duty = sign.at, sign.duty or Duty.PICKET
        ends_at = sign.shift_ends_at
    if since is not None and ends_at is not None:
        intervals.append(PresenceInterval(duty, since, max(since, ends_at), is_reported=False))
    return intervals


def minutes_of(parts: Iterable[tuple[datetime, datetime]]) -> int:
    """Whole minutes of these parts together, each moment once."""
    whole, until = timedelta(), None
    for begin, end in sorted(parts):
        start = begin if until is None else max(begin, until)
        whole += max(end - start, timedelta())
        until = end if until is None else max(until, end)
    return int(whole.total_seconds() // 60)
