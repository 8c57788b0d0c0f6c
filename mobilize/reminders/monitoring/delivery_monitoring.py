"""Pauses of campaigns: by a person, and automatic where a carrier filters too much of one."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, union_all

from mobilize.actions.models import Action, Campaign, Event
from mobilize.database import db
from mobilize.languages import DEFAULT
from mobilize.texts.carriers import codes_of
from mobilize.texts.carriers.base import ErrorMeaning
from mobilize.texts.enums import GIVEN_TO_CARRIER
from mobilize.texts.models import OutboxText, TextPause
from mobilize.texts.sending.pauses import pause_texts, paused_refs, resume_texts, resumed_at

# texts.md: a carrier that filters more than 2 % of a campaign has taken it for spam.
FILTERED, MOST_FILTERED = codes_of(ErrorMeaning.FILTERED), 0.02
FEWEST = 50
LOOKS_BACK = timedelta(hours=24)
WORKER = "worker"


def pause_campaign(campaign_id: uuid.UUID, reason: str, *, by: str, now: datetime) -> None:
    """Pause its texts to members, those of actions made later included, until `resume_campaign`."""
    pause_texts(campaign_id, _events_of(campaign_id), reason, by=by, now=now)


def resume_campaign(campaign_id: uuid.UUID, *, by: str, now: datetime) -> None:
    """Let them leave again."""
    resume_texts(campaign_id, by=by, now=now)


def watch_campaigns(now: datetime) -> int:
    """Pause what a carrier filters, and new actions of paused campaigns too; returns how many it paused.

    An action without a campaign counts as its own. What happened before a person resumed it counts no more.
    """
    for ref, pause in paused_refs().items():
        pause_texts(ref, _events_of(ref), pause.reason or "", by=pause.by, now=now)
    paused = 0
    for ref in _with_filtered(now):
        if ref not in paused_refs() and _share_filtered(ref, now) > MOST_FILTERED:
            pause_texts(ref, _events_of(ref), "carrier_30007", by=WORKER, now=now)
            paused += 1
    return paused


def to_watch(now: datetime) -> Select[Any]:
    """SELECT of the pauses that are in force, and of what a carrier filtered lately."""
    paused = select(TextPause.ref).where(TextPause.resumed_at.is_(None))
    filtered = select(OutboxText.id).where(*_filtered(now))
    return select(union_all(paused, filtered).subquery())


def campaigns_with_texts(now: datetime) -> Sequence[Campaign]:
    """Campaigns that have something to text about: an action to come, or over for a week at most."""
    recent = select(Action.campaign_id).where(Action.ends_at > now - timedelta(days=7))
    return db.session.scalars(
        select(Campaign).where(Campaign.id.in_(recent)).order_by(Campaign.name[DEFAULT].as_string())
    ).all()


def _of(ref: uuid.UUID) -> Any:
    return (Action.campaign_id == ref) | (Action.campaign_id.is_(None) & (Action.id == ref))


def _events_of(ref: uuid.UUID) -> Sequence[uuid.UUID]:
    return db.session.scalars(
        select(Event.id).join(Action, Action.id == Event.action_id).where(_of(ref))
    ).all()


def _with_filtered(now: datetime) -> Sequence[uuid.UUID]:
    return db.session.scalars(
        select(func.coalesce(Action.campaign_id, Action.id))
        .join(Event, Event.action_id == Action.id)
        .join(OutboxText, OutboxText.event_id == Event.id)
        .where(*_filtered(now))
        .distinct()
    ).all()


def _filtered(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return OutboxText.error_code.in_(FILTERED), OutboxText.settled_at > now - LOOKS_BACK


def _share_filtered(ref: uuid.UUID, now: datetime) -> float:
    since = max(now - LOOKS_BACK, resumed_at(ref) or now - LOOKS_BACK)
    rows = db.session.execute(
        select(OutboxText.error_code, func.count())
        .join(Event, Event.id == OutboxText.event_id)
        .join(Action, Action.id == Event.action_id)
        .where(_of(ref), OutboxText.state.in_(GIVEN_TO_CARRIER), OutboxText.due_at > now - LOOKS_BACK)
        .where(func.coalesce(OutboxText.settled_at, now) > since)
        .group_by(OutboxText.error_code)
    )
    counts = {row[0]: row[1] for row in rows}
    left = sum(counts.values())
    filtered = sum(counts.get(code, 0) for code in FILTERED)
    return filtered / left if left >= FEWEST else 0.0
