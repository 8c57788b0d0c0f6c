"""Stored figures: totals fixed when an event closed, and the figures of reports. Counts only.

What is stored says its `format`, and with it which counts it holds; without one it is format 1. A count that
is added makes a new format (`types.Count.since`). What is there stays as it is: it is read without the new
count, and compared by the counts it has, so that no closed action is corrected because the program changed.
Exports have the same keys, and fields of their own (`reports.tables`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from mobilize.database import db
from mobilize.turnout.figures.types import COUNTS, AreaTotal, Board, Chapter, LineCounts, NameCounts, Total
from mobilize.turnout.models import ChapterTotal, OutsideTotal

# Format 1. Whatever is counted by name since then stands in `COUNTS` with the format it came with.
NAMES_V1 = ("eligible", "came", "also_there", "verified", "vouched", "self_reported", "observed")
LINE_V1 = ("hosted", "head_count", "peak", "supporters")
REPORT_NAMES_V1 = (
    "eligible", "came", "share_percent", "also_there", "named", "verified", "vouched", "self_reported",
)  # fmt: skip

Stored = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FixedFigures:
    """One chapter's figures in one version, when they were fixed, and the format they are stored in."""

    names: NameCounts
    line: LineCounts
    version: int
    at: datetime
    format: int


@dataclass(frozen=True, slots=True)
class FixedOutside:
    """Members without a chapter, and of chapters that hold nothing, as they were fixed."""

    no_site: NameCounts | None
    others: NameCounts | None
    version: int
    format: int


def current_format() -> int:
    """The format that is written today."""
    return max(count.since for count in COUNTS)


def latest_fixed(action_id: UUID, site_id: UUID | None = None) -> dict[UUID, FixedFigures]:
    """The latest version of each closed chapter of an action, or of one of them."""
    query = select(ChapterTotal.chapter_id, ChapterTotal.version, ChapterTotal.figures, ChapterTotal.fixed_at)
    query = query.where(ChapterTotal.action_id == action_id).order_by(ChapterTotal.version)
    rows = db.session.execute(query.where(ChapterTotal.chapter_id == site_id) if site_id else query)
    return {chapter_id: _read(version, figures, at) for chapter_id, version, figures, at in rows}


def fixed_of_site(action_ids: Sequence[UUID], site_id: UUID) -> dict[UUID, FixedFigures]:
    """One chapter's latest version in each of these actions in which it is closed."""
    query = select(
        ChapterTotal.action_id, ChapterTotal.version, ChapterTotal.figures, ChapterTotal.fixed_at
    ).where(ChapterTotal.action_id.in_(action_ids), ChapterTotal.chapter_id == site_id)
    rows = db.session.execute(query.order_by(ChapterTotal.version))
    return {action_id: _read(version, figures, at) for action_id, version, figures, at in rows}


def versions_of(action_id: UUID, site_id: UUID) -> list[FixedFigures]:
    """Every version of a chapter's figures, the first one first: what follows are corrections."""
    query = select(ChapterTotal.version, ChapterTotal.figures, ChapterTotal.fixed_at).where(
        ChapterTotal.action_id == action_id, ChapterTotal.chapter_id == site_id
    )
    return [_read(*row) for row in db.session.execute(query.order_by(ChapterTotal.version))]


def fixed_outside(action_id: UUID) -> FixedOutside | None:
    """The latest version of who belongs to no chapter; None until all events of the action are closed."""
    query = select(OutsideTotal).where(OutsideTotal.action_id == action_id)
    row = db.session.scalar(query.order_by(OutsideTotal.version.desc()).limit(1))
    if row is None:
        return None
    format = _format(row.figures)
    figures: Stored = row.figures
    no_site, others = (_read_names(figures[key], format) for key in ("no_site", "others"))
    return FixedOutside(no_site, others, row.version, format)


def as_stored(chapter: Chapter, format: int | None = None) -> dict[str, Any]:
    """The content of `totals.figures`, in the format of today or in an earlier one."""
    format, line = format or current_format(), chapter.line
    return {
        "format": format,
        **_values(chapter.names, _fields(NAMES_V1, format)),
        **_values(line, LINE_V1),
        "chapters": line.chapters,
        "counted_at": line.counted_at.isoformat() if line.counted_at else None,
    }


def outside_as_stored(of: Board | FixedOutside, format: int | None = None) -> dict[str, Any]:
    """The content of `outside_totals.figures`, in the format of today or in an earlier one."""
    format = format or current_format()
    fields = _fields(NAMES_V1, format)
    both = {"no_site": of.no_site, "others": of.others}
    return {"format": format} | {key: names and _values(names, fields) for key, names in both.items()}


def report_as_stored(board: Board, *, by: str, format: int | None = None) -> dict[str, Any]:
    """The content of `reports.figures`: all of this board together, and `by` "area" or "site"."""
    format = format or current_format()
    return {"format": format} | board_figures(board, _fields(REPORT_NAMES_V1, format), LINE_V1, by=by)


def report_says(stored: Stored, board: Board, *, by: str) -> bool:
    """A stored report says of each count it holds what this board says."""
    format = _format(stored)
    return {**stored, "format": format} == report_as_stored(board, by=by, format=format)


def board_figures(board: Board, names: Sequence[str], line: Sequence[str], *, by: str) -> dict[str, Any]:
    """A board as plain values: these counts by name and these of the lines, `by` "area" or "site".

    None is "no report". The keys are stored: what an export needs beside them is added there.
    """
    both = {"no_site": board.no_site, "other_chapters": board.others}
    total = total_figures(board.total, names, line) | {"with_chapter": _values(board.with_chapter, names)}
    parts: dict[str, Any] = {key: one and _values(one, names) for key, one in both.items()}
    if by == "area":
        parts["areas"] = [area_figures(area, names, line) for area in board.areas]
    else:
        parts["sites"] = [site_figures(chapter, names, line) for chapter in board.chapters]
    return {"action": str(board.action_id), "total": total, **parts}


def total_figures(total: Total, names: Sequence[str], line: Sequence[str]) -> dict[str, Any]:
    """Several chapters together, as in `board_figures`."""
    counted = {"sites": total.sites, "reporting": total.reporting}
    return {**counted, **_values(total.names, names), **_values(total.line, line)}


def area_figures(area: AreaTotal, names: Sequence[str], line: Sequence[str]) -> dict[str, Any]:
    """One area, as in `board_figures`."""
    return {"area": area.name, **total_figures(area.total, names, line)}


def site_figures(chapter: Chapter, names: Sequence[str], line: Sequence[str]) -> dict[str, Any]:
    """One chapter, as in `board_figures`."""
    return {
        "site_code": chapter.code,
        "site": chapter.name,
        "area": chapter.area,
        "state": chapter.state.value,
        **_values(chapter.names, names),
        **_values(chapter.line, line),
        # The line's numbers belong to all chapters that share it: do not add them up.
        "shared_line": chapter.line.chapters > 1,
        "fixed_at": chapter.fixed_at.isoformat() if chapter.fixed_at else None,
        "version": chapter.version,
    }


def settled(chapter: Chapter, fixed: FixedFigures) -> Chapter:
    """The chapter with its fixed figures."""
    line = replace(fixed.line, event_id=chapter.line.event_id, area_id=chapter.line.area_id)
    return replace(chapter, names=fixed.names, line=line, fixed_at=fixed.at, version=fixed.version)


def as_fixed(chapter: Chapter, fixed: FixedFigures | None) -> Chapter:
    """The chapter with its fixed figures; `moved_since` says that a count they hold is another one now."""
    if fixed is None:
        return chapter
    then = settled(chapter, fixed)
    return replace(then, moved_since=as_stored(then, fixed.format) != as_stored(chapter, fixed.format))


def outside_moved(held: FixedOutside, counted: Board) -> bool:
    """A count that is fixed of who belongs to no chapter is another one now."""
    return outside_as_stored(held, held.format) != outside_as_stored(counted, held.format)


def _fields(first: Sequence[str], format: int) -> tuple[str, ...]:
    """The counts by name in a format: those of format 1, and what was added until then."""
    return (*first, *(count.name for count in COUNTS if 1 < count.since <= format))


def _format(stored: Stored) -> int:
    """The format of what is stored; of one that a later release wrote, as far as this one knows it."""
    return min(stored.get("format", 1), current_format())


def _read(version: int, figures: Stored, at: datetime) -> FixedFigures:
    format, counted_at = _format(figures), figures.get("counted_at")
    line = LineCounts(
        chapters=figures.get("chapters", 1),
        hosted=figures.get("hosted", 0),
        head_count=figures.get("head_count"),
        peak=figures.get("peak"),
        supporters=figures.get("supporters"),
        counted_at=datetime.fromisoformat(counted_at) if counted_at else None,
    )
    return FixedFigures(_read_names(figures, format) or NameCounts(), line, version, at, format)


def _read_names(figures: Stored | None, format: int) -> NameCounts | None:
    """None of a count that this format does not have: it was not counted then, which is not zero."""
    if figures is None:
        return None
    held: dict[str, Any] = dict.fromkeys(NameCounts.__dataclass_fields__)
    return NameCounts(**held | {name: figures.get(name, 0) for name in _fields(NAMES_V1, format)})


def _values(figures: NameCounts | LineCounts, fields: Sequence[str]) -> dict[str, Any]:
    return {field: getattr(figures, field) for field in fields}
