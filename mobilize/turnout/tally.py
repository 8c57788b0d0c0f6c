"""Who was there in one action, member by member: counted once, and then kept up to date by what changed.

No database here. Ids are the text the driver hands out: making 100,000 UUIDs takes longer than counting.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from mobilize.turnout.figures import Names


class Key(NamedTuple):
    """What names one row of attendance."""

    who: str
    event: str
    shift: str


class There(NamedTuple):
    """One row of attendance. `chapter` and `eligible` are those of the denominator for somebody who is in it,
    else of the check-in; `strength` is 0, 1, 2 for self-reported, vouched, verified; `minute` when she came,
    counted from the action's start (before it, below zero); `observed` as in `Attendance`."""

    who: str
    event: str
    shift: str
    chapter: str | None
    strength: int
    eligible: bool
    minute: int
    observed: bool = False


_who, _where, _key = itemgetter(0), itemgetter(0, 1), itemgetter(0, 1, 2)
_counted_as, _arrived = itemgetter(3, 4, 5, 7), itemgetter(3, 6)


class _Chapter:
    """What its members come to. `minutes` is replaced, not changed, once a board may hold it."""

    __slots__ = ("also_there", "came", "minutes", "observed", "tiers")

    def __init__(self) -> None:
        self.came = self.also_there = self.observed = 0
        self.tiers = [0, 0, 0]
        self.minutes: dict[int, int] = {}

    def add(self, strength: int, eligible: bool, observed: bool, count: int) -> None:
        self.tiers[strength] += count
        self.observed += count if observed else 0
        if eligible:
            self.came += count
        else:
            self.also_there += count

    def add_minute(self, minute: int, count: int) -> None:
        self.minutes[minute] = self.minutes.get(minute, 0) + count
        if not self.minutes[minute]:
            del self.minutes[minute]


class Tally:
    """Each member once, by her strongest tier, in the denominator's chapter, else that of her check-in."""

    def __init__(self, rows: Sequence[There] = ()):
        # Whole columns at a time: going row by row takes three times as long.
        self._rows: dict[str, Sequence[There]] = {}
        self._alone: dict[str, There] = dict(zip(map(_who, rows), rows, strict=True))
        if len(self._alone) < len(rows):
            self._rows = _several(rows)
            for who in self._rows:
                del self._alone[who]
        once = [*self._alone.values(), *map(_together, self._rows.values())]
        self.hosted: Counter[str] = Counter(event for _member, event in set(map(_where, rows)))
        self._chapters: defaultdict[str | None, _Chapter] = defaultdict(_Chapter)
        for (chapter, strength, eligible, observed), count in Counter(map(_counted_as, once)).items():
            self._chapters[chapter].add(strength, eligible, observed, count)
        for (chapter, minute), count in Counter(map(_arrived, once)).items():
            self._chapters[chapter].add_minute(minute, count)

    def take(self, keys: Iterable[Key], rows: Iterable[There]) -> None:
        """What stands under these keys is now `rows`; a key that is in none of them was taken back."""
        found = {_key(row): row for row in rows}
        changed: defaultdict[str, set[tuple[Any, ...]]] = defaultdict(set)
        for key in keys:
            changed[key[0]].add(tuple(key))
        fresh: set[str | None] = set()
        for who, mine in changed.items():
            before = self._rows.pop(who, None) or [row for row in [self._alone.pop(who, None)] if row]
            now = [row for row in before if _key(row) not in mine]
            now += [found[key] for key in mine if key in found]
            self._count(before, -1, fresh)
            self._count(now, 1, fresh)
            if len(now) > 1:
                self._rows[who] = now
            elif now:
                self._alone[who] = now[0]

    def names(self, eligible: Mapping[str | None, int]) -> dict[str | None, Names]:
        """By chapter; None is "no site". `eligible` is the denominator. Where nobody is or came, nothing."""
        there = {chapter for chapter, held in self._chapters.items() if held.came or held.also_there}
        return {
            chapter: _names(self._chapters.get(chapter), eligible.get(chapter, 0))
            for chapter in {*there, *eligible}
        }

    def arrivals(self) -> dict[str | None, Mapping[int, int]]:
        """By chapter: how many came in which minute, each member when she was first checked in anywhere."""
        return {chapter: held.minutes for chapter, held in self._chapters.items() if held.minutes}

    def _count(self, mine: Sequence[There], count: int, fresh: set[str | None]) -> None:
        if not mine:
            return
        row = _together(mine)
        held = self._chapters[row[3]]
        if row[3] not in fresh:
            fresh.add(row[3])
            held.minutes = dict(held.minutes)
        held.add(row[4], row[5], row[7], count)
        held.add_minute(row[6], count)
        for event in {one[1] for one in mine}:
            self.hosted[event] += count


def _names(held: _Chapter | None, eligible: int) -> Names:
    if held is None:
        return Names(eligible)
    self_reported, vouched, verified = held.tiers
    return Names(eligible, held.came, held.also_there, verified, vouched, self_reported, held.observed)


def _several(rows: Sequence[There]) -> dict[str, Sequence[There]]:
    """Those who have more than one row."""
    twice = {who for who, count in Counter(map(_who, rows)).items() if count > 1}
    of_member: defaultdict[str, list[There]] = defaultdict(list)
    for row in rows:
        if row[0] in twice:
            of_member[row[0]].append(row)
    return dict(of_member)


def _together(rows: Sequence[There]) -> There:
    """A member's rows as one: her strongest tier, when she first came."""
    if len(rows) == 1:
        return rows[0]
    # Rows of somebody in the denominator all say the same chapter.
    chapter = min((row[3] for row in rows if row[3]), default=None)
    strength, minute = max(row[4] for row in rows), min(row[6] for row in rows)
    eligible, observed = (any(row[at] for row in rows) for at in (5, 7))
    return There(*rows[0][:3], chapter, strength, eligible, minute, observed)
