"""Map of an action's sites: outlines of areas, lines such as a coast, and sites or clusters of them.

Everything is drawn from the sites' own coordinates and from lines of the union's own (`MAP_LINES`);
nobody outside is asked for a map. An outline is the convex hull of an area's sites.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Protocol
from uuid import UUID

from cachetools import LRUCache, cached
from flask import render_template
from markupsafe import Markup

from mobilize.languages import _, language, ngettext
from mobilize.roster.map_projection import LatLon, Projection, fit, is_near, middle
from mobilize.turnout.board.area_names import names_apart

WIDTH, HEIGHT, MARGIN = 640, 640, 24
# More sites than these lie on top of one another, and are drawn as clusters, one in each cell of the grid.
MOST_MARKS = 150
CELL = 48
# The height of the letters in which areas are named, and half of a site's symbol.
NAME_SIZE, MARK_RADIUS = 22, 8
# A union's and those of its areas, whole and zoomed, for some actions with the same sites.
LAYOUTS_KEPT = MAPS_KEPT = 64
_EMPTY = frozenset({"none", "zero"})
# Symbols of sites, each in some of its states.
MARKS_KEPT = 4096


class SiteState(Protocol):
    """The state of a site, as text the name of its badge; `trouble` is 0 for the worst."""

    @property
    def value(self) -> str: ...
    @property
    def trouble(self) -> int: ...


class Located(Protocol):
    """A site with its area, and its latitude and longitude where they are known."""

    @property
    def name(self) -> str: ...
    @property
    def area_id(self) -> UUID: ...
    @property
    def place(self) -> tuple[float, float] | None: ...
    @property
    def state(self) -> SiteState: ...


@dataclass(frozen=True, slots=True)
class MapMarker:
    """A site on the map: where it stands in the picture, and how it is doing."""

    name: str
    state: SiteState
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class MapCluster:
    """The sites of an area that stand close together; `empty` of them are not known to have anybody there.
    `waiting`: none of them has begun."""

    area_id: UUID
    x: float
    y: float
    radius: float
    sites: int
    empty: int
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class MapArea:
    """An area: its outline as the points of a polygon, and the place for its name."""

    area_id: UUID
    name: str
    points: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Map:
    """The picture, of which `view` (x, y, width, height) is shown; `scale` is that of its symbols and names.
    `unplaced` sites have no coordinates that could be right. Of `marks` and `clusters` one is empty."""

    marks: tuple[MapMarker, ...]
    clusters: tuple[MapCluster, ...]
    areas: tuple[MapArea, ...]
    lines: tuple[str, ...]
    view: tuple[float, float, float, float]
    scale: float
    unplaced: int

    @property
    def is_waiting(self) -> bool:
        """Nothing has begun at any site in view."""
        return all(one.waiting for one in self.clusters) and all(
            one.state.value == "waiting" for one in self.marks
        )

    @property
    def name_size(self) -> float:
        return round(NAME_SIZE * self.scale, 1)


# Of a site: its area, as a number (hashed at once), and its latitude and longitude where they are known.
_Place = tuple[int, LatLon | None]
MapLine = Sequence[LatLon]


@dataclass(frozen=True, slots=True)
class _Layout:
    """What of a map its sites' coordinates decide alone. Sites go by their place among those it was made of:
    `marks` and `clusters` (a cluster is its sites) are those in view, with their place in the picture."""

    marks: tuple[tuple[int, LatLon], ...]
    clusters: tuple[tuple[UUID, LatLon, tuple[int, ...]], ...]
    outlines: tuple[tuple[UUID, str, LatLon], ...]
    lines: tuple[str, ...]
    view: tuple[float, float, float, float]
    scale: float
    unplaced: int


def site_map(
    sites: Sequence[Located],
    areas: Mapping[UUID, str],
    *,
    area_id: UUID | None = None,
    lines: Sequence[MapLine] = (),
) -> Map | None:
    """The map of all areas, or zoomed to one. None where fewer than two sites can be placed.

    Sites in trouble come last, so that they lie on top. A coordinate far from all others is a slip: its site
    is left out instead of shrinking the map to a dot. The same sites are laid out once, whatever their
    states.
    """
    # In an order that no state changes: `sites` come by trouble.
    sites = sorted(sites, key=lambda site: (site.area_id.int, site.name))
    places = tuple((site.area_id.int, site.place) for site in sites)
    layout = _layout(places, area_id, tuple(map(tuple, lines)), tuple(areas.items()))
    if layout is None:
        return None
    marks = [MapMarker(sites[n].name, sites[n].state, x, y) for n, (x, y) in layout.marks]
    clusters = [_cluster(one, point, [sites[n] for n in inside]) for one, point, inside in layout.clusters]
    return Map(
        marks=tuple(sorted(marks, key=lambda mark: -mark.state.trouble)),
        clusters=tuple(sorted(clusters, key=lambda one: one.empty)),
        areas=tuple(
            MapArea(one, areas.get(one, ""), points, x, y) for one, points, (x, y) in layout.outlines
        ),
        lines=layout.lines,
        view=layout.view,
        scale=layout.scale,
        unplaced=layout.unplaced,
    )


def map_html(map: Map | None, *, area_id: UUID | None, link: str, by_head_count: bool) -> Markup:
    """The map as HTML, in the reader's language; drawn anew only where a state on it changed.

    `area_id`: the area it is zoomed to. `link`: of the board, "" on the big screen. `by_head_count`: the
    states are those of lines alone.
    """
    return _map_html(map, area_id, link, by_head_count, language())


@cached(LRUCache(MAPS_KEPT), lock=Lock())
def _map_html(
    map: Map | None, area_id: UUID | None, link: str, by_head_count: bool, _language: str
) -> Markup:
    symbols = [] if map is None else [_symbol(one, _language) for one in map.clusters]
    symbols += [] if map is None else [_mark(one, map.scale * 1.4) for one in map.marks]
    drawn = {"map": map, "area_id": area_id, "link": link, "by_head_count": by_head_count}
    return Markup(render_template("turnout/_map.html", **drawn, symbols=Markup("").join(symbols)))  # noqa: S704


@lru_cache(MARKS_KEPT)
def _mark(one: MapMarker, scale: float) -> Markup:
    """A site's symbol: of a hundred on a map a few change between two drawings."""
    return Markup(
        '<use href="#m-{0}" class="{0}" transform="translate({1} {2}) scale({3})"><title>{4}</title></use>'
    ).format(str(one.state), one.x, one.y, scale, one.name)


@lru_cache(MARKS_KEPT)
def _symbol(one: MapCluster, _language: str) -> Markup:
    """A cluster's symbol, with its words: of two hundred a few change between two drawings."""
    words = [ngettext("%(num)s site", "%(num)s sites", one.sites)]
    words += [_("%(n)s without a report or with zero", n=one.empty)] if one.empty else []
    number = Markup("<text>{}</text>").format(one.empty) if one.empty else ""
    kind = " empty" if one.empty else " waiting" if one.waiting else ""
    return Markup(
        '<g class="cluster{0}" transform="translate({1} {2})"><circle r="{3}"/>{4}<title>{5}</title></g>'
    ).format(kind, one.x, one.y, one.radius, number, ", ".join(words))


@cached(LRUCache(LAYOUTS_KEPT), lock=Lock())
def _layout(
    places: tuple[_Place, ...],
    area_id: UUID | None,
    lines: tuple[MapLine, ...],
    names: tuple[tuple[UUID, str], ...],
) -> _Layout | None:
    near = _without_slips(places)
    if len(near) < 2:
        return None
    projection = fit([point for _n, point in near], WIDTH, HEIGHT, MARGIN)
    placed = [(n, projection.place(point)) for n, point in near]
    by_area: dict[UUID, list[LatLon]] = defaultdict(list)
    for n, point in placed:
        by_area[UUID(int=places[n][0])].append(point)
    in_view = [one for one in placed if area_id is None or places[one[0]][0] == area_id.int] or placed
    clusters = _clusters(in_view, places) if len(in_view) > MOST_MARKS else ()
    view = _view([point for _n, point in in_view], projection)
    scale = round(max(view[2], view[3]) / HEIGHT, 3)
    circles = [(point, _radius(len(inside))) for _area, point, inside in clusters] or [
        (point, MARK_RADIUS * scale) for _n, point in in_view
    ]
    middles = {one: _centre(points) for one, points in by_area.items()}
    at = names_apart(middles, dict(names), circles, view, NAME_SIZE * scale)
    return _Layout(
        marks=() if clusters else tuple(in_view),
        clusters=clusters,
        outlines=tuple((one, _outline(points), at[one]) for one, points in by_area.items()),
        lines=tuple(_path(line, projection) for line in lines),
        view=view,
        scale=scale,
        unplaced=len(places) - len(placed),
    )


def _view(points: Sequence[LatLon], projection: Projection) -> tuple[float, float, float, float]:
    """The part of the picture around these points: not so small that one school fills it."""
    left, right = min(x for x, _y in points), max(x for x, _y in points)
    top, bottom = min(y for _x, y in points), max(y for _x, y in points)
    margin = max(MARGIN * max(right - left, bottom - top) / WIDTH, 4)
    width, height = max(right - left, 20) + 2 * margin, max(bottom - top, 20) + 2 * margin
    width, height = min(width, projection.width), min(height, projection.height)
    return round(left - margin, 1), round(top - margin, 1), round(width, 1), round(height, 1)


def _clusters(
    placed: Sequence[tuple[int, LatLon]], places: Sequence[_Place]
) -> tuple[tuple[UUID, LatLon, tuple[int, ...]], ...]:
    cells: dict[tuple[int, int, int], list[tuple[int, LatLon]]] = defaultdict(list)
    for n, (x, y) in placed:
        cells[places[n][0], int(x // CELL), int(y // CELL)].append((n, (x, y)))
    return tuple(
        (UUID(int=area_id), _centre([point for _n, point in inside]), tuple(n for n, _point in inside))
        for (area_id, _x, _y), inside in cells.items()
    )


def _cluster(area_id: UUID, centre: LatLon, inside: Sequence[Located]) -> MapCluster:
    empty = sum(str(site.state) in _EMPTY for site in inside)
    waiting = all(site.state.value == "waiting" for site in inside)
    return MapCluster(area_id, *centre, _radius(len(inside)), len(inside), empty, waiting)


def _radius(sites: int) -> float:
    return round(6 + 2.2 * math.sqrt(sites), 1)


def _outline(points: Sequence[LatLon]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in _hull(points))


def _centre(points: Sequence[LatLon]) -> LatLon:
    x, y = (round(sum(point[axis] for point in points) / len(points), 1) for axis in (0, 1))
    return x, y


def _hull(points: Sequence[LatLon]) -> list[LatLon]:
    """The convex hull: Andrew's monotone chain."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return ordered
    return [*_half_hull(ordered)[:-1], *_half_hull(ordered[::-1])[:-1]]


def _half_hull(ordered: Sequence[LatLon]) -> list[LatLon]:
    hull: list[LatLon] = []
    for point in ordered:
        while len(hull) > 1 and _turns_right(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return hull


def _turns_right(a: LatLon, b: LatLon, c: LatLon) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) <= 0


def _path(line: MapLine, projection: Projection) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in map(projection.place, line))


def _without_slips(places: Sequence[_Place]) -> list[tuple[int, LatLon]]:
    placed = [(n, point) for n, (_area, point) in enumerate(places) if point]
    centre = middle([point for _n, point in placed]) if placed else (0.0, 0.0)
    return [(n, point) for n, point in placed if is_near(point, centre)]
