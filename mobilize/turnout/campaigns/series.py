"""The series of one chapter, one area or the union: its turnout in each action of a campaign."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from mobilize.actions.models import Action, EventChapter
from mobilize.database import db
from mobilize.turnout.figures.queries import board, chapters_in
from mobilize.turnout.figures.types import Board, Chapter, NameCounts, Total, is_few

LATEST = 12
LATEST_BOARDS = 6


@dataclass(frozen=True, slots=True)
class SeriesStep:
    """An action of the campaign and the chapter's figures in it; `change` of the share, in points of 1,
    against the last one before: None while it is `running`, since it is compared with none that is over."""

    action: Action
    chapter: Chapter
    change: float | None
    running: bool = False


@dataclass(frozen=True, slots=True)
class BoardStep:
    """An action of the campaign and the figures of many chapters together; `change` as in `SeriesStep`."""

    action: Action
    total: Total
    change: float | None
    running: bool = False


def chapter_series(action: Action, site_id: UUID, now: datetime) -> list[SeriesStep]:
    """This action and the campaign's earlier ones in which the chapter had a home event, oldest first.

    Drills and actions that were called off are in no series; an action without a campaign stands alone.
    """
    actions = _actions(action, site_id)
    chapters, last = chapters_in(actions, site_id), None
    steps: list[SeriesStep] = []
    for one in actions:
        if chapter := chapters.get(one.id):
            running = chapter.fixed_at is None and still_runs(one, now)
            change = None if running else _change(last, chapter.names)
            steps.append(SeriesStep(one, chapter, change, running))
            last = last if running else chapter.names
    return steps


def board_series(
    action: Action, visible: Board, narrow: Callable[[Board], Board], now: datetime
) -> list[BoardStep]:
    """The campaign's earlier actions, oldest first, then this one as its `visible` board shows it.

    `narrow` makes of a whole union's board what the same reader sees of it. An action none of these chapters
    had a part in is left out.
    """
    earlier = [(one, narrow(board(one))) for one in _actions(action, None, LATEST_BOARDS)[:-1]]
    steps: list[BoardStep] = []
    last = None
    for one, counted in [*earlier, (action, visible)]:
        if counted.chapters:
            names, running = counted.total.names, still_runs(one, now)
            steps.append(BoardStep(one, counted.total, None if running else _change(last, names), running))
            last = last if running else names
    return steps


def still_runs(action: Action, now: datetime) -> bool:
    """It is not over: what it says so far is compared with no whole action."""
    return action.ends_at > now


def actions_before(action: Action, site_id: UUID) -> Sequence[Action]:
    """The campaign's earlier actions in which the chapter had a home event, oldest first."""
    return [one for one in _actions(action, site_id, LATEST) if one.id != action.id]


def _actions(action: Action, site_id: UUID | None, latest: int = LATEST) -> Sequence[Action]:
    """Up to this action, oldest first; with `site_id` those in which that chapter had a part."""
    if action.campaign_id is None or action.drill:
        return [action]
    query = select(Action).where(
        Action.campaign_id == action.campaign_id,
        Action.starts_at <= action.starts_at,
        Action.called_off_at.is_(None),
        ~Action.drill,
    )
    if site_id:
        home = EventChapter.site_id == site_id, EventChapter.gone_at.is_(None)
        query = query.join(EventChapter, EventChapter.action_id == Action.id).where(*home)
    else:
        query = query.where(Action.owner_site_id.is_(None) | (Action.id == action.id))
    actions = db.session.scalars(query.order_by(Action.starts_at.desc(), Action.id).limit(latest)).all()[::-1]
    return [*(one for one in actions if one.id != action.id), action]


def _change(before: NameCounts | None, now: NameCounts) -> float | None:
    if before is None or before.share is None or now.share is None:
        return None
    if is_few(before.eligible) or is_few(now.eligible):
        return None
    return now.share - before.share
