"""Cache of events and rendered check-in pages, in the process: events are looked up every two seconds, all of
them at once, and pages rendered again only when their event changed. Decisions do not use it: they read the
database every time.

No key holds anything that a stranger can make up, so a flood of addresses adds no page.
"""

import threading
import time
import uuid
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from cachetools import LRUCache
from flask import current_app, g, request
from markupsafe import escape
from sqlalchemy import JSON, bindparam, func, null, select

from config import Settings
from mobilize import settings
from mobilize.accounts.sign_in.sessions import cookie_name
from mobilize.actions.models import Action, ActionKind, Campaign, Event, EventState, OldCode
from mobilize.database import is_postgres
from mobilize.fast.page_cache import CachedPage
from mobilize.fast.statements import CachedStatement, retried, run
from mobilize.keys.tokens import read_code
from mobilize.languages import Translated, language
from mobilize.roster.models import Site

LOOKED_UP_EVERY_SECONDS = 2.0
# Hundreds of sites are looked up in one question, for what ten cost alone: as long as somebody asked for them
# in the last minute. While one thread does, the others go on with what there is, for as long again.
ASKED_FOR_SECONDS = 60.0
MOST_EVENTS = 5000
# In each process: a page takes some 7,000, and a site on a morning five of them in each language.
PAGE_CACHE_BYTES = 64 << 20
TEXT_CACHE_BYTES = 4 << 20
# Placeholders in a cached page for what each answer has of its own: see `page_cache.CachedPage`.
TOKEN, CODE, TIME = "\ue000", "\ue001", "\ue002"
# The address asked for, which the language switch leads back to.
ADDRESS = "\ue003"
# What each site has of its own in a page that is rendered for all of them.
_OWN = ("\ue004", "\ue005", "\ue006", "\ue007")
_COUNT = "\ue008"


class CachedEvent(NamedTuple):
    """An event as the check-in page shows it, in each language."""

    id: uuid.UUID
    code: str
    tz: str
    starts_at: datetime
    ends_at: datetime
    state: EventState
    meet_at: str
    venue: str
    site: str | None
    name: Translated
    drill: bool
    kind: ActionKind
    demands: Translated | None
    # When the code it was asked for by was replaced, because that had leaked; `code` is that old one then,
    # and the new one stands nowhere in this.
    replaced_at: datetime | None
    # The digits behind HERE in a text.
    text_code: str

    def is_old_code(self, at: datetime) -> bool:
        """Whether its code was replaced by this moment."""
        return self.replaced_at is not None and at >= self.replaced_at

    def without_replaced_code(self) -> "CachedEvent":
        """The event for who came by something that did not leak: the line's rotating code, a member's own
        link."""
        return self._replace(replaced_at=None)

    @property
    def has_check_out(self) -> bool:
        """Whether members also say when they leave: on a strike day, when hours count."""
        return self.kind is ActionKind.STRIKE

    @property
    def place(self) -> str:
        return self.site or self.venue

    @property
    def is_called_off(self) -> bool:
        return self.state is EventState.CALLED_OFF

    def demands_in(self, reads: str) -> list[str]:
        lines = self.demands.in_(reads) if self.demands else ""
        return [line.strip() for line in lines.splitlines() if line.strip()]


@dataclass(slots=True)
class _Entry:
    """An event, when it was read, and when it was last asked for."""

    event: CachedEvent
    read_at: float
    asked_at: float


_events: LRUCache[str, _Entry] = LRUCache(MOST_EVENTS)
_pages: LRUCache[tuple[object, ...], tuple[CachedEvent, Settings, CachedPage]] = LRUCache(
    PAGE_CACHE_BYTES, getsizeof=lambda cached: cached[2].size
)
# Rendered for all sites, with marks; by the settings.
_texts: LRUCache[tuple[object, ...], tuple[Settings, str]] = LRUCache(
    TEXT_CACHE_BYTES, getsizeof=lambda rendered: 2 * len(rendered[1])
)
_lock = threading.Lock()
# Of whoever looks up all events again, and when that was last.
_reading = threading.Lock()
_all_read_at = 0.0


def cached_event(typed: str) -> CachedEvent | None:
    """The event of a check-in code, however it was typed; up to two seconds old, and up to four while others
    are looked up."""
    code, now = read_code(typed), time.monotonic()
    kept_for = float(current_app.config.get("EVENTS_KEPT_SECONDS", LOOKED_UP_EVERY_SECONDS))
    with _lock:
        entry = _events.get(code)
        if entry is not None:
            entry.asked_at = now
            age = now - entry.read_at
    if entry is None:
        _look_up([code], now)
    elif age >= kept_for:
        # One that nobody asked for in the last minute was not among those looked up a moment ago.
        if now - _all_read_at >= kept_for and _reading.acquire(blocking=False):
            try:
                _look_up_all(now)
            finally:
                _reading.release()
        elif age >= 2 * kept_for:
            _look_up([code], now)
    with _lock:
        entry = _events.get(code)
    return entry.event if entry else None


def _look_up_all(now: float) -> None:
    """Look up all that somebody asked for lately."""
    global _all_read_at
    with _lock:
        codes = [code for code, entry in _events.items() if now - entry.asked_at < ASKED_FOR_SECONDS]
    _look_up(codes, now)
    _all_read_at = now


def _look_up(codes: Sequence[str], now: float) -> None:
    """Look these up, in one question, or two where one of them was replaced or is no event's."""
    events = retried(lambda: _by_code(codes))
    with _lock:
        for code in codes:
            entry, event = _events.get(code), events.get(code)
            if event is None:
                _events.pop(code, None)
            elif entry is None:
                _events[code] = _Entry(event, read_at=now, asked_at=now)
            else:
                # The same object while nothing changes, which costs less to compare with.
                entry.event = entry.event if entry.event == event else event
                entry.read_at = max(now, entry.read_at)


def _by_code(codes: Sequence[str]) -> dict[str, CachedEvent]:
    events = {row[1]: CachedEvent(*row) for row in run(_BY_CODE, {"codes": codes})}
    others = [code for code in codes if code not in events]
    if others:
        events |= {row[1]: CachedEvent(*row) for row in run(_BY_OLD_CODE, {"codes": others})}
    return events


def cached_page(
    event: CachedEvent, kind: object, render: Callable[[], str], *, cached: bool = True
) -> CachedPage:
    """A page about `event`, rendered once as long as nothing of it or of the settings changes; each time when
    not `cached`.
    `kind` is everything in it that is neither the event's nor the language; the marks are for the caller to
    fill, ADDRESS with `requested_address`.

    Pages of people who are signed in show more, and are neither cached nor compressed.
    """
    if cookie_name("session") in request.cookies:
        return CachedPage(render(), for_all=False)
    if not cached:
        return CachedPage(_with_marked_address(render))
    key, chosen = (event.code, kind, language()), settings()
    with _lock:
        of, by, page = _pages.get(key, (None, None, None))
    if page is None or of != event or by is not chosen:
        page = CachedPage(_with_marked_address(render))
        with _lock:
            _pages[key] = event, chosen, page
    return page


def rendered_for_all_sites(
    event: CachedEvent, kind: Hashable, render: Callable[[CachedEvent, str], str], count: str = ""
) -> str:
    """A cached page about `event`, of which only what sites have of their own is new: hundreds of sites are
    one action, and check in at the same minute. `kind` as in `cached_page`; `render` is given the event and
    the site's `count` with a mark for each of those. Without a session, like cached pages."""
    if cookie_name("session") in request.cookies:
        return render(event, count)
    marked, own = _with_marks(event)
    own |= {_COUNT: count} if count else {}
    key, chosen = (marked, kind, language(), bool(count)), settings()
    with _lock:
        by, text = _texts.get(key, (None, ""))
    if by is not chosen:
        text = render(marked, _COUNT if count else "")
        for mark in own:  # in an address
            text = text.replace(quote(mark), mark)
        with _lock:
            _texts[key] = chosen, text
    for mark, value in own.items():
        text = text.replace(mark, str(escape(value)))
    return text


def _with_marks(event: CachedEvent) -> tuple[CachedEvent, dict[str, str]]:
    own = {"code": event.code, "text_code": event.text_code, "site": event.place, "meet_at": event.meet_at}
    marks: dict[str, Any] = {name: mark for name, mark in zip(own, _OWN, strict=True) if own[name]}
    return event._replace(id=uuid.UUID(int=0), venue="", **marks), {marks[name]: own[name] for name in marks}


def requested_address() -> str:
    """The address of this request as markup, for the placeholder ADDRESS."""
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
        Action.name,
        Action.drill,
        Action.kind,
        Campaign.demands,
        replaced_at,
        Event.text_code,
    )
    event = (
        select(*columns)
        .select_from(Event)
        .join(Action, Action.id == Event.action_id)
        .outerjoin(Campaign, Campaign.id == Action.campaign_id)
        .outerjoin(Site, Site.id == Event.site_id)
    )
    # All of them as one parameter: eight hundred cost Python several times as much.
    as_json = bindparam("codes", type_=JSON())
    codes = (
        func.json_array_elements_text(as_json).column_valued("one")
        if is_postgres()
        else func.json_each(as_json).table_valued("value").c.value
    )
    return event.where(code.in_(select(codes)))


_BY_CODE = CachedStatement(lambda: _showing(Event.code, null().label("replaced_at")))
_BY_OLD_CODE = CachedStatement(
    lambda: _showing(OldCode.code, OldCode.replaced_at).join(OldCode, OldCode.event_id == Event.id)
)
