"""What the check-in page shows of an event, cached in the process: looked up at most every two seconds, and
rendered again only when it changed. Decisions rest on none of this: they ask the database every time.

Nothing that a stranger can make up is part of a key, so a flood of addresses adds no page.
"""

import threading
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from cachetools import LRUCache, TLRUCache
from flask import current_app, g, request
from markupsafe import escape
from sqlalchemy import String, bindparam, null, select

from mobilize.accounts.sessions import cookie_name
from mobilize.actions.models import Action, ActionKind, Campaign, Event, EventState, OldCode
from mobilize.compressed import KeptPage
from mobilize.direct import Ready, on_wire
from mobilize.languages import language
from mobilize.roster.models import Site
from mobilize.tokens import read_code

LOOKED_UP_EVERY_SECONDS = 2.0
MOST_EVENTS = 5000
# In each process: a page takes some 7,000, and a site on a morning five of them in each language.
PAGE_CACHE_BYTES = 64 << 20
# Stand in a kept page where each answer has something of its own: see `compressed.KeptPage`.
TOKEN, CODE, TIME = "\ue000", "\ue001", "\ue002"
# The address asked for, which the language switch leads back to.
ADDRESS = "\ue003"


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
    kind: ActionKind
    demands_en: str | None
    demands_es: str | None
    # When the code it was asked for by was replaced, because that had leaked; `code` is that old one then,
    # and the new one stands nowhere in this.
    replaced_at: datetime | None

    def is_old_code(self, at: datetime) -> bool:
        """Was its code replaced by this moment?"""
        return self.replaced_at is not None and at >= self.replaced_at

    def as_if_new(self) -> "Shown":
        """For whoever came by something that did not leak: the line's changing code, a member's own link."""
        return self._replace(replaced_at=None)

    @property
    def has_check_out(self) -> bool:
        """On a strike day hours count: whoever leaves says so."""
        return self.kind is ActionKind.STRIKE

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


def _good_until(_code: str, _event: Shown, now: float) -> float:
    return now + float(current_app.config.get("EVENTS_KEPT_SECONDS", LOOKED_UP_EVERY_SECONDS))


_events: TLRUCache[str, Shown] = TLRUCache(MOST_EVENTS, ttu=_good_until)
_pages: LRUCache[tuple[object, ...], tuple[Shown, KeptPage]] = LRUCache(
    PAGE_CACHE_BYTES, getsizeof=lambda cached: cached[1].size
)
_lock = threading.Lock()


def shown_event(typed: str) -> Shown | None:
    """The event of a check-in code, as typed or mangled; what is shown of it is up to two seconds old."""
    code = read_code(typed)
    with _lock:
        event = _events.get(code)
    if event is not None:
        return event
    rows = on_wire(lambda wire: wire.run(_BY_CODE, {"code": code}) or wire.run(_BY_OLD_CODE, {"code": code}))
    if not rows:
        return None
    event = Shown(*rows[0])
    with _lock:
        _events[code] = event
    return event


def shown_page(event: Shown, kind: object, render: Callable[[], str], *, cached: bool = True) -> KeptPage:
    """A page about `event`, rendered once as long as nothing of it changes; each time when not `cached`.
    `kind` is everything in it that is neither the event's nor the language; the marks are for the caller to
    fill, ADDRESS with `asked_address`.

    Who is signed in sees more on every page, so theirs is never cached, and never compressed.
    """
    if cookie_name("session") in request.cookies:
        return KeptPage(render(), for_all=False)
    if not cached:
        return KeptPage(_with_marked_address(render))
    key = event.code, kind, language()
    with _lock:
        of, page = _pages.get(key, (None, None))
    if page is None or of != event:
        page = KeptPage(_with_marked_address(render))
        with _lock:
            _pages[key] = event, page
    return page


def asked_address() -> str:
    """What stands at ADDRESS: where this request went, as markup."""
    return str(escape(request.full_path.rstrip("?")))


def _with_marked_address(render: Callable[[], str]) -> str:
    g.address = ADDRESS
    try:
        return render()
    finally:
        del g.address


def _showing(code: Any, replaced_at: Any) -> Any:
    columns = (
        Event.id,
        code,
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
        Action.kind,
        Campaign.demands_en,
        Campaign.demands_es,
        replaced_at,
    )
    event = (
        select(*columns)
        .select_from(Event)
        .join(Action, Action.id == Event.action_id)
        .outerjoin(Campaign, Campaign.id == Action.campaign_id)
        .outerjoin(Site, Site.id == Event.site_id)
    )
    return event.where(code == bindparam("code", type_=String()))


_BY_CODE = Ready(lambda: _showing(Event.code, null().label("replaced_at")))
_BY_OLD_CODE = Ready(
    lambda: _showing(OldCode.code, OldCode.replaced_at).join(OldCode, OldCode.event_id == Event.id)
)
