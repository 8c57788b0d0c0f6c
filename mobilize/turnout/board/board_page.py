"""The live board as a page, and as the JSON that refreshes it: head and map as HTML, sites as arrays.

Of a site, what stays is sent apart from its figures: name and code once, then a few numbers a poll. The
script searches, sorts and draws the rows; without it the server does the same for one page of them.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import render_template, url_for

from mobilize import clock, settings
from mobilize.actions.models import Action
from mobilize.turnout.board.charts import ArrivalsChart, arrivals_chart
from mobilize.turnout.board.pace import arrivals_of, pace_of, paces_of_areas
from mobilize.turnout.board.site_map import Map, map_html, site_map
from mobilize.turnout.board.sites import (
    EMPTY_LINES,
    PER_PAGE,
    BoardSite,
    BoardState,
    SiteFilter,
    board_sites,
    chosen_sites,
)
from mobilize.turnout.figures.types import AreaTotal, Board, Chapter

_STATES = tuple(BoardState)
# Bits of a site's last number.
MORE_NAMES, SHARED_LINE = 1, 2
# A union's and those of its areas, for some actions.
PLACES_KEPT = 64


@dataclass(frozen=True, slots=True)
class AreaTile:
    """An area on the board: its figures, sites where nobody is known to stand, and by name against the last
    action at the same minute (None: nothing to compare with)."""

    area: AreaTotal
    silent: int
    zero: int
    change: int | None


def page_of_board(action: Action, board: Board, chosen: SiteFilter, page: int) -> dict[str, Any]:
    """For the template: the head, the map, and the sites on this page of those that were looked for."""
    sites, areas = board_sites(board, has_begun=has_begun(action)), _area_names(board)
    matching = chosen_sites(sites, chosen, areas)
    pages = max(1, -(-len(matching) // PER_PAGE))
    page = min(max(page, 1), pages)
    return _head(action, board, sites, chosen.area_id) | {
        "arrived": _arrived(action, board),
        "sites": matching[(page - 1) * PER_PAGE : page * PER_PAGE],
        "found": len(matching),
        "page": page,
        "pages": pages,
        "chosen": chosen,
        "states": _STATES,
        "way_back": way_back(chosen),
    }


def has_begun(action: Action) -> bool:
    """Whether its first start has come: before it no site is in trouble."""
    return action.starts_at <= clock.now()


def way_back(chosen: SiteFilter) -> str:
    """What is added to a site's address, so that its page leads back to what was looked for."""
    query = urlencode(chosen.query())
    return f"?{query}" if query else ""


def board_payload(
    action: Action, board: Board, *, area_id: UUID | None, places: bool, more: bool
) -> dict[str, Any]:
    """What the page's script asks for: with `places`, names and codes too, whose digest is `key`; with `more`
    what stands behind a word below the sites, while somebody has it open."""
    sites = board_sites(board, has_begun=has_begun(action))
    head = _head(action, board, sites, area_id)
    names, key = _places(tuple(map(_place, board.chapters)))
    payload = {
        "html": render_template("turnout/_board.html", **head),
        "map": head["map"],
        "more": _more(action, board, head) if more else None,
        "key": key,
        "figures": _figures(sites, board),
    }
    return payload | (names if places else {})


def site_link(action: Action) -> str:
    """The address of a site's page on the board with {} for the site: made once, since there are 800."""
    anyone = UUID(int=0)
    return url_for("turnout.live_site", action_id=action.id, site_id=anyone).replace(str(anyone), "{}")


def area_tiles(board: Board, sites: Sequence[BoardSite], changes: dict[UUID, int]) -> list[AreaTile]:
    """The areas by name."""
    empty = Counter((site.area_id, site.state) for site in sites if site.state in EMPTY_LINES)
    return [
        AreaTile(
            area,
            silent=empty[area.area_id, BoardState.NONE],
            zero=empty[area.area_id, BoardState.ZERO],
            change=changes.get(area.area_id),
        )
        for area in board.areas
    ]


def _head(action: Action, board: Board, sites: Sequence[BoardSite], area_id: UUID | None) -> dict[str, Any]:
    pace, link = pace_of(board, action, clock.now()), url_for("turnout.live", action_id=action.id)
    return {
        "action": action,
        "board": board,
        "has_begun": has_begun(action),
        "pace": pace,
        "tiles": area_tiles(
            board,
            sites,
            {area_id: now - then for area_id, (now, then) in paces_of_areas(board, pace).items()},
        ),
        "area_id": area_id,
        "map": map_html(_map(board, sites, area_id), area_id=area_id, link=link, by_head_count=False),
        "link": link,
        "site_link": site_link(action),
    }


def _more(action: Action, board: Board, head: dict[str, Any]) -> str:
    return render_template("turnout/_board_more.html", arrived=_arrived(action, board), **head)


def _arrived(action: Action, board: Board) -> ArrivalsChart | None:
    return arrivals_chart(arrivals_of(board, action))


def _map(board: Board, sites: Sequence[BoardSite], area_id: UUID | None) -> Map | None:
    if board.one_line:
        return None
    return site_map(sites, _area_names(board), area_id=area_id, lines=settings().map_lines)


def _area_names(board: Board) -> dict[UUID, str]:
    return {area.area_id: area.name for area in board.areas}


# Of a site: its id, name and code, and its area's id and name.
_Place = tuple[int, str, str, int, str]


def _place(chapter: Chapter) -> _Place:
    return chapter.site_id.int, chapter.name, chapter.code, chapter.area_id.int, chapter.area


@lru_cache(PLACES_KEPT)
def _places(places: tuple[_Place, ...]) -> tuple[dict[str, Any], str]:
    """What stays of sites and areas, and its digest: made once, whatever happens at them."""
    areas = {area_id: name for *_site, area_id, name in places}
    index = {area_id: n for n, area_id in enumerate(areas)}
    names = {
        "areas": [[str(UUID(int=area_id)), name] for area_id, name in areas.items()],
        "places": [
            [str(UUID(int=site_id)), name, code, index[area_id]]
            for site_id, name, code, area_id, _area in places
        ],
    }
    return names, hashlib.blake2b(json.dumps(names).encode(), digest_size=8).hexdigest()


def _figures(sites: Sequence[BoardSite], board: Board) -> list[list[int | None]]:
    """In the order of `places`: state, came, eligible, head count, supporters, marks."""
    by_site = {id(site.chapter): site for site in sites}
    return [_numbers(by_site[id(chapter)]) for chapter in board.chapters]


def _numbers(site: BoardSite) -> list[int | None]:
    names, line = site.chapter.names, site.chapter.line
    marks = MORE_NAMES * site.more_names_than_people + SHARED_LINE * (line.chapters > 1)
    return [site.state.trouble, names.came, names.eligible, line.head_count, line.supporters, marks]
