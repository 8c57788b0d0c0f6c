"""Rows of the board as markup, rendered once for each site as long as its figures stay the same."""

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from cachetools import LRUCache
from flask import current_app
from markupsafe import Markup

from mobilize.languages import language
from mobilize.turnout.figures.disclosure_control import PublicBoard
from mobilize.turnout.figures.types import Board, Chapter
from mobilize.turnout.labels import shares_text

# Of all boards and languages together: about a kilobyte each.
ROWS_KEPT = 6000


class ChapterRow(NamedTuple):
    """One chapter. `flagged`: more names than people; `shared`: its line is other chapters' as well."""

    id: UUID
    name: str
    area: str
    flagged: bool
    state: str
    came: str
    eligible: str
    share: str
    heads: int | None
    shared: bool
    supporters: int | None


class SilentSiteRow(NamedTuple):
    """A chapter without a head count. `hosted`: how many are there by name, or ""."""

    id: UUID
    name: str
    area: str
    hosted: str


class WallRow(NamedTuple):
    """A site as the big screen shows it."""

    name: str
    state: str
    heads: int | None


BoardRow = ChapterRow | SilentSiteRow | WallRow
# Each by its macro.
_MACROS: dict[type[BoardRow], str] = {
    ChapterRow: "site_row",
    SilentSiteRow: "silent_row",
    WallRow: "wall_row",
}
_rows: LRUCache[tuple[str, bool, str, BoardRow], Markup] = LRUCache(ROWS_KEPT)
_lock = threading.Lock()


def site_rows(board: Board, link: str) -> list[Markup]:
    """The rows of the table of sites. `link` is the address of a chapter's report, with {} for its id."""
    return _as_rows(_by_trouble(board), link, board.one_line)


def silent_rows(board: Board, link: str) -> list[Markup]:
    """Those without a head count as rows of a list, by area and name."""
    lines = [SilentSiteRow(c.site_id, c.name, c.area, str(c.line.hosted or "")) for c in board.silent]
    return _as_rows(lines, link, board.one_line)


def wall_rows(board: PublicBoard) -> list[Markup]:
    """The cells of each row of the big screen's table of sites."""
    lines = [WallRow(site.name, site.state.value, site.head_count) for site in board.sites]
    return _as_rows(lines, "", board.one_line)


def _as_rows(lines: Sequence[BoardRow], link: str, one_line: bool) -> list[Markup]:
    """Each is drawn again only when it says something new: in a second of a morning some dozens of 800."""
    how = link, one_line, language()
    with _lock:
        rows = {line: _rows.get((*how, line)) for line in lines}
    drawn = _draw([line for line, row in rows.items() if row is None], link, one_line)
    with _lock:
        _rows.update({(*how, line): row for line, row in drawn.items()})
    return [rows[line] or drawn[line] for line in lines]


def _draw(lines: Sequence[BoardRow], link: str, one_line: bool) -> dict[BoardRow, Markup]:
    if not lines:
        return {}
    template = current_app.jinja_env.get_template("turnout/_site_rows.html")
    macros: Any = template.make_module({"link": link, "one_line": one_line})
    row = getattr(macros, _MACROS[type(lines[0])])
    return {line: row(*line) for line in lines}


def _by_trouble(board: Board) -> list[ChapterRow]:
    """Sites in the order in which they need help."""
    chapters = board.by_trouble
    shares = shares_text(chapter.names.share for chapter in chapters)
    return [_chapter_row(chapter, share) for chapter, share in zip(chapters, shares, strict=True)]


def _chapter_row(chapter: Chapter, share: str) -> ChapterRow:
    names, line = chapter.names, chapter.line
    return ChapterRow(
        chapter.site_id,
        chapter.name,
        chapter.area,
        chapter.more_names_than_people,
        chapter.state.value,
        str(names.came),
        str(names.eligible),
        share,
        line.head_count,
        line.chapters > 1,
        line.supporters,
    )
