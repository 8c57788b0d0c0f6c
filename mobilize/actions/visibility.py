"""Actions and events in a person's scope. What is out of scope is answered with 404."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from flask import abort
from sqlalchemy import Select, Uuid, and_, bindparam, exists, false, func, or_, select
from sqlalchemy.orm import aliased, contains_eager, joinedload

from mobilize.accounts.access.scope import Scope, running_on
from mobilize.accounts.models import CHAIRS, RoleTerm
from mobilize.actions.models import Action, Event, EventChapter
from mobilize.database import db
from mobilize.roster.models import Area, Site

PER_PAGE = 50


@dataclass(frozen=True)
class EventPage:
    """One page of an action's events: `total` of them on `pages` pages, and which sites have no chair."""

    events: Sequence[Event]
    total: int
    page: int
    pages: int
    chairless: set[uuid.UUID]


def visible_site(site_id: uuid.UUID, scope: Scope) -> Site:
    """A site in scope; 404 otherwise."""
    site = db.session.get(Site, site_id, options=[joinedload(Site.area)])
    if site is None or not scope.sees(site):
        abort(404)
    return site


def visible_event(event_id: uuid.UUID, scope: Scope) -> Event:
    """An event in scope: at one's site, in one's area, or a rally of one's chapter; 404 otherwise."""
    event = db.session.scalar(
        in_scope(select(Event).where(Event.id == event_id), scope).options(
            joinedload(Event.site).joinedload(Site.area),
            joinedload(Event.action).joinedload(Action.campaign),
        )
    )
    return event or abort(404)


def changeable_event(event_id: uuid.UUID, scope: Scope) -> Event:
    """An event one may change, print names for and open the line of; 404 otherwise."""
    event = visible_event(event_id, scope)
    return event if may_change(event, scope) else abort(404)


def may_change(event: Event, scope: Scope) -> bool:
    """A site's event: whoever sees the site. A rally: who organizes all areas that come to it."""
    return scope.sees(event.site) if event.site else scope.everything or coming_areas(event) <= scope.areas


def coming_areas(event: Event) -> set[uuid.UUID]:
    """Ids of the areas whose chapters have their home event here."""
    query = select(Site.area_id).join(EventChapter, EventChapter.site_id == Site.id)
    return set(db.session.scalars(query.where(EventChapter.event_id == event.id).distinct()))


def visible_action(action_id: uuid.UUID, scope: Scope) -> Action:
    """An action with at least one event in scope; 404 otherwise."""
    return db.session.scalar(_visible_action(scope), {"action": action_id}) or abort(404)


@lru_cache(1000)
def _visible_action(scope: Scope) -> Select[Any]:
    """SELECT of the action. Boards ask it each second; building it costs more than what it finds."""
    inside = in_scope(select(Event.id).where(Event.action_id == Action.id), scope)
    query = select(Action).where(Action.id == bindparam("action", type_=Uuid()), inside.exists())
    return query.options(joinedload(Action.campaign))


def visible_actions(actions: Iterable[Action], scope: Scope) -> list[tuple[Action, int]]:
    """Those of `actions` with an event in scope, newest first, each with how many events that is."""
    by_id = {action.id: action for action in actions}
    counts = in_scope(select(Event.action_id, func.count()).where(Event.action_id.in_(by_id)), scope)
    rows = db.session.execute(counts.group_by(Event.action_id)).all()
    counted = [(by_id[action_id], n) for action_id, n in rows]
    return sorted(counted, key=lambda pair: (pair[0].starts_at, pair[0].id), reverse=True)


def number_of_events(action: Action, scope: Scope) -> int:
    """The number of an action's events in scope."""
    return _count(in_scope(select(Event.id).where(Event.action_id == action.id), scope))


def visible_events(action: Action, scope: Scope, area_id: uuid.UUID | None = None) -> Sequence[Event]:
    """The events in scope of an action (or of one of its areas) that were not called off, for printing."""
    query = _listed(action, scope)
    if area_id:
        query = query.where(Event.area_id == area_id)
    return [event for event in db.session.scalars(query) if not event.is_called_off]


def page_of_events(
    action: Action,
    scope: Scope,
    *,
    text: str = "",
    area_id: uuid.UUID | None = None,
    page: int = 1,
    day: date,
) -> EventPage:
    """Events of an action in scope whose site's name or code, or whose venue, contains `text`."""
    query = _listed(action, scope)
    for word in text.split()[:6]:
        columns = (Site.name, Site.code, Event.venue)
        query = query.where(or_(*(words.icontains(word, autoescape=True) for words in columns)))
    if area_id:
        query = query.where(Event.area_id == area_id)
    total = _count(query.with_only_columns(Event.id))
    pages = max(1, -(-total // PER_PAGE))
    page = min(max(page, 1), pages)
    events = db.session.scalars(query.limit(PER_PAGE).offset((page - 1) * PER_PAGE)).all()
    return EventPage(events, total, page, pages, chairless({e.site_id for e in events if e.site_id}, day))


def areas_of(action: Action, scope: Scope) -> list[tuple[Area, int]]:
    """The areas an action has events of in scope, by name, with how many."""
    events = in_scope(select(Event.area_id, func.count()).where(Event.action_id == action.id), scope)
    counts = dict(db.session.execute(events.group_by(Event.area_id)).all())
    areas = db.session.scalars(select(Area).where(Area.id.in_([a for a in counts if a])).order_by(Area.name))
    return [(area, counts[area.id]) for area in areas]


def areas_to_choose(scope: Scope) -> list[tuple[Area, int]]:
    """The areas somebody may hold an action in, by name, with how many sites it represents in each."""
    query = select(Area, func.count(Site.id)).join(Site).where(Site.represented).group_by(Area.id)
    rows = db.session.execute(query.order_by(Area.name))
    return [(area, n) for area, n in rows if scope.sees_area(area.id)]


def may_choose_every_site(scope: Scope) -> bool:
    """Whether the scope is every site: the office, or all areas."""
    areas = set(db.session.scalars(select(Site.area_id).where(Site.represented).distinct()))
    return scope.everything or areas <= scope.areas


def chairless(site_ids: Iterable[uuid.UUID], day: date) -> set[uuid.UUID]:
    """Those of these sites for which nobody is chair, co-chair or vice chair on this day."""
    ids = set(site_ids)
    held = select(RoleTerm.site_id).where(
        RoleTerm.role.in_(CHAIRS), RoleTerm.site_id.in_(ids), running_on(day)
    )
    return ids - set(db.session.scalars(held))


def in_scope(query: Any, scope: Scope) -> Any:
    """A query that selects from the table of events, narrowed to those in scope."""
    if scope.everything:
        return query
    site = aliased(Site)
    sites = scope.limit(select(site.id), site)
    home = EventChapter.event_id == Event.id, EventChapter.gone_at.is_(None), EventChapter.site_id.in_(sites)
    rally = and_(Event.site_id.is_(None), exists().where(*home))
    area = Event.area_id.in_(scope.areas) if scope.areas else false()
    return query.where(or_(Event.site_id.in_(sites), area, rally))


def _listed(action: Action, scope: Scope) -> Any:
    """An action's events in scope, with site and area, in the order in which people look places up."""
    query = select(Event).outerjoin(Event.site).outerjoin(Event.area).where(Event.action_id == action.id)
    return (
        in_scope(query, scope)
        .options(contains_eager(Event.site), contains_eager(Event.area))
        .order_by(Area.name, Site.name, Event.venue)
    )


def _count(query: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
