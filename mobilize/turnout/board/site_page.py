"""A site beside the board: who chairs it, what was counted there, and what was asked by text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from mobilize.accounts.models import GrantKind, LineGrant, Person, RoleName
from mobilize.actions.models import Event
from mobilize.checkins.models import HeadCount
from mobilize.database import db
from mobilize.reminders.head_counts.requests import chairs_of
from mobilize.texts.models import OutboxText, QuestionKind
from mobilize.turnout.calls.queries import calls_of
from mobilize.turnout.models import SiteCall

LATEST = 6


@dataclass(frozen=True, slots=True)
class SiteLine:
    """The line of a site: `counts` and `questions` are the latest, newest first; `captains` are links that
    are open."""

    event: Event | None
    chairs: Sequence[tuple[RoleName, Person]]
    captains: int
    counts: Sequence[HeadCount]
    questions: Sequence[OutboxText]
    calls: Sequence[SiteCall]


def site_line(event: Event | None, site_id: UUID, now: datetime) -> SiteLine:
    """What is known of this line. The caller checks the scope."""
    chairs = chairs_of([site_id], now).get(site_id, [])
    if event is None:
        return SiteLine(None, chairs, 0, [], [], [])
    counts = select(HeadCount).where(HeadCount.event_id == event.id, HeadCount.voided_at.is_(None))
    questions = select(OutboxText).where(
        OutboxText.event_id == event.id, OutboxText.asks == QuestionKind.HEAD_COUNT
    )
    return SiteLine(
        event,
        chairs,
        _open_links(event.id, now),
        db.session.scalars(counts.order_by(HeadCount.counted_at.desc(), HeadCount.id).limit(LATEST)).all(),
        db.session.scalars(questions.order_by(OutboxText.due_at.desc(), OutboxText.id).limit(LATEST)).all(),
        calls_of([event.id]).get(event.id, [])[:LATEST],
    )


def _open_links(event_id: UUID, now: datetime) -> int:
    links = select(func.count()).where(
        LineGrant.event_id == event_id,
        LineGrant.kind.in_((GrantKind.LINK, GrantKind.CAPTAIN)),
        LineGrant.revoked_at.is_(None),
        LineGrant.ends_at > now,
    )
    return db.session.scalar(links) or 0
