"""Who was there in one action, member by member: counted once, and then kept up to date by what changed.

No database here. Ids are whatever the driver hands out: making 100,000 UUIDs takes longer than counting.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from typing import NamedTuple

from mobilize.turnout.figures import Names

# In the order of their strength, as `Names` calls them.
_TIERS = ("self_reported", "vouched", "verified")


class There(NamedTuple):
    """One row of attendance. `own` is the chapter of the denominator, of somebody who is in it; `minute` when
    she came, counted from the action's start (before it, below zero)."""

    who: Hashable
    event: Hashable
    strength: int
    chapter: Hashable | None
    eligible: bool
    in_denominator: bool
    own: Hashable | None
    minute: int


class _Member(NamedTuple):
    chapter: Hashable | None
    strength: int
    eligible: bool
    minute: int
    events: tuple[Hashable, ...]


class Tally:
    """Each member once, by her strongest tier, in the denominator's chapter, else that of her check-in."""

    def __init__(self, rows: Iterable[There] = ()):
        self._members: dict[Hashable, _Member] = {}
        self._counts: Counter[tuple[Hashable | None, int, bool]] = Counter()
        self.hosted: Counter[Hashable] = Counter()
        self._minutes: Counter[tuple[Hashable | None, int]] = Counter()
        self.take((), rows)

    def take(self, changed: Iterable[Hashable], rows: Iterable[There]) -> None:
        """These members' attendance is now `rows`; who is in none of them was taken back altogether."""
        for who in changed:
            self._drop(who)
        of_member: defaultdict[Hashable, list[There]] = defaultdict(list)
        for row in rows:
            of_member[row.who].append(row)
        for who, mine in of_member.items():
            self._drop(who)
            self._add(who, _together(mine))

    def names(self) -> dict[Hashable | None, Counter[str]]:
        """By chapter: how many of each field of `Names` but the denominator."""
        found: defaultdict[Hashable | None, Counter[str]] = defaultdict(Counter)
        for (chapter, strength, eligible), count in self._counts.items():
            if count:
                found[chapter]["came" if eligible else "also_there"] += count
                found[chapter][_TIERS[strength]] += count
        return found

    def arrivals(self) -> dict[Hashable | None, dict[int, int]]:
        """By chapter: how many came in which minute, each member when she was first checked in anywhere."""
        found: defaultdict[Hashable | None, dict[int, int]] = defaultdict(dict)
        for (chapter, minute), count in self._minutes.items():
            if count:
                found[chapter][minute] = count
        return found

    def _add(self, who: Hashable, member: _Member) -> None:
        self._members[who] = member
        self._counts[member[:3]] += 1
        self._minutes[member.chapter, member.minute] += 1
        for event in member.events:
            self.hosted[event] += 1

    def _drop(self, who: Hashable) -> None:
        held = self._members.pop(who, None)
        if held:
            self._counts[held[:3]] -= 1
            self._minutes[held.chapter, held.minute] -= 1
            for event in held.events:
                self.hosted[event] -= 1


def named(counts: Counter[str], eligible: int) -> Names:
    """The figures of a chapter."""
    return Names(eligible=eligible, **counts)


def _together(rows: list[There]) -> _Member:
    first = rows[0]
    eligible = first.in_denominator or any(row.eligible for row in rows)
    if len(rows) == 1:
        chapter = first.own if first.in_denominator else first.chapter
        return _Member(chapter, first.strength, eligible, first.minute, (first.event,))
    chapters = [row.chapter for row in rows if row.chapter]
    own = first.own if first.in_denominator else min(chapters, key=str, default=None)
    events = tuple({row.event for row in rows})
    strength, minute = max(row.strength for row in rows), min(row.minute for row in rows)
    return _Member(own, strength, eligible, minute, events)
