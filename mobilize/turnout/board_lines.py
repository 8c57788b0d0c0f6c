"""The rows of a board as its page shows them: what 800 rows say is worked out before."""

from typing import NamedTuple
from uuid import UUID

from mobilize.turnout.figures import Board, Chapter
from mobilize.turnout.wording import shares_text


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


def site_lines(board: Board) -> list[SiteLine]:
    """Where help is needed first, first."""
    chapters = board.by_trouble
    shares = shares_text(chapter.names.share for chapter in chapters)
    return [_line(chapter, share) for chapter, share in zip(chapters, shares, strict=True)]


def silent_lines(board: Board) -> list[tuple[UUID, str, str, str]]:
    """(id, name, area, how many are there by name or "") of those without a head count, by area and name."""
    return [(c.site_id, c.name, c.area, str(c.line.hosted or "")) for c in board.silent]


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
