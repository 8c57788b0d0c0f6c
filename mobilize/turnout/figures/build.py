"""Building a board from the data of an action. Pure: no database."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from uuid import UUID

from mobilize.checkins.record.head_counts import LineCount
from mobilize.turnout.figures.chapters import ChapterHome
from mobilize.turnout.figures.counter import AttendanceCounter
from mobilize.turnout.figures.types import Board, Chapter, LineCounts, NameCounts


@dataclass(slots=True)
class BoardData:
    """Everything a board is made of, as last loaded; ids of the tally and of `eligible` are text.

    `frozen`: the denominator stands.
    """

    homes: Sequence[ChapterHome]
    tally: AttendanceCounter
    eligible: dict[str | None, int]
    heads: dict[UUID, LineCount]
    supporters: dict[UUID, int]

    @property
    def frozen(self) -> bool:
        return all(home.frozen_at for home in self.homes)


def assemble(action_id: UUID, data: BoardData, target_percent: int) -> Board:
    """The whole union's board; `target_percent` is the action's. What was fixed at closing is not asked."""
    names = {as_uuid(chapter): named for chapter, named in data.tally.names(data.eligible).items()}
    lines = _lines(data)
    return Board(
        action_id=action_id,
        chapters=tuple(chapter_of(home, names, lines, target_percent) for home in data.homes),
        no_site=names.get(None),
        others=_guests(names, {home.site_id for home in data.homes}),
        frozen=data.frozen,
        arrivals={as_uuid(chapter): came for chapter, came in data.tally.arrivals().items()},
    )


def chapter_of(
    home: ChapterHome,
    names: Mapping[UUID | None, NameCounts],
    lines: Mapping[UUID, LineCounts],
    target_percent: int,
) -> Chapter:
    """One chapter, from the names by chapter and the lines by event."""
    return Chapter(
        site_id=home.site_id,
        code=home.code,
        name=home.name,
        area_id=home.area_id,
        area=home.area,
        tz=home.tz,
        names=names.get(home.site_id, NameCounts()),
        line=lines[home.event_id],
        place=home.place,
        target=target_percent / 100,
    )


@lru_cache(maxsize=8192)
def as_uuid(text: str | None) -> UUID | None:
    """An id that came as text."""
    return UUID(text) if text else None


def _guests(names: dict[UUID | None, NameCounts], listed: set[UUID]) -> NameCounts | None:
    """Members of chapters that hold nothing in this action: they were there, and in nobody's denominator."""
    guests = [n for site_id, n in names.items() if site_id and site_id not in listed]
    total = NameCounts.sum_of(replace(n, eligible=0, came=0, also_there=n.named) for n in guests)
    return total if total.named else None


def _lines(data: BoardData) -> dict[UUID, LineCounts]:
    """The counts of each home event, names and heads and supporters apart."""
    areas = {home.event_id: home.event_area_id for home in data.homes}
    chapters = Counter(home.event_id for home in data.homes)
    hosted = {as_uuid(event): count for event, count in data.tally.hosted.items()}
    return {
        event_id: _line(event_id, areas[event_id], count, hosted.get(event_id, 0), data)
        for event_id, count in chapters.items()
    }


def _line(event_id: UUID, area_id: UUID | None, chapters: int, hosted: int, data: BoardData) -> LineCounts:
    heads = data.heads.get(event_id)
    return LineCounts(
        event_id=event_id,
        area_id=area_id,
        chapters=chapters,
        hosted=hosted,
        head_count=heads.n if heads else None,
        peak=heads.peak if heads else None,
        counted_at=heads.at if heads else None,
        supporters=data.supporters.get(event_id),
    )
