"""One chapter across the actions of a campaign: what tells whether the next, harder step can be won."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from mobilize.actions.models import Action, EventChapter
from mobilize.database import db
from mobilize.turnout.figures import Chapter
from mobilize.turnout.queries import chapter_in

LATEST = 12


@dataclass(frozen=True, slots=True)
class Step:
    """An action of the campaign and the chapter's figures in it; `change` of the share, in points of 1."""

    action: Action
    chapter: Chapter
    change: float | None


def chapter_series(action: Action, site_id: UUID) -> list[Step]:
    """This action and the campaign's earlier ones in which the chapter had a home event, oldest first.

    Drills and actions that were called off are in no series; an action without a campaign stands alone.
    """
    steps: list[Step] = []
    for one in _actions(action, site_id):
        chapter = chapter_in(one, site_id)
        if chapter:
            steps.append(Step(one, chapter, _change(steps, chapter)))
    return steps


def _actions(action: Action, site_id: UUID) -> Sequence[Action]:
    if action.campaign_id is None or action.drill:
        return [action]
    query = (
        select(Action)
        .join(EventChapter, EventChapter.action_id == Action.id)
        .where(
            Action.campaign_id == action.campaign_id,
            Action.starts_at <= action.starts_at,
            Action.called_off_at.is_(None),
            ~Action.drill,
            EventChapter.site_id == site_id,
            EventChapter.gone_at.is_(None),
        )
    )
    return db.session.scalars(query.order_by(Action.starts_at.desc(), Action.id).limit(LATEST)).all()[::-1]


def _change(before: list[Step], chapter: Chapter) -> float | None:
    if not before or before[-1].chapter.names.share is None or chapter.names.share is None:
        return None
    return chapter.names.share - before[-1].chapter.names.share
