"""Figures as they were fixed when an event closed: how they are stored, and read again. Counts only."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from mobilize.database import db
from mobilize.turnout.figures import Board, Chapter, Line, Names
from mobilize.turnout.models import OutsideTotal, Total

_OF_A_LINE = ("hosted", "head_count", "peak", "supporters")


@dataclass(frozen=True, slots=True)
class Fixed:
    """One chapter's figures in one version, and when they were fixed."""

    names: Names
    line: Line
    version: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Outside:
    """Members without a chapter, and of chapters that hold nothing, as they were fixed."""

    no_site: Names | None
    others: Names | None
    version: int


def latest_fixed(action_id: UUID, site_id: UUID | None = None) -> dict[UUID, Fixed]:
    """The latest version of each closed chapter of an action, or of one of them."""
    query = select(Total.chapter_id, Total.version, Total.figures, Total.fixed_at)
    query = query.where(Total.action_id == action_id).order_by(Total.version)
    rows = db.session.execute(query.where(Total.chapter_id == site_id) if site_id else query)
    return {chapter_id: _read(version, figures, at) for chapter_id, version, figures, at in rows}


def fixed_of_site(action_ids: Sequence[UUID], site_id: UUID) -> dict[UUID, Fixed]:
    """One chapter's latest version in each of these actions in which it is closed."""
    query = select(Total.action_id, Total.version, Total.figures, Total.fixed_at).where(
        Total.action_id.in_(action_ids), Total.chapter_id == site_id
    )
    rows = db.session.execute(query.order_by(Total.version))
    return {action_id: _read(version, figures, at) for action_id, version, figures, at in rows}


def fixed_outside(action_id: UUID) -> Outside | None:
    """The latest version of who belongs to no chapter; None until all events of the action are closed."""
    query = select(OutsideTotal).where(OutsideTotal.action_id == action_id)
    row = db.session.scalar(query.order_by(OutsideTotal.version.desc()).limit(1))
    if row is None:
        return None
    names = {key: Names(**said) if said else None for key, said in row.figures.items()}  # type: ignore[arg-type]
    return Outside(names["no_site"], names["others"], row.version)


def versions_of(action_id: UUID, site_id: UUID) -> list[Fixed]:
    """Every version of a chapter's figures, the first one first: what follows are corrections."""
    query = select(Total.version, Total.figures, Total.fixed_at).where(
        Total.action_id == action_id, Total.chapter_id == site_id
    )
    return [_read(*row) for row in db.session.execute(query.order_by(Total.version))]


def outside_as_stored(board: Board) -> dict[str, object]:
    """What stands in `outside_totals.figures`."""
    both = {"no_site": board.no_site, "others": board.others}
    return {key: asdict(names) if names else None for key, names in both.items()}


def as_stored(chapter: Chapter) -> dict[str, object]:
    """What stands in `totals.figures`."""
    line = chapter.line
    counted_at = line.counted_at.isoformat() if line.counted_at else None
    return {
        **asdict(chapter.names),
        **{name: getattr(line, name) for name in _OF_A_LINE},
        "chapters": line.chapters,
        "counted_at": counted_at,
    }


def as_fixed(chapter: Chapter, fixed: Fixed | None) -> Chapter:
    """The chapter with its fixed figures; `moved_since` says that they differ from those it had."""
    if fixed is None:
        return chapter
    line = replace(fixed.line, event_id=chapter.line.event_id, area_id=chapter.line.area_id)
    settled = replace(chapter, names=fixed.names, line=line)
    return replace(settled, fixed_at=fixed.at, version=fixed.version, moved_since=settled != chapter)


def _read(version: int, figures: dict[str, Any], at: datetime) -> Fixed:
    counted_at = figures.get("counted_at")
    line = Line(
        **{name: figures[name] for name in _OF_A_LINE},
        chapters=figures["chapters"],
        counted_at=datetime.fromisoformat(counted_at) if counted_at else None,
    )
    names = Names(**{name: figures.get(name, 0) for name in Names.__dataclass_fields__})
    return Fixed(names, line, version, at)
