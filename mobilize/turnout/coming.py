"""Who said she was coming against who arrived, by home chapter: what a rally is steered by."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, cast, exists, func, select

from mobilize.actions.models import Action, Event, EventState
from mobilize.checkins.models import Attendance
from mobilize.database import db
from mobilize.reminders.models import Coming
from mobilize.texts.models import OutboxText, QuestionKind, TextState
from mobilize.turnout.figures import Board, Chapter, Names
from mobilize.turnout.queries import counted_in

# What is said of texts that the carrier took.
LEFT = (TextState.ACCEPTED, TextState.SENT, TextState.DELIVERED)
HEADINGS = ("site_code", "site", "area", "eligible", "said_coming", "of_those_arrived", "said_not", "arrived")


@dataclass(frozen=True, slots=True)
class Answers:
    """Members in a denominator by their last answer: `coming`, of whom `arrived` anywhere in the action, and
    those who said they are `not_coming`. Nobody has answered is (0, 0, 0)."""

    coming: int = 0
    arrived: int = 0
    not_coming: int = 0

    def __add__(self, other: "Answers") -> "Answers":
        together = (self.coming + other.coming, self.arrived + other.arrived)
        return Answers(*together, self.not_coming + other.not_coming)


@dataclass(frozen=True, slots=True)
class Row:
    """A chapter, an area (its chapters beside it), or all together.

    `asked`: somebody was asked by text, or answered unasked. Else nobody said anything, which is not zero.
    """

    name: str
    names: Names
    answers: Answers
    asked: bool
    chapters: tuple["Row", ...] = ()


def coming_against_arrived(action: Action, board: Board) -> tuple[Row, list[Row]]:
    """(all together, the areas by name, each with its chapters) of what this board shows.

    Answers of an action that was forgotten are gone; the arrived stay.
    """
    answers, asked = _answers(action, frozen=board.frozen), _asked(action)
    areas: defaultdict[str, list[Row]] = defaultdict(list)
    for chapter in board.chapters:
        areas[chapter.area].append(_row(chapter, answers, asked))
    rows = [_together(area, chapters) for area, chapters in areas.items()]
    return _together("", rows), rows


def table_of(action: Action, board: Board) -> list[list[object]]:
    """A row a chapter under `HEADINGS`; no answers where nobody was asked."""
    answers, asked = _answers(action, frozen=board.frozen), _asked(action)
    return [
        [c.code, c.name, c.area, c.names.eligible, *_cells(_row(c, answers, asked)), c.names.named]
        for c in board.chapters
    ]


def _cells(row: Row) -> tuple[int | None, int | None, int | None]:
    said = row.answers
    return (said.coming, said.arrived, said.not_coming) if row.asked else (None, None, None)


def _row(chapter: Chapter, answers: Mapping[UUID | None, Answers], asked: Collection[UUID | None]) -> Row:
    said = answers.get(chapter.site_id, Answers())
    return Row(chapter.name, chapter.names, said, said != Answers() or chapter.line.event_id in asked)


def _together(name: str, rows: Iterable[Row]) -> Row:
    listed = tuple(rows)
    names = sum((row.names for row in listed), Names())
    answers = sum((row.answers for row in listed), Answers())
    return Row(name, names, answers, any(row.asked for row in listed), listed)


def _asked(action: Action) -> set[UUID | None]:
    """Events of which a question left."""
    asked = select(OutboxText.event_id).join(Event, Event.id == OutboxText.event_id)
    left = asked.where(OutboxText.asks == QuestionKind.COMING, OutboxText.state.in_(LEFT))
    return set(db.session.scalars(left.where(Event.action_id == action.id).distinct()))


def _answers(action: Action, *, frozen: bool) -> dict[UUID | None, Answers]:
    """By chapter of the denominator, each member once: coming to one event of it is coming."""
    events = select(Event.id).where(Event.action_id == action.id, Event.state != EventState.CALLED_OFF)
    counted: Any = counted_in(action, frozen=frozen).subquery()
    last = (
        select(Coming.member_id, func.max(cast(Coming.coming, Integer)).label("coming"))
        .where(Coming.event_id.in_(events))
        .group_by(Coming.member_id)
        .subquery()
    )
    there = exists().where(Attendance.member_id == last.c.member_id, Attendance.event_id.in_(events))
    arrived = cast(there, Integer).label("arrived")
    each = (
        select(counted.c.chapter_id, last.c.coming, arrived)
        .join(counted, counted.c.member_id == last.c.member_id)
        .subquery()
    )
    rows = db.session.execute(
        select(each.c.chapter_id, each.c.coming, each.c.arrived, func.count()).group_by(
            each.c.chapter_id, each.c.coming, each.c.arrived
        )
    )
    found: defaultdict[UUID | None, Answers] = defaultdict(Answers)
    for chapter_id, coming, came, count in rows:
        found[chapter_id] += Answers(count * coming, count * coming * came, count * (1 - coming))
    return dict(found)
