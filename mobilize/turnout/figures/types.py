"""The figures of a chapter, a line, an area and the union, and how they add up. No database here.

Names, head counts and supporters are three different things and are never added to one another.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from mobilize.languages import N_

# No share is said of fewer eligible members, and no count by name of fewer to people outside.
SMALLEST = 5
# A share this far above the target is "above" it; nearer, it is "on" it.
WELL_ABOVE = 0.10
# More names than people counted, beyond what a head count in the dark may miss.
TOO_MANY_NAMES = 1.1


class State(StrEnum):
    """States of a site, worst first. `none`: nobody said anything. `zero`: somebody said nobody is there."""

    NONE = "none"
    ZERO = "zero"
    BELOW = "below"
    ON = "on"
    ABOVE = "above"

    @property
    def trouble(self) -> int:
        """0 is the worst: the order in which sites are looked after."""
        return _TROUBLE[self]


_TROUBLE = {state: place for place, state in enumerate(State)}


class Disclosure(StrEnum):
    """The time when people outside may be shown a count, as far as it is large enough (see
    `disclosure_control`).

    `observed`: until the named totals are final, since nothing that is typed moves it. `final`: from then on.
    """

    NEVER = "never"
    ALWAYS = "always"
    OBSERVED = "observed"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Count:
    """A count by name as all reports show it: pages, paper, CSV, XLSX and JSON.

    `name` is an attribute of `NameCounts`, the heading in files and the key in JSON; `label` is what people
    read. `since` is the first stored format that holds it (see `snapshots`). A `mark` is a yes or no of a
    member's attendance, counted where one of their rows says yes (see `queries`). `column`: it has a column
    in tables of areas and sites; `in_files`: and in files.
    """

    name: str
    label: str
    since: int = 1
    disclosure: Disclosure = Disclosure.NEVER
    column: bool = False
    in_files: bool = True
    mark: bool = False


# In the order of columns.
COUNTS = (
    Count("eligible", N_("Eligible"), disclosure=Disclosure.ALWAYS, column=True),
    Count("came", N_("Came"), disclosure=Disclosure.FINAL, column=True),
    Count("share_percent", N_("Share"), disclosure=Disclosure.FINAL, column=True),
    Count("also_there", N_("Also there")),
    Count("named", N_("Checked in by name"), disclosure=Disclosure.FINAL),
    Count("verified", N_("Verified"), disclosure=Disclosure.FINAL),
    Count("vouched", N_("Vouched for"), disclosure=Disclosure.FINAL),
    Count("self_reported", N_("Self-reported"), disclosure=Disclosure.FINAL),
    Count(
        "observed",
        N_("Names ticked or scanned by chairs and captains"),
        disclosure=Disclosure.OBSERVED,
        in_files=False,
        mark=True,
    ),
)


@dataclass(frozen=True, slots=True)
class NameCounts:
    """Members of one chapter (or several) in one action, counted by name, each once.

    `eligible`: active members when the home event started. `came`: those of them who were checked in at any
    line of the action. `also_there`: other members of the chapter who were (on leave, substitute, retired,
    joined later). The tiers split `came + also_there` by each member's strongest evidence. `observed` are
    those of both whose name a chair or captain ticked or whose code they scanned, whatever else was typed.
    """

    eligible: int = 0
    came: int = 0
    also_there: int = 0
    verified: int = 0
    vouched: int = 0
    self_reported: int = 0
    observed: int = 0

    @property
    def named(self) -> int:
        """Everybody of the chapter who was checked in by name."""
        return self.came + self.also_there

    @property
    def share(self) -> float | None:
        """Eligible members who came, of all eligible ones, 0..1. None where nobody is eligible."""
        return self.came / self.eligible if self.eligible else None

    @property
    def share_percent(self) -> float | None:
        """The share as it is printed everywhere: of 100, with one decimal."""
        return percent(self.share)

    @classmethod
    def sum_of(cls, counts: Iterable["NameCounts"]) -> "NameCounts":
        """Several together. A count is None where one of them was never counted: the sum would pass a part
        off as the whole."""
        listed = list(counts)
        kind = type(listed[0]) if listed else cls
        columns = zip(*map(attrgetter(*(one.name for one in fields(kind))), listed), strict=True)
        sums: Iterable[Any] = (None if None in column else sum(column) for column in columns)
        return kind(*sums)


@dataclass(frozen=True, slots=True)
class LineCounts:
    """The counts of one line, or of several. None is "no report", and not zero.

    `hosted`: members of whatever chapter who were checked in by name at this very line.
    """

    event_id: UUID | None = None
    area_id: UUID | None = None
    chapters: int = 1
    hosted: int = 0
    head_count: int | None = None
    peak: int | None = None
    counted_at: datetime | None = None
    supporters: int | None = None

    @property
    def reported(self) -> bool:
        """Somebody sent a head count."""
        return self.head_count is not None


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter in one action: its members, and the line that is its home there (which it may share).

    `place` is its latitude and longitude. `fixed_at` and `version` say since when the figures stand;
    `moved_since`: they would be others today.
    """

    site_id: UUID
    code: str
    name: str
    area_id: UUID
    area: str
    tz: str
    names: NameCounts
    line: LineCounts
    target: float
    place: tuple[float, float] | None = None
    fixed_at: datetime | None = None
    version: int | None = None
    moved_since: bool = False

    @property
    def state(self) -> State:
        """Of the line first: nobody said anything, or zero; else the chapter's share against the target."""
        if not self.line.hosted and not self.line.head_count:
            return State.ZERO if self.line.reported else State.NONE
        share = 1.0 if self.names.share is None else self.names.share
        if share < self.target:
            return State.BELOW
        return State.ABOVE if share >= min(self.target + WELL_ABOVE, 1.0) else State.ON

    @property
    def few(self) -> bool:
        return is_few(self.names.eligible)

    @property
    def more_names_than_people(self) -> bool:
        """A flag for people to look at: more were checked in at the line than anybody saw there."""
        peak = self.line.peak
        return peak is not None and self.line.hosted > peak * TOO_MANY_NAMES


@dataclass(frozen=True, slots=True)
class Total:
    """Several chapters together, each line once. `sites` of which `reporting` sent a head count."""

    names: NameCounts
    line: LineCounts
    sites: int
    reporting: int


@dataclass(frozen=True, slots=True)
class AreaTotal:
    """An area's chapters together."""

    area_id: UUID
    name: str
    total: Total


@dataclass(frozen=True)
class Board:
    """One action: its chapters by area and name, and who belongs to none of them.

    `no_site`: members without a chapter. `others`: members of chapters that have no event in this action.
    Both are None where they are out of the viewer's scope. `as_of` is when it was counted. `arrivals`: by
    chapter, how many were first checked in in which minute after the action's start.
    """

    action_id: UUID
    chapters: tuple[Chapter, ...]
    no_site: NameCounts | None = None
    others: NameCounts | None = None
    as_of: datetime | None = field(default=None, compare=False)
    frozen: bool = True
    arrivals: Mapping[UUID | None, Mapping[int, int]] = field(default_factory=dict)
    _by_site: dict[UUID, Chapter] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_site", {chapter.site_id: chapter for chapter in self.chapters})

    def chapter(self, site_id: UUID) -> Chapter | None:
        return self._by_site.get(site_id)

    @cached_property
    def total(self) -> Total:
        """Everything on this board. The share's denominator includes members without a chapter."""
        total = add_up(self.chapters)
        names = NameCounts.sum_of([total.names, *(more for more in (self.no_site, self.others) if more)])
        return Total(names, total.line, total.sites, total.reporting)

    @cached_property
    def with_chapter(self) -> NameCounts:
        """The other denominator: only members who belong to a chapter."""
        return add_up(self.chapters).names

    @cached_property
    def by_area(self) -> Mapping[UUID, Sequence[Chapter]]:
        """The chapters of each area, by the areas' names."""
        by_area: dict[UUID, list[Chapter]] = {}
        # They come by area, and a look in the dictionary costs more than to compare with the one before.
        for area_id, inside in groupby(self.chapters, key=attrgetter("area_id")):
            by_area.setdefault(area_id, []).extend(inside)
        return by_area

    @cached_property
    def areas(self) -> tuple[AreaTotal, ...]:
        """By name. A rally's line belongs to an area only when it is that area's rally."""
        return tuple(
            AreaTotal(area_id, inside[0].area, add_up(inside, area_id))
            for area_id, inside in self.by_area.items()
        )

    @cached_property
    def by_trouble(self) -> tuple[Chapter, ...]:
        """The sites in the order in which they need help: no report, zero, then the lowest share."""
        return tuple(sorted(self.chapters, key=_trouble))

    @cached_property
    def silent(self) -> tuple[Chapter, ...]:
        """Chapters whose line has sent no head count, by area and name; names may be there all the same."""
        return tuple(chapter for chapter in self.chapters if not chapter.line.reported)

    @cached_property
    def one_line(self) -> bool:
        """A rally: all chapters at one venue."""
        return len(self.chapters) > 1 and len({chapter.line.event_id for chapter in self.chapters}) == 1

    @cached_property
    def minutes(self) -> Mapping[int, int]:
        """The arrivals of all chapters together."""
        counts: Counter[int] = Counter()
        for came in self.arrivals.values():
            for minute, count in came.items():
                counts[minute] += count
        return counts

    def of_area(self, area_id: UUID) -> "Board":
        return self._only(chapter for chapter in self.chapters if chapter.area_id == area_id)

    def of_sites(self, site_ids: set[UUID]) -> "Board":
        """The board of somebody who may see these sites and no more."""
        return self._only(chapter for chapter in self.chapters if chapter.site_id in site_ids)

    def _only(self, chapters: Iterable[Chapter]) -> "Board":
        inside = tuple(chapters)
        sites: set[UUID | None] = {chapter.site_id for chapter in inside}
        arrivals = {site: came for site, came in self.arrivals.items() if site in sites}
        return Board(self.action_id, inside, as_of=self.as_of, frozen=self.frozen, arrivals=arrivals)


def is_few(eligible: int) -> bool:
    """So few that a share would say more than they can: pages and paper say how many of how many."""
    return 0 < eligible < SMALLEST


def percent(share: float | None) -> float | None:
    """A share of 100, with one decimal."""
    return None if share is None else round(share * 100, 1)


def add_up(chapters: Iterable[Chapter], area_id: UUID | None = None) -> Total:
    """Chapters together. A line that several share counts once; with `area_id`, only that area's lines."""
    listed = list(chapters)
    lines = {c.line.event_id: c.line for c in listed if area_id is None or c.line.area_id == area_id}
    return Total(
        names=NameCounts.sum_of(chapter.names for chapter in listed),
        line=_add_lines(list(lines.values())),
        sites=len(listed),
        reporting=sum(chapter.line.reported for chapter in listed),
    )


def _add_lines(lines: list[LineCounts]) -> LineCounts:
    return LineCounts(
        chapters=sum(line.chapters for line in lines),
        hosted=sum(line.hosted for line in lines),
        head_count=_sum_of_reported([line.head_count for line in lines]),
        peak=_sum_of_reported([line.peak for line in lines]),
        counted_at=max((line.counted_at for line in lines if line.counted_at), default=None),
        supporters=_sum_of_reported([line.supporters for line in lines]),
    )


def _sum_of_reported(numbers: list[int | None]) -> int | None:
    """The sum of what was reported; None when nothing was."""
    reported = [n for n in numbers if n is not None]
    return sum(reported) if reported else None


def _trouble(chapter: Chapter) -> tuple[int, float, int, str]:
    share = 1.0 if chapter.names.share is None else chapter.names.share
    return chapter.state.trouble, share, -chapter.names.eligible, chapter.name
