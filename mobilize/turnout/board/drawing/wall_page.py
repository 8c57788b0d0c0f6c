"""The wall as a page and as the HTML that refreshes it: nothing on it is moved by a typed number."""

from threading import Lock
from typing import Any
from uuid import UUID

from cachetools import LRUCache
from flask import render_template

from mobilize import clock, settings
from mobilize.actions.models import Action
from mobilize.languages import language
from mobilize.turnout.board.site_map import Map, map_html, site_map
from mobilize.turnout.figures.disclosure_control import PublicBoard, public_board
from mobilize.turnout.figures.types import Board

# In each process: what was rendered of a wall last, and of which figures. What is typed moves none of them,
# and so the next look costs no more after a member's check-in than after a stranger's.
_rendered: LRUCache[tuple[UUID, UUID | None, str], tuple[PublicBoard, str]] = LRUCache(64)
_lock = Lock()


def wall_context(whole: Board, area_id: UUID | None) -> dict[str, Any]:
    """For the template: a whole board, or an area of it, as outsiders may see it."""
    return _context(public_board(whole), area_id)


def wall_html(action: Action, whole: Board, area_id: UUID | None) -> str:
    """What stands on the wall: the same text as long as none of its figures is another one."""
    key, union = (action.id, area_id, language()), public_board(whole)
    with _lock:
        figures, html = _rendered.get(key, (None, ""))
    if figures != union:
        html = render_template("turnout/_wall.html", action=action, **_context(union, area_id))
        with _lock:
            _rendered[key] = union, html
    return html


def _context(union: PublicBoard, area_id: UUID | None) -> dict[str, Any]:
    board = union.of_area(area_id) if area_id else union
    return {
        "board": board,
        # When it was asked, and not when it last changed: names that are not shown here change it as well.
        "as_of": clock.now(),
        "place": board.total.name,
        "map": map_html(
            None if board.one_line else _map(union, board), area_id=area_id, link="", by_head_count=True
        ),
    }


def _map(union: PublicBoard, board: PublicBoard) -> Map | None:
    areas = {area.area_id: area.name for area in union.areas if area.area_id}
    return site_map(board.sites, areas, lines=settings().map_lines)
