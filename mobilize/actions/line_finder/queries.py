"""Where is my line?: the places and times of lines that anybody may look up, without members or counts."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from cachetools import LRUCache
from flask import current_app
from sqlalchemy import exists, select
from sqlalchemy.orm import aliased

from mobilize import settings
from mobilize.actions.models import Action, Event, EventChapter, EventState
from mobilize.database import db
from mobilize.fast.page_cache import CachedPage
from mobilize.languages import Translated
from mobilize.roster.imports.reading.site_matcher import KnownSite, SiteDirectory
from mobilize.roster.map_projection import LatLon, is_near, middle, miles
from mobilize.roster.models import Area, Site
from mobilize.roster.names import fold

MOST_FOUND = 20
_PAGES = 300
_KEPT_FOR = timedelta(seconds=5)
_CACHE = "mobilize line finder"


@dataclass(frozen=True, slots=True)
class PublicLine:
    """What anybody may know of one line. `sites` are the names of the schools that stand there."""

    action: Translated
    place: str
    meet_at: str
    address: str
    starts_at: datetime
    ends_at: datetime
    tz: str
    called_off: bool
    point: LatLon | None
    sites: list[str] = field(default_factory=list, compare=False)


@dataclass(frozen=True, slots=True)
class FinderSite:
    """A school, with its lines, the soonest first; `point` is None where its coordinates cannot be right."""

    id: UUID
    code: str
    name: str
    area: str
    point: LatLon | None
    lines: tuple[PublicLine, ...]


class LineFinder:
    """All schools and all lines that can be found now, with the pages about them, each rendered once."""

    def __init__(self, sites: Iterable[FinderSite], lines: Iterable[PublicLine]):
        self._pages: LRUCache[tuple[str, ...], CachedPage] = LRUCache(_PAGES)
        self._lock = threading.Lock()
        self.sites, self.lines = list(sites), list(lines)
        self._folded = [(fold(site.name), site) for site in self.sites]
        self._by_code = {site.code: site for site in self.sites}

    def page(self, key: tuple[str, ...], render: Callable[[], CachedPage]) -> CachedPage:
        """The page of this key, rendered unless it is kept."""
        with self._lock:
            page = self._pages.get(key)
        if page is None:
            page = render()
            with self._lock:
                self._pages[key] = page
        return page

    def site(self, code: str) -> FinderSite | None:
        return self._by_code.get(code)

    def matching(self, typed: str) -> list[FinderSite]:
        """Schools whose name has every word that was typed, or whose code it is; 20 at most. The one that is
        called exactly so stands alone."""
        words, whole = [fold(word) for word in typed.split() if fold(word)], fold(typed)
        if not words:
            return []
        named = [site for name, site in self._folded if name == whole or site.code == typed.strip()]
        alike = [site for name, site in self._folded if all(word in name for word in words)]
        return (named if len(named) == 1 else alike)[:MOST_FOUND]

    def alike(self, typed: str) -> list[FinderSite]:
        """The three schools whose names are most like what was typed."""
        return [self._by_code[site.code] for site in self._book.nearest(typed)]

    def nearest(
        self, point: LatLon, most: int, *, besides: Iterable[PublicLine] = ()
    ) -> list[tuple[float, PublicLine]]:
        """The nearest lines that were not called off, with their distance in miles."""
        left_out = {id(line) for line in besides}
        near = [
            (miles(point, line.point), line)
            for line in self.lines
            if line.point and not line.called_off and id(line) not in left_out
        ]
        return sorted(near, key=lambda pair: (pair[0], pair[1].starts_at))[:most]

    @cached_property
    def _book(self) -> SiteDirectory:
        return SiteDirectory(KnownSite(site.id, site.code, site.name, site.area) for site in self.sites)


def open_finder(now: datetime) -> LineFinder | None:
    """The lines of all actions whose page is on and which have not ended; None without any. What was moved
    or called off is seen five seconds later at most."""
    rows = db.session.execute(
        select(Action.id, Action.line_finder_at)
        .where(Action.line_finder_at.is_not(None))
        .where(exists().where(Event.action_id == Action.id, Event.ends_at > now))
        .order_by(Action.id)
    ).all()
    if not rows:
        return None
    key, held = tuple(tuple(row) for row in rows), current_app.extensions
    kept_key, until, finder = held.get(_CACHE, (None, now, None))
    if kept_key != key or not until - _KEPT_FOR <= now < until:
        finder = _read([row.id for row in rows], now)
        held[_CACHE] = key, now + _KEPT_FOR, finder
    return finder


def url_of_line_finder() -> str:
    """The address of the page, as it stands on flyers and in texts."""
    return f"{settings().public_base_url}/where"


def _read(action_ids: list[UUID], now: datetime) -> LineFinder:
    sites = db.session.execute(
        select(Site.id, Site.code, Site.name, Area.name.label("area"), Site.lat, Site.lon)
        .join(Area, Area.id == Site.area_id)
        .where(Site.represented)
        .order_by(Site.name, Site.code)
    ).all()
    points = _points(sites)
    of_site, lines = _lines_of(action_ids, points, now)
    names = {site.id: site.name for site in sites}
    for site_id, lines_there in of_site.items():
        for line in lines_there:
            line.sites.append(names.get(site_id, line.place))
    return LineFinder(
        (
            FinderSite(s.id, s.code, s.name, s.area, points.get(s.id), tuple(of_site.get(s.id, ())))
            for s in sites
        ),
        lines,
    )


def _points(sites: Iterable[Any]) -> dict[UUID, LatLon]:
    placed = {
        site.id: (site.lat, site.lon) for site in sites if site.lat is not None and site.lon is not None
    }
    if not placed:
        return {}
    centre = middle(list(placed.values()))
    return {site_id: point for site_id, point in placed.items() if is_near(point, centre)}


def _lines_of(
    action_ids: list[UUID], points: dict[UUID, LatLon], now: datetime
) -> tuple[dict[UUID, list[PublicLine]], list[PublicLine]]:
    """The lines of each school, and all lines; one called off only where no other takes its place."""
    place = aliased(Site)
    rows = db.session.execute(
        select(EventChapter.site_id.label("chapter_id"), Event, Action.name, place)
        .join(Event, Event.id == EventChapter.event_id)
        .join(Action, Action.id == Event.action_id)
        .outerjoin(place, place.id == Event.site_id)
        .where(Event.action_id.in_(action_ids), EventChapter.gone_at.is_(None), Event.ends_at > now)
        .order_by(Event.starts_at, Event.id)
    ).all()
    planned = {
        (row.chapter_id, row.Event.action_id) for row in rows if row.Event.state is not EventState.CALLED_OFF
    }
    by_event: dict[UUID, PublicLine] = {}
    of_site: dict[UUID, list[PublicLine]] = defaultdict(list)
    for chapter_id, event, action, site in rows:
        if event.is_called_off and (chapter_id, event.action_id) in planned:
            continue
        if event.id not in by_event:
            by_event[event.id] = _line(event, action, site, points)
        of_site[chapter_id].append(by_event[event.id])
    return of_site, list(by_event.values())


def _line(event: Event, action: Translated, site: Site | None, points: dict[UUID, LatLon]) -> PublicLine:
    return PublicLine(
        action=action,
        place=site.name if site else event.venue,
        meet_at=event.meet_at,
        address=", ".join(part for part in (site.street, site.city) if part) if site else "",
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        tz=event.tz,
        called_off=event.is_called_off,
        point=points.get(site.id) if site else None,
    )
