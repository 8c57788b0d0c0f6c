"""What the check-in page shows of an event, kept in the process: looked up at most every two seconds, and
rendered again only when it changed. Decisions rest on none of this: they ask the database every time.
"""

import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from flask import current_app, request
from sqlalchemy import String, bindparam, select

from mobilize.accounts.sessions import cookie_name
from mobilize.actions.models import Action, Campaign, Event, EventState
from mobilize.direct import Ready, on_wire
from mobilize.languages import language
from mobilize.roster.models import Site
from mobilize.tokens import read_code

LOOKED_UP_EVERY_SECONDS = 2.0
MOST_EVENTS, MOST_PAGES = 5000, 2000
# Stand in a kept page where each answer has something of its own: no keyboard writes these letters.
TOKEN, CODE, TIME = "\ue000", "\ue001", "\ue002"
COUNT = 999_888_777_666


class Shown(NamedTuple):
    """An event as its page shows it, in both languages."""

    id: uuid.UUID
    code: str
    tz: str
    starts_at: datetime
    ends_at: datetime
    state: EventState
    meet_at: str
    venue: str
    site: str | None
    name_en: str
    name_es: str
    drill: bool
    demands_en: str | None
    demands_es: str | None

    @property
    def place(self) -> str:
        return self.site or self.venue

    @property
    def is_called_off(self) -> bool:
        return self.state is EventState.CALLED_OFF

    def name_in(self, reads: str) -> str:
        return self.name_es if reads == "es" else self.name_en

    def demands_in(self, reads: str) -> list[str]:
        lines = (self.demands_es if reads == "es" else self.demands_en) or ""
        return [line.strip() for line in lines.splitlines() if line.strip()]


_events: dict[str, tuple[float, Shown]] = {}
_pages: dict[tuple[object, ...], tuple[Shown, str]] = {}


def shown_event(typed: str) -> Shown | None:
    """The event of a check-in code, as typed or mangled; what is shown of it is up to two seconds old."""
    code, now = read_code(typed), time.monotonic()
    kept_until, event = _events.get(code, (0.0, None))
    if event and now < kept_until:
        return event
    rows = on_wire(lambda wire: wire.run(_BY_CODE, {"code": code}))
    if not rows:
        return None
    found = Shown(*rows[0])
    event = event if event == found else found
    if len(_events) >= MOST_EVENTS:
        _events.clear()
    _events[code] = now + current_app.config.get("EVENTS_KEPT_SECONDS", LOOKED_UP_EVERY_SECONDS), event
    return event


def shown_page(event: Shown, kind: object, render: Callable[[], str]) -> str:
    """A page about `event`, rendered once as long as nothing of it changes. `kind` is everything in it that
    is neither the event's, the language, nor the address; the marks are for the caller to fill.

    Who is signed in sees more on every page, so hers is never kept.
    """
    if cookie_name("session") in request.cookies:
        return render()
    key = (event.code, kind, language(), request.full_path)
    of, page = _pages.get(key, (None, ""))
    if of is not event:
        page = render()
        if len(_pages) >= MOST_PAGES:
            _pages.clear()
        _pages[key] = event, page
    return page


_BY_CODE = Ready(
    lambda: (
        select(
            Event.id,
            Event.code,
            Event.tz,
            Event.starts_at,
            Event.ends_at,
            Event.state,
            Event.meet_at,
            Event.venue,
            Site.name,
            Action.name_en,
            Action.name_es,
            Action.drill,
            Campaign.demands_en,
            Campaign.demands_es,
        )
        .join(Action, Action.id == Event.action_id)
        .outerjoin(Campaign, Campaign.id == Action.campaign_id)
        .outerjoin(Site, Site.id == Event.site_id)
        .where(Event.code == bindparam("code", type_=String()))
    )
)
