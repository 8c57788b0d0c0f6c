"""Charts of the board: the bars of arrivals and the map, as sizes and places that need no inline style."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from mobilize import clock
from mobilize.actions.models import Action
from mobilize.map_projection import fit, is_near, middle
from mobilize.turnout.board.pace import arrivals_of, pace_of
from mobilize.turnout.board.rows import silent_rows, site_rows
from mobilize.turnout.figures.people import Arrivals
from mobilize.turnout.figures.types import Board

WIDTH, HEIGHT = 640, 160
WIDEST = 40
MAP_WIDTH, MAP_HEIGHT, MARGIN = 640, 640, 12


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One step: where it stands in the picture of 640 by 160, and what it says."""

    at: datetime
    count: int
    together: int
    x: float
    y: float
    width: float
    height: float


def bars(arrived: Arrivals) -> list[ChartBar]:
    """A bar for each step, the tallest as high as the picture; none when nobody came."""
    if not arrived.most:
        return []
    wide = min(WIDTH / len(arrived.steps), WIDEST)
    drawn, together = [], 0
    for n, (at, count) in enumerate(arrived.steps):
        together += count
        height = round(count / arrived.most * (HEIGHT - 20), 1)
        x, y = round(n * wide, 1), round(HEIGHT - height, 1)
        drawn.append(ChartBar(at, count, together, x, y, round(wide * 0.8, 1), height))
    return drawn


class SiteState(Protocol):
    """The state of a site, as its badge says it; `trouble` is 0 for the worst."""

    @property
    def value(self) -> str: ...
    @property
    def trouble(self) -> int: ...


class Located(Protocol):
    """A site with its latitude and longitude, where they are known."""

    @property
    def name(self) -> str: ...
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
class Map:
    """The sites as a picture of `width` by `height`; `unplaced` have no coordinates that could be right."""

    marks: Sequence[MapMarker]
    width: int
    height: int
    unplaced: int


def site_map(sites: Sequence[Located]) -> Map | None:
    """The places of the sites. None where fewer than two can be placed.

    Sites in trouble come last, so that they lie on top. A coordinate far from all others is a slip: its site
    is left out instead of shrinking the map to a dot.
    """
    placed = [(site, site.place) for site in sites if site.place]
    centre = middle([point for _site, point in placed]) if placed else None
    near = [(site, point) for site, point in placed if centre and is_near(point, centre)]
    if len(near) < 2:
        return None
    projection = fit([point for _site, point in near], MAP_WIDTH, MAP_HEIGHT, MARGIN)
    marks = [MapMarker(site.name, site.state, *projection.place(point)) for site, point in near]
    marks.sort(key=lambda mark: -mark.state.trouble)
    return Map(marks, projection.width, projection.height, unplaced=len(sites) - len(marks))


def pictures(action: Action, board: Board, link: str) -> dict[str, Any]:
    """For the template: `rows`, `silent`, `map`, `pace` and `arrived`."""
    return {
        "rows": site_rows(board, link),
        "silent": silent_rows(board, link),
        "map": None if board.one_line else site_map(board.chapters),
        "pace": pace_of(board, action, clock.now()),
        "arrived": bars(arrivals_of(board, action)),
    }
