"""Counter of attendance in one action, by member: counted once, then updated by what changed.

No database here. Ids are the text the driver hands out: making 100,000 UUIDs takes longer than counting.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from mobilize.turnout.figures.types import COUNTS, NameCounts


class AttendanceKey(NamedTuple):
    """The key of one row of attendance."""

    who: str
    event: str
    shift: str


# One row of attendance: who, event, shift, chapter, strength, eligible, minute, and then its marks, a yes or
# no each, in the order of `MARKS`. Chapter and eligible are those of the denominator for somebody who is in
# it, else of the check-in; strength is 0, 1, 2 for self-reported, vouched, verified; minute is when they
# came, counted from the action's start (before it, below zero).
AttendanceRow = Sequence[Any]
MARKS = tuple(count.name for count in COUNTS if count.mark)

_PLACES_OF_MARKS = range(7, 7 + len(MARKS))
_who, _where, _key = itemgetter(0), itemgetter(0, 1), itemgetter(0, 1, 2)
_counted_as, _arrived = itemgetter(3, 4, 5, *_PLACES_OF_MARKS), itemgetter(3, 6)


class _Chapter:
    """The counts of a chapter's members. `minutes` is replaced, not changed, once a board may hold it."""

    __slots__ = ("also_there", "came", "marks", "minutes", "tiers")

    def __init__(self) -> None:
        self.came = self.also_there = 0
        self.tiers = [0, 0, 0]
        self.marks = [0] * len(MARKS)
        self.minutes: dict[int, int] = {}

    def add(self, strength: int, eligible: bool, marks: Sequence[bool], count: int) -> None:
        self.tiers[strength] += count
        for place, mark in enumerate(marks):
            self.marks[place] += count if mark else 0
        if eligible:
            self.came += count
        else:
            self.also_there += count

    def add_minute(self, minute: int, count: int) -> None:
        self.minutes[minute] = self.minutes.get(minute, 0) + count
        if not self.minutes[minute]:
            del self.minutes[minute]


class AttendanceCounter:
    """Each member once, by their strongest tier, in the chapter of the denominator, else of the check-in."""

    def __init__(self, rows: Sequence[AttendanceRow] = ()):
        # Whole columns at a time: going row by row takes three times as long.
        self._rows: dict[str, Sequence[AttendanceRow]] = {}
        self._alone: dict[str, AttendanceRow] = dict(zip(map(_who, rows), rows, strict=True))
        if len(self._alone) < len(rows):
            self._rows = _several(rows)
            for who in self._rows:
                del self._alone[who]
        once = [*self._alone.values(), *map(_together, self._rows.values())]
        self.hosted: Counter[str] = Counter(event for _member, event in set(map(_where, rows)))
        self._chapters: defaultdict[str | None, _Chapter] = defaultdict(_Chapter)
        for (chapter, strength, eligible, *marks), count in Counter(map(_counted_as, once)).items():
            self._chapters[chapter].add(strength, eligible, marks, count)
        for (chapter, minute), count in Counter(map(_arrived, once)).items():
            self._chapters[chapter].add_minute(minute, count)

    def take(self, keys: Iterable[AttendanceKey], rows: Iterable[AttendanceRow]) -> None:
        """Replace the rows under these keys with `rows`; a key that is in none of them was taken back."""
        by_key = {_key(row): row for row in rows}
        changed: defaultdict[str, set[tuple[Any, ...]]] = defaultdict(set)
        for key in keys:
            changed[key[0]].add(tuple(key))
        fresh: set[str | None] = set()
        for who, member_keys in changed.items():
            before = self._rows.pop(who, None) or [row for row in [self._alone.pop(who, None)] if row]
            now = [row for row in before if _key(row) not in member_keys]
            now += [by_key[key] for key in member_keys if key in by_key]
            self._count(before, -1, fresh)
            self._count(now, 1, fresh)
            if len(now) > 1:
                self._rows[who] = now
            elif now:
                self._alone[who] = now[0]

    def names(self, eligible: Mapping[str | None, int]) -> dict[str | None, NameCounts]:
        """By chapter; None is "no site". `eligible` is the denominator. Empty chapters are left out."""
        present = {chapter for chapter, held in self._chapters.items() if held.came or held.also_there}
        return {
            chapter: _names(self._chapters.get(chapter), eligible.get(chapter, 0))
            for chapter in {*present, *eligible}
        }

    def arrivals(self) -> dict[str | None, Mapping[int, int]]:
        """By chapter: how many came in which minute, each member when they were first checked in anywhere."""
        return {chapter: held.minutes for chapter, held in self._chapters.items() if held.minutes}

    def _count(self, rows: Sequence[AttendanceRow], count: int, fresh: set[str | None]) -> None:
        if not rows:
            return
        row = _together(rows)
        held = self._chapters[row[3]]
        if row[3] not in fresh:
            fresh.add(row[3])
            held.minutes = dict(held.minutes)
        held.add(row[4], row[5], row[7:], count)
        held.add_minute(row[6], count)
        for event in {one[1] for one in rows}:
            self.hosted[event] += count


def _names(held: _Chapter | None, eligible: int) -> NameCounts:
    if held is None:
        return NameCounts(eligible)
    self_reported, vouched, verified = held.tiers
    marks = dict(zip(MARKS, held.marks, strict=True))
    return NameCounts(eligible, held.came, held.also_there, verified, vouched, self_reported, **marks)


def _several(rows: Sequence[AttendanceRow]) -> dict[str, Sequence[AttendanceRow]]:
    """Those who have more than one row."""
    twice = {who for who, count in Counter(map(_who, rows)).items() if count > 1}
    of_member: defaultdict[str, list[AttendanceRow]] = defaultdict(list)
    for row in rows:
        if row[0] in twice:
            of_member[row[0]].append(row)
    return dict(of_member)


def _together(rows: Sequence[AttendanceRow]) -> AttendanceRow:
    """A member's rows as one: their strongest tier, when they first came."""
    if len(rows) == 1:
        return rows[0]
    # Rows of somebody in the denominator all say the same chapter.
    chapter = min((row[3] for row in rows if row[3]), default=None)
    strength, minute = max(row[4] for row in rows), min(row[6] for row in rows)
    eligible, *marks = (any(row[at] for row in rows) for at in (5, *_PLACES_OF_MARKS))
    return (*rows[0][:3], chapter, strength, eligible, minute, *marks)
