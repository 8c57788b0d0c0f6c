"""The rows of a board as its page shows them: what 800 rows say is worked out before."""

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from cachetools import LRUCache
from flask import current_app
from markupsafe import Markup

from mobilize.languages import language
from mobilize.turnout.figures import Board, Chapter
from mobilize.turnout.wording import shares_text

# Of all boards and languages together: about a kilobyte each.
ROWS_KEPT = 6000


class SiteLine(NamedTuple):
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


class SilentLine(NamedTuple):
    """A chapter without a head count. `hosted`: how many are there by name, or ""."""

    id: UUID
    name: str
    area: str
    hosted: str


Line = SiteLine | SilentLine
_rows: LRUCache[tuple[str, bool, str, Line], Markup] = LRUCache(ROWS_KEPT)
_lock = threading.Lock()


def site_rows(board: Board, link: str) -> list[Markup]:
    """The rows of the table of sites. `link` is the address of a chapter's report, with {} for its id."""
    return _as_rows(_site_lines(board), link, board.one_line)


def silent_rows(board: Board, link: str) -> list[Markup]:
    """Those without a head count as rows of a list, by area and name."""
    lines = [SilentLine(c.site_id, c.name, c.area, str(c.line.hosted or "")) for c in board.silent]
    return _as_rows(lines, link, board.one_line)


def _as_rows(lines: Sequence[Line], link: str, one_line: bool) -> list[Markup]:
    """Each is drawn again only when it says something new: in a second of a morning some dozens of 800."""
    how = link, one_line, language()
    with _lock:
        rows = {line: _rows.get((*how, line)) for line in lines}
    drawn = _draw([line for line, row in rows.items() if row is None], link, one_line)
    with _lock:
        _rows.update({(*how, line): row for line, row in drawn.items()})
    return [row or drawn[line] for line, row in rows.items()]


def _draw(lines: Sequence[Line], link: str, one_line: bool) -> dict[Line, Markup]:
    if not lines:
        return {}
    template = current_app.jinja_env.get_template("turnout/_site_rows.html")
    given: Any = template.make_module({"link": link, "one_line": one_line})
    row = given.site_row if isinstance(lines[0], SiteLine) else given.silent_row
    return {line: row(*line) for line in lines}


def _site_lines(board: Board) -> list[SiteLine]:
    """Where help is needed first, first."""
    chapters = board.by_trouble
    shares = shares_text(chapter.names.share for chapter in chapters)
    return [_line(chapter, share) for chapter, share in zip(chapters, shares, strict=True)]


def _line(chapter: Chapter, share: str) -> SiteLine:
    names, line = chapter.names, chapter.line
    return SiteLine(
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
