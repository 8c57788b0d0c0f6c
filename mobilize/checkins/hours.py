"""How long somebody was there, from what is known of her coming and leaving. No database here.

What counts
    came        her first evidence opens a spell; more of the same changes nothing
    left        closes the spell that is open; said of somebody who is not there, it says nothing
    duty        said of somebody who is there, it ends what she did before and begins that
    nobody said when she left: her spell lasts until the end of the shift she was last seen in, and says so
    minutes     of her spells, within the event's hours; what overlaps counts once
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from mobilize.checkins.models import Duty, Says


class Sign(NamedTuple):
    """One piece of evidence about one member at one event, and when the shift it fell into ends."""

    at: datetime
    says: Says
    duty: Duty | None
    shift_ends_at: datetime


@dataclass(frozen=True, slots=True)
class Spell:
    """She was there from one moment to another, on one duty. `said`: somebody said when it ended."""

    duty: Duty
    from_at: datetime
    until_at: datetime
    said: bool

    def within(self, starts_at: datetime, ends_at: datetime) -> tuple[datetime, datetime]:
        """The part of it that lies in the event's hours; an empty one ends where it begins."""
        begin = min(max(self.from_at, starts_at), ends_at)
        return begin, max(begin, min(self.until_at, ends_at))


def spells(signs: Iterable[Sign]) -> list[Spell]:
    """When one member was there at one event, first to last."""
    found: list[Spell] = []
    since: datetime | None = None
    duty, ends_at = Duty.PICKET, None
    for sign in sorted(signs, key=lambda sign: (sign.at, sign.says is Says.LEFT)):
        if sign.says is Says.LEFT:
            if since is not None:
                found.append(Spell(duty, since, sign.at, said=True))
            since = None
            continue
        if since is not None and sign.duty not in (None, duty):
            found.append(Spell(duty, since, sign.at, said=True))
            since = None
        if since is None:
            since, duty = sign.at, sign.duty or Duty.PICKET
        ends_at = sign.shift_ends_at
    if since is not None and ends_at is not None:
        found.append(Spell(duty, since, max(since, ends_at), said=False))
    return found


def minutes_of(parts: Iterable[tuple[datetime, datetime]]) -> int:
    """Whole minutes of these parts together, each moment once."""
    whole, until = timedelta(), None
    for begin, end in sorted(parts):
        start = begin if until is None else max(begin, until)
        whole += max(end - start, timedelta())
        until = end if until is None else max(until, end)
    return int(whole.total_seconds() // 60)
