"""RSVPs against arrivals, by home chapter: who had said they would come, and who came, to steer a rally."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, cast, exists, func, select

from mobilize.actions.models import Action, Event, EventState
from mobilize.checkins.models import Attendance
from mobilize.database import db
from mobilize.reminders.models import Rsvp
from mobilize.tabular import Sheet
from mobilize.texts.enums import WITH_CARRIER
from mobilize.texts.models import OutboxText, QuestionKind
from mobilize.turnout.figures.queries import counted_in
from mobilize.turnout.figures.types import Board, Chapter, NameCounts

# What is said of texts that the carrier took.
HEADINGS = ("site_code", "site", "area", "eligible", "said_coming", "of_those_arrived", "said_not", "arrived")


@dataclass(frozen=True, slots=True)
class RsvpCounts:
    """Members in a denominator by their last answer: `coming`, of whom `arrived` anywhere in the action, and
    those who said they are `not_coming`. Nobody has answered is (0, 0, 0)."""

    coming: int = 0
    arrived: int = 0
    not_coming: int = 0

    def __add__(self, other: "RsvpCounts") -> "RsvpCounts":
        together = (self.coming + other.coming, self.arrived + other.arrived)
        return RsvpCounts(*together, self.not_coming + other.not_coming)


@dataclass(frozen=True, slots=True)
class RsvpRow:
    """A chapter, an area (its chapters beside it), or all together.

    `polled`: somebody was asked by text, or answered unasked. Else nobody said anything, which is not zero.
    """

    name: str
    names: NameCounts
    answers: RsvpCounts
    polled: bool
    chapters: tuple["RsvpRow", ...] = ()


def coming_against_arrived(action: Action, board: Board) -> tuple[RsvpRow, list[RsvpRow]]:
    """(all together, the areas by name, each with its chapters) of what this board shows.

    Answers of an action that was forgotten are gone; the arrived stay.
    """
    answers, polled = _answers(action, frozen=board.frozen), _polled(action)
    areas: defaultdict[str, list[RsvpRow]] = defaultdict(list)
    for chapter in board.chapters:
        areas[chapter.area].append(_row(chapter, answers, polled))
    rows = [_together(area, chapters) for area, chapters in areas.items()]
    return _together("", rows), rows


def rsvp_sheet(action: Action, board: Board) -> Sheet:
    """A row a chapter; no answers where nobody was asked."""
    answers, polled = _answers(action, frozen=board.frozen), _polled(action)
    rows = [
        [c.code, c.name, c.area, c.names.eligible, *_cells(_row(c, answers, polled)), c.names.named]
        for c in board.chapters
    ]
    return Sheet("coming", HEADINGS, rows)


def _cells(row: RsvpRow) -> tuple[int | None, int | None, int | None]:
    answers = row.answers
    return (answers.coming, answers.arrived, answers.not_coming) if row.polled else (None, None, None)


def _row(
    chapter: Chapter, answers: Mapping[UUID | None, RsvpCounts], polled: Collection[UUID | None]
) -> RsvpRow:
    own = answers.get(chapter.site_id, RsvpCounts())
    return RsvpRow(chapter.name, chapter.names, own, own != RsvpCounts() or chapter.line.event_id in polled)


def _together(name: str, rows: Iterable[RsvpRow]) -> RsvpRow:
    listed = tuple(rows)
    names = NameCounts.sum_of(row.names for row in listed)
    answers = sum((row.answers for row in listed), RsvpCounts())
    return RsvpRow(name, names, answers, any(row.polled for row in listed), listed)


def _polled(action: Action) -> set[UUID | None]:
    """Events of which a question left."""
    questions = select(OutboxText.event_id).join(Event, Event.id == OutboxText.event_id)
    left = questions.where(OutboxText.asks == QuestionKind.COMING, OutboxText.state.in_(WITH_CARRIER))
    return set(db.session.scalars(left.where(Event.action_id == action.id).distinct()))


def _answers(action: Action, *, frozen: bool) -> dict[UUID | None, RsvpCounts]:
    """By chapter of the denominator, each member once: coming to one event of it is coming."""
    events = select(Event.id).where(Event.action_id == action.id, Event.state != EventState.CALLED_OFF)
    counted: Any = counted_in(action, frozen=frozen).subquery()
    last = (
        select(Rsvp.member_id, func.max(cast(Rsvp.coming, Integer)).label("coming"))
        .where(Rsvp.event_id.in_(events))
        .group_by(Rsvp.member_id)
        .subquery()
    )
    present = exists().where(Attendance.member_id == last.c.member_id, Attendance.event_id.in_(events))
    arrived = cast(present, Integer).label("arrived")
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
    totals: defaultdict[UUID | None, RsvpCounts] = defaultdict(RsvpCounts)
    for chapter_id, coming, came, count in rows:
        totals[chapter_id] += RsvpCounts(count * coming, count * coming * came, count * (1 - coming))
    return dict(totals)
