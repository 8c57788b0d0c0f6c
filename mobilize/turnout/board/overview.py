"""The overview after signing in: one's next events, and actions that are going on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from mobilize.accounts.access.scope import Scope
from mobilize.actions.models import Action, Event, EventChapter, EventState
from mobilize.database import db
from mobilize.roster.models import Site
from mobilize.turnout.figures.queries import chapter_in
from mobilize.turnout.figures.snapshots import latest_fixed
from mobilize.turnout.figures.types import Chapter, NameCounts

# An event stays on the first page this long after its end: last head count and sign-in sheet come then.
STAYS = timedelta(hours=3)
# What starts within this time is "today": somebody looks at it in the evening before.
SOON = timedelta(hours=18)
LATEST = 6


@dataclass(frozen=True, slots=True)
class OwnSite:
    """A chair's site: its event that is on or comes next, those after it, and the reports of past ones."""

    site: Site
    event: Event | None
    later: Sequence[Event]
    past: Sequence[tuple[Action, Chapter]]


@dataclass(frozen=True, slots=True)
class PastAction:
    """An action that is over, with the names of its closed chapters in scope, and how many those are."""

    action: Action
    names: NameCounts
    chapters: int


def own_sites(scope: Scope, now: datetime) -> list[OwnSite]:
    """The sites somebody chairs, by name."""
    sites = db.session.scalars(select(Site).where(Site.id.in_(scope.sites)).order_by(Site.name)).all()
    return [_own_site(site, now) for site in sites]


def actions_on(scope: Scope, now: datetime) -> tuple[list[Action], list[Action]]:
    """Actions with an event in scope that is not over: (today's, those to come), soonest first."""
    action_ids = _actions_with(scope, Event.ends_at > now - STAYS, Event.state == EventState.PLANNED)
    actions = db.session.scalars(
        select(Action).where(Action.id.in_(action_ids)).order_by(Action.starts_at, Action.id)
    ).all()
    today = [action for action in actions if action.starts_at <= now + SOON]
    return today, [action for action in actions if action.starts_at > now + SOON]


def past_actions(scope: Scope, now: datetime) -> list[PastAction]:
    """The latest actions that are over, drills left out, newest first."""
    action_ids = _actions_with(scope, Event.ends_at <= now - STAYS, Event.state != EventState.CALLED_OFF)
    actions = db.session.scalars(
        select(Action)
        .where(Action.id.in_(action_ids), ~Action.drill, Action.ends_at <= now - STAYS)
        .order_by(Action.starts_at.desc(), Action.id)
        .limit(LATEST)
    ).all()
    visible = set(db.session.scalars(scope.limit(select(Site.id)))) if actions else set()
    return [_past(action, visible) for action in actions]


def _actions_with(scope: Scope, *events: Any) -> Any:
    query = (
        select(EventChapter.action_id)
        .join(Event, Event.id == EventChapter.event_id)
        .join(Site, Site.id == EventChapter.site_id)
        .where(EventChapter.gone_at.is_(None), *events)
    )
    return scope.limit(query)


def _past(action: Action, visible: set[UUID]) -> PastAction:
    totals = [total for site_id, total in latest_fixed(action.id).items() if site_id in visible]
    return PastAction(action, NameCounts.sum_of(total.names for total in totals), len(totals))


def _own_site(site: Site, now: datetime) -> OwnSite:
    query = (
        select(Event)
        .join(EventChapter, EventChapter.event_id == Event.id)
        .where(EventChapter.site_id == site.id, EventChapter.gone_at.is_(None))
        .options(joinedload(Event.action), joinedload(Event.site))
    )
    current = query.where(Event.ends_at > now - STAYS, Event.state == EventState.PLANNED)
    coming = db.session.scalars(current.order_by(Event.starts_at)).all()
    over = query.where(
        Event.state != EventState.CALLED_OFF, Event.starts_at <= now, Event.id.not_in([e.id for e in coming])
    )
    events = db.session.scalars(over.order_by(Event.starts_at.desc()).limit(LATEST)).all()
    past = [(event.action, chapter) for event in events if (chapter := chapter_in(event.action, site.id))]
    return OwnSite(site, coming[0] if coming else None, coming[1:], past)
