"""Map of an action's sites: outlines of areas, lines such as a coast, and sites or clusters of them.

Everything is drawn from the sites' own coordinates and from lines of the union's own (`MAP_LINES`);
nobody outside is asked for a map. An outline is the convex hull of an area's sites.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from mobilize.roster.map_projection import LatLon, Projection, fit, is_near, middle

WIDTH, HEIGHT, MARGIN = 640, 640, 24
# More sites than these lie on top of one another, and are drawn as clusters, one in each cell of the grid.
MOST_MARKS = 150
CELL = 48


class SiteState(Protocol):
    """The state of a site, as its badge says it; `trouble` is 0 for the worst."""

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

    site: Any
    x: float
    y: float

    @property
    def name(self) -> str:
        return str(self.site.name)

    @property
    def state(self) -> Any:
        return self.site.state


@dataclass(frozen=True, slots=True)
class MapCluster:
    """The sites of an area that stand close together; `empty` of them are not known to have anybody there."""

    area_id: UUID
    x: float
    y: float
    radius: float
    sites: int
    empty: int


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

    marks: Sequence[MapMarker]
    clusters: Sequence[MapCluster]
    areas: Sequence[MapArea]
    lines: Sequence[str]
    view: tuple[float, float, float, float]
    scale: float
    unplaced: int


def site_map(
    sites: Sequence[Located],
    areas: Mapping[UUID, str],
    *,
    area_id: UUID | None = None,
    lines: Sequence[Sequence[LatLon]] = (),
) -> Map | None:
    """The map of all areas, or zoomed to one. None where fewer than two sites can be placed.

    Sites in trouble come last, so that they lie on top. A coordinate far from all others is a slip: its site
    is left out instead of shrinking the map to a dot.
    """
    near = _without_slips(sites)
    if len(near) < 2:
        return None
    projection = fit([point for _site, point in near], WIDTH, HEIGHT, MARGIN)
    placed = [(site, projection.place(point)) for site, point in near]
    by_area: dict[UUID, list[LatLon]] = defaultdict(list)
    for site, point in placed:
        by_area[site.area_id].append(point)
    in_view = [one for one in placed if area_id in (None, one[0].area_id)] or placed
    view = _view([point for _site, point in in_view], projection)
    clustered = len(in_view) > MOST_MARKS
    return Map(
        marks=[] if clustered else _marks(in_view),
        clusters=_clusters(in_view) if clustered else [],
        areas=[_outline(one, areas.get(one, ""), points) for one, points in by_area.items()],
        lines=[_path(line, projection) for line in lines],
        view=view,
        scale=round(max(view[2], view[3]) / HEIGHT, 3),
        unplaced=len(sites) - len(placed),
    )


def _view(points: Sequence[LatLon], projection: Projection) -> tuple[float, float, float, float]:
    """The part of the picture around these points: not so small that one school fills it."""
    left, right = min(x for x, _y in points), max(x for x, _y in points)
    top, bottom = min(y for _x, y in points), max(y for _x, y in points)
    margin = max(MARGIN * max(right - left, bottom - top) / WIDTH, 4)
    width, height = max(right - left, 20) + 2 * margin, max(bottom - top, 20) + 2 * margin
    width, height = min(width, projection.width), min(height, projection.height)
    return round(left - margin, 1), round(top - margin, 1), round(width, 1), round(height, 1)


def _marks(placed: Sequence[tuple[Located, LatLon]]) -> list[MapMarker]:
    marks = [MapMarker(site, *point) for site, point in placed]
    return sorted(marks, key=lambda mark: -mark.state.trouble)


def _clusters(placed: Sequence[tuple[Located, LatLon]]) -> list[MapCluster]:
    cells: dict[tuple[UUID, int, int], list[tuple[Located, LatLon]]] = defaultdict(list)
    for site, (x, y) in placed:
        cells[site.area_id, int(x // CELL), int(y // CELL)].append((site, (x, y)))
    clusters = [_cluster(area_id, inside) for (area_id, _x, _y), inside in cells.items()]
    return sorted(clusters, key=lambda one: one.empty)


def _cluster(area_id: UUID, inside: Sequence[tuple[Located, LatLon]]) -> MapCluster:
    count = len(inside)
    x, y = (sum(point[axis] for _site, point in inside) / count for axis in (0, 1))
    empty = sum(site.state.value in ("none", "zero") for site, _point in inside)
    return MapCluster(area_id, round(x, 1), round(y, 1), round(5 + 2.2 * math.sqrt(count), 1), count, empty)


def _outline(area_id: UUID, name: str, points: Sequence[LatLon]) -> MapArea:
    hull = _hull(points)
    x, y = (sum(point[axis] for point in points) / len(points) for axis in (0, 1))
    return MapArea(area_id, name, " ".join(f"{x:g},{y:g}" for x, y in hull), round(x, 1), round(y, 1))


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


def _path(line: Sequence[LatLon], projection: Projection) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in map(projection.place, line))


def _without_slips(sites: Sequence[Located]) -> list[tuple[Located, LatLon]]:
    placed = [(site, site.place) for site in sites if site.place]
    centre = middle([point for _site, point in placed]) if placed else (0.0, 0.0)
    return [(site, point) for site, point in placed if is_near(point, centre)]
