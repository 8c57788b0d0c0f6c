"""The map of *Where is my line?*: dots, and a grid of links, so that a tap works without any script.

A tap is named by the cells that were tapped, row and column: "34", and within what it shows then, "34-12".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mobilize.actions.line_finder.queries import LineFinder, PublicLine
from mobilize.roster.map_projection import LatLon, Projection, fit, middle

SIZE, MARGIN, CELLS = 640, 16, 8
_TAP = re.compile(f"[0-{CELLS - 1}]{{2}}(-[0-{CELLS - 1}]{{2}})?")


@dataclass(frozen=True, slots=True)
class TapCell:
    """A part of the map that can be tapped: `tap` is what the address then says."""

    tap: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class MapDot:
    """A line on the map; `number` is that of the list under it, or None."""

    name: str
    x: float
    y: float
    number: int | None


@dataclass(frozen=True, slots=True)
class TapMap:
    """A picture of `width` by `height`. `labels` are areas where their lines are, as (name, x, y)."""

    width: int
    height: int
    cells: Sequence[TapCell]
    dots: Sequence[MapDot]
    labels: Sequence[tuple[str, float, float]]
    tapped: tuple[float, float] | None


def read_tap(text: str) -> str:
    """A tap as it stands in the address; "" for anything else."""
    return text if _TAP.fullmatch(text) else ""


def point_of(finder: LineFinder, tap: str) -> LatLon | None:
    """The middle of the cell that was tapped; None where there is no map or no tap."""
    projection = _whole(finder)
    if projection is None or not tap:
        return None
    first, _dash, second = tap.partition("-")
    if second:
        projection = _around(projection, first)
    return projection.point_at(*_middle(projection, second or first))


def tap_map(finder: LineFinder, tap: str, listed: Sequence[PublicLine]) -> TapMap | None:
    """The whole local, or what lies around the first cell that was tapped. None where fewer than two lines
    can be placed. Lines in the list under the map carry its numbers."""
    projection = _whole(finder)
    if projection is None:
        return None
    first = tap.partition("-")[0]
    view = _around(projection, first) if first else projection
    numbers = {id(line): n for n, line in enumerate(listed, 1)}
    dots = [
        MapDot(line.place, *view.place(line.point), numbers.get(id(line)))
        for line in finder.lines
        if line.point and not line.called_off
    ]
    inside = [dot for dot in dots if 0 <= dot.x <= view.width and 0 <= dot.y <= view.height]
    inside.sort(key=lambda dot: (dot.number is not None, -(dot.number or 0)))
    tapped = point_of(finder, tap)
    return TapMap(
        view.width,
        view.height,
        _cells(view, f"{first}-" if first else ""),
        inside,
        [] if first else _labels(finder, view),
        view.place(tapped) if tapped else None,
    )


def _whole(finder: LineFinder) -> Projection | None:
    points = [line.point for line in finder.lines if line.point and not line.called_off]
    return fit(points, SIZE, SIZE, MARGIN) if len(set(points)) > 1 else None


def _around(projection: Projection, cell: str) -> Projection:
    """The cell and its neighbours, as large as the picture."""
    x, y = _middle(projection, cell)
    wide, tall = 1.5 * projection.width / CELLS, 1.5 * projection.height / CELLS
    corners = [projection.point_at(x - wide, y - tall), projection.point_at(x + wide, y + tall)]
    return fit(corners, SIZE, SIZE, 0)


def _middle(projection: Projection, cell: str) -> tuple[float, float]:
    row, column = int(cell[0]), int(cell[1])
    return (column + 0.5) * projection.width / CELLS, (row + 0.5) * projection.height / CELLS


def _cells(projection: Projection, before: str) -> list[TapCell]:
    wide, tall = projection.width / CELLS, projection.height / CELLS
    return [
        TapCell(
            f"{before}{row}{column}",
            round(column * wide, 1),
            round(row * tall, 1),
            round(wide, 1),
            round(tall, 1),
        )
        for row in range(CELLS)
        for column in range(CELLS)
    ]


def _labels(finder: LineFinder, projection: Projection) -> list[tuple[str, float, float]]:
    by_area: dict[str, list[LatLon]] = {}
    for site in finder.sites:
        if site.point and any(not line.called_off for line in site.lines):
            by_area.setdefault(site.area, []).append(site.point)
    middles = {area: middle(points) for area, points in by_area.items()}
    return [(area, *projection.place(point)) for area, point in sorted(middles.items())]
