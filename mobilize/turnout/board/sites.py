"""Sites of the live board: the state of each, and how people search, filter and sort them."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from mobilize.turnout.figures.types import Board, Chapter, State

# What the first page holds, and each further one without the script.
PER_PAGE = 20
MOST_WORDS = 6


class BoardState(StrEnum):
    """States of a site on the board, worst first: of its line, and only where people were counted, of the
    chapter's share against the target. `uncounted`: members are in by name, and nobody sent a head count.
    `waiting`: the action has not begun, and nobody was counted yet."""

    NONE = "none"
    ZERO = "zero"
    UNCOUNTED = "uncounted"
    BELOW = "below"
    ON = "on"
    ABOVE = "above"
    WAITING = "waiting"

    @property
    def trouble(self) -> int:
        """0 is the worst."""
        return _TROUBLE[self]


_TROUBLE = {state: place for place, state in enumerate(BoardState)}
# Nobody is known to stand there: what a tile and a cluster of the map count.
EMPTY_LINES = (BoardState.NONE, BoardState.ZERO)


@dataclass(frozen=True, slots=True)
class BoardSite:
    """A chapter with its state; what the map needs of it stands here too."""

    chapter: Chapter
    state: BoardState

    @property
    def name(self) -> str:
        return self.chapter.name

    @property
    def area_id(self) -> UUID:
        return self.chapter.area_id

    @property
    def more_names_than_people(self) -> bool:
        """The flag beside it; of a line that reported zero its state says so already."""
        return self.chapter.more_names_than_people and self.state is not BoardState.ZERO

    @property
    def place(self) -> tuple[float, float] | None:
        return self.chapter.place


class SiteOrder(StrEnum):
    """Columns by which the table is sorted; `trouble` is how it comes."""

    TROUBLE = "trouble"
    NAME = "name"
    CAME = "came"
    SHARE = "share"
    HEADS = "heads"
    SUPPORTERS = "supporters"


@dataclass(frozen=True, slots=True)
class SiteFilter:
    """What somebody looks for: words, an area, a state ("" for all), a column, and which way round."""

    text: str = ""
    area_id: UUID | None = None
    state: str = ""
    order: SiteOrder = SiteOrder.TROUBLE
    backwards: bool = False

    def query(self, **changes: Any) -> dict[str, str]:
        """The same as the query string of an address, without what is as it comes."""
        changed = replace(self, **changes)
        sort = "" if changed.order == SiteOrder.TROUBLE else str(changed.order)
        values = {"q": changed.text, "area": str(changed.area_id or ""), "state": changed.state}
        values["sort"] = f"-{sort}" if changed.backwards and sort else sort
        return {name: value for name, value in values.items() if value}


def filter_from(args: Mapping[str, str]) -> SiteFilter:
    """The filter that a query string asks for; what it does not understand is left out."""
    sort = args.get("sort", "")
    order = sort.removeprefix("-")
    state = args.get("state", "")
    return SiteFilter(
        text=args.get("q", "").strip()[:80],
        area_id=_uuid_or_none(args.get("area", "")),
        state=state if state in list(BoardState) else "",
        order=SiteOrder(order) if order in list(SiteOrder) else SiteOrder.TROUBLE,
        backwards=sort.startswith("-"),
    )


def board_state(chapter: Chapter, *, has_begun: bool = True) -> BoardState:
    """The line first: what was reported of it stands, whatever names say beside it."""
    line = chapter.line
    if not line.reported:
        if line.hosted:
            return BoardState.UNCOUNTED
        return BoardState.NONE if has_begun else BoardState.WAITING
    if not line.head_count:
        return BoardState.ZERO
    # With people on the line the chapter's own state is never "none" or "zero".
    return BoardState(State(chapter.state).value)


def board_sites(board: Board, *, has_begun: bool = True) -> list[BoardSite]:
    """All sites, those first that need help most."""
    sites = [BoardSite(chapter, board_state(chapter, has_begun=has_begun)) for chapter in board.chapters]
    return sorted(sites, key=_trouble)


def chosen_sites(
    sites: Sequence[BoardSite], chosen: SiteFilter, areas: Mapping[UUID, str]
) -> list[BoardSite]:
    """Those that are looked for, in the order that was asked for. `sites` come by trouble."""
    words = folded(chosen.text).split()[:MOST_WORDS]
    matching = [site for site in sites if _is_chosen(site, chosen, words, areas)]
    if chosen.order is SiteOrder.TROUBLE:
        return matching[::-1] if chosen.backwards else matching
    return sorted(matching, key=_KEYS[chosen.order], reverse=chosen.backwards)


def folded(text: str) -> str:
    """Lower case, and without accents: Pena finds Peña."""
    parts = unicodedata.normalize("NFD", text.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))


def _is_chosen(site: BoardSite, chosen: SiteFilter, words: Sequence[str], areas: Mapping[UUID, str]) -> bool:
    if chosen.area_id and site.area_id != chosen.area_id:
        return False
    if chosen.state and site.state != chosen.state:
        return False
    if not words:
        return True
    about = folded(f"{site.name} {site.chapter.code} {areas.get(site.area_id, '')}")
    return all(word in about for word in words)


def _trouble(site: BoardSite) -> tuple[int, float, int, str]:
    names = site.chapter.names
    return site.state.trouble, _share(site), -names.eligible, site.name


def _share(site: BoardSite) -> float:
    share = site.chapter.names.share
    return 1.0 if share is None else share


def _number(n: int | None) -> int:
    """No report comes before zero."""
    return -1 if n is None else n


_KEYS: dict[SiteOrder, Any] = {
    SiteOrder.NAME: lambda site: folded(site.name),
    SiteOrder.CAME: lambda site: site.chapter.names.came,
    SiteOrder.SHARE: _share,
    SiteOrder.HEADS: lambda site: _number(site.chapter.line.head_count),
    SiteOrder.SUPPORTERS: lambda site: _number(site.chapter.line.supporters),
}


def _uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
