"""The site, area and hours of the event of a report, which are checked before it is decided.

Kept for two seconds in each process, as the check-in page keeps it: the decision itself reads the database.
"""

import threading
import uuid
from datetime import datetime
from typing import Any, NamedTuple

from cachetools import TLRUCache
from flask import abort, current_app
from sqlalchemy import Uuid, bindparam, func, select

from mobilize.accounts.access.scope import Scope
from mobilize.actions.models import Action, Event, EventState
from mobilize.actions.visibility import changeable_event
from mobilize.checkins.member.event_cache import LOOKED_UP_EVERY_SECONDS, MOST_EVENTS
from mobilize.fast.statements import CachedStatement, retried, run
from mobilize.roster.models import Site


class EventFacts(NamedTuple):
    """An event, its area if it has one, and its hours."""

    id: uuid.UUID
    site_id: uuid.UUID | None
    area_id: uuid.UUID | None
    state: EventState
    starts_at: datetime
    ends_at: datetime
    called_off_at: datetime | None
    forgotten_at: datetime | None

    def took_none(self, at: datetime) -> bool:
        """It was called off by then, or its action forgotten: what was reported is kept and counts nobody."""
        off_at = self.called_off_at if self.state is EventState.CALLED_OFF else None
        return any(since is not None and since <= at for since in (off_at, self.forgotten_at))


def reportable_event(event_id: uuid.UUID, scope: Scope) -> EventFacts:
    """An event whose line somebody with this scope may open; 404 for every other one."""
    facts = _facts(event_id) or abort(404)
    if not scope.everything and (facts.site_id is None or facts.area_id not in scope.areas):
        changeable_event(event_id, scope)
    return facts


def _facts(event_id: uuid.UUID) -> EventFacts | None:
    with _lock:
        facts = _cached.get(event_id)
    if facts is None:
        rows = retried(lambda: run(_BY_ID, {"event": event_id}))
        if not rows:
            return None
        facts = EventFacts(*rows[0])
        with _lock:
            _cached[event_id] = facts
    return facts


def _by_id() -> Any:
    columns = (
        Event.id,
        Event.site_id,
        func.coalesce(Site.area_id, Event.area_id),
        Event.state,
        Event.starts_at,
        Event.ends_at,
        Action.called_off_at,
        Action.forgotten_at,
    )
    events = select(*columns).join(Action, Action.id == Event.action_id)
    events = events.outerjoin(Site, Site.id == Event.site_id)
    return events.where(Event.id == bindparam("event", type_=Uuid()))


def _good_until(_event_id: uuid.UUID, _facts: EventFacts, now: float) -> float:
    return now + float(current_app.config.get("EVENTS_KEPT_SECONDS", LOOKED_UP_EVERY_SECONDS))


_BY_ID = CachedStatement(_by_id)
_cached: TLRUCache[uuid.UUID, EventFacts] = TLRUCache(MOST_EVENTS, ttu=_good_until)
_lock = threading.Lock()
