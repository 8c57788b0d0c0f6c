"""The call list of an organizer: sites that sent no head count though they were asked twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from mobilize.accounts.models import Person, RoleName
from mobilize.actions.models import Action, Event, EventState
from mobilize.database import db
from mobilize.reminders.head_counts.requests import chairs_of
from mobilize.reminders.models import ReminderRule, RuleKind
from mobilize.reminders.rules.kinds import count_steps
from mobilize.texts.models import OutboxText, QuestionKind, TextState
from mobilize.turnout.figures.types import Board, Chapter

_ARRIVED = (TextState.DELIVERED, TextState.SENT)


@dataclass(frozen=True, slots=True)
class SilentSite:
    """A silent site: who chairs it, whether a question reached anybody, and how many are in by name."""

    chapter: Chapter
    chairs: Sequence[tuple[RoleName, Person]]
    questions: int
    reached: bool


def call_list(action: Action, board: Board, now: datetime) -> list[SilentSite]:
    """The silent sites of this board whose chairs were asked in vain, worst first; none after closing.

    On it from as many minutes after the start as the action's rule says, by default 35.
    """
    due = _due(action, now)
    silent = [c for c in board.by_trouble if not c.line.reported and c.line.event_id in due]
    chairs = chairs_of([chapter.site_id for chapter in silent], now)
    texts = _texts(due)
    return [
        SilentSite(c, chairs.get(c.site_id, ()), *texts.get(c.line.event_id, (0, False)))
        for c in silent
        if c.line.event_id
    ]


def _due(action: Action, now: datetime) -> set[UUID]:
    """Events of sites that stand and whose time to be called has come."""
    minutes = called_after(action)
    rows = db.session.execute(
        select(Event.id, Event.starts_at).where(
            Event.action_id == action.id, Event.state == EventState.PLANNED, Event.site_id.is_not(None)
        )
    )
    return {event for event, at in rows if (now - at).total_seconds() >= minutes * 60}


def called_after(action: Action) -> int:
    """Minutes after the start, as the action's rule says, also while its question is off."""
    rule = select(ReminderRule.call_after_minutes).where(
        ReminderRule.action_id == action.id, ReminderRule.kind == RuleKind.COUNT_QUESTION
    )
    set_minutes: int | None = db.session.scalar(rule)
    return count_steps(action)["call_after_minutes"] if set_minutes is None else set_minutes


def _texts(events: set[UUID]) -> dict[UUID | None, tuple[int, bool]]:
    """Event -> (how many questions left, whether one of them arrived)."""
    left = [*_ARRIVED, TextState.ACCEPTED]
    rows = db.session.execute(
        select(OutboxText.event_id, OutboxText.state).where(
            OutboxText.event_id.in_(events), OutboxText.asks == QuestionKind.HEAD_COUNT
        )
    )
    counts: dict[UUID | None, tuple[int, bool]] = {}
    for event, state in rows:
        questions, reached = counts.get(event, (0, False))
        counts[event] = questions + (state in left), reached or state in _ARRIVED
    return counts
