"""Disclosure control: what people outside may be shown of an action, and when.

While a public form, a captain's page or a late upload can still add a name to it (`queries.names_final_at`),
outsiders see `public_board`: head counts, supporters, and names that a chair or captain observed. Whatever is
typed moves none of these, so nobody learns by typing a number whose it is, or whether its member came. After
that moment `final_names` says the named totals, which no form can move any more.

In both no named count from 1 to 4 is said, nor one that others give away. Head counts and supporters are
numbers of people nobody named, and are shown as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from mobilize.turnout.figures.types import SMALLEST, AreaTotal, Board, Chapter, Total


class LineState(StrEnum):
    """States of a line by its head count alone: nobody said anything, nobody is there, people are there."""

    NONE = "none"
    ZERO = "zero"
    HERE = "here"

    @property
    def trouble(self) -> int:
        """0 is the worst."""
        return list(LineState).index(self)


@dataclass(frozen=True, slots=True)
class PublicSite:
    """A site as outsiders see it. `place`: latitude and longitude."""

    name: str
    area_id: UUID
    place: tuple[float, float] | None
    state: LineState
    head_count: int | None


@dataclass(frozen=True, slots=True)
class PublicTotal:
    """Several sites together. `observed`: members whose name was ticked or whose code was scanned, None where
    those are too few to be said; a head count of None is no report. `area_id` and `name` are an area's."""

    sites: int
    reporting: int
    eligible: int
    head_count: int | None
    supporters: int | None
    observed: int | None
    area_id: UUID | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class PublicBoard:
    """A board without anything that a typed number moves: for walls, the press, and statements before the
    named totals are final. `sites` stand in the order of their `state`, then by name."""

    total: PublicTotal
    areas: tuple[PublicTotal, ...]
    sites: tuple[PublicSite, ...]
    one_line: bool
    frozen: bool

    def of_area(self, area_id: UUID) -> "PublicBoard":
        """One area of it. It says no more of names than the union's own view, so that the links of several
        areas together tell nothing either. An area without chapters is empty."""
        total = next((area for area in self.areas if area.area_id == area_id), _EMPTY)
        sites = tuple(site for site in self.sites if site.area_id == area_id)
        return replace(self, total=total, areas=(), sites=sites)


def public_board(board: Board) -> PublicBoard:
    """The part of the whole union's `board` that may be shown to anybody at any time."""
    total, areas = board.total, board.areas
    inside = [area.total.names.observed for area in areas]
    # Who belongs to no chapter here is one more part of the sum, also when that is nobody: whether there is
    # such a part must not depend on what was typed.
    *by_area, _rest = hidden([*inside, total.names.observed - sum(inside)])
    return PublicBoard(
        total=_public_total(total, _large_or_none(total.names.observed)),
        areas=tuple(_public_area(area, count) for area, count in zip(areas, by_area, strict=True)),
        sites=tuple(sorted(map(_public_site, board.chapters), key=lambda s: (s.state.trouble, s.name))),
        one_line=board.one_line,
        frozen=board.frozen,
    )


@dataclass(frozen=True, slots=True)
class FinalNames:
    """The named totals as outsiders read them, a count of None being too small to be said. `split`: verified,
    vouched for, self-reported. `areas`: each with how many of its members came."""

    came: int | None
    named: int | None
    split: tuple[int | None, ...]
    areas: tuple[tuple[AreaTotal, int | None], ...]


def final_names(board: Board) -> FinalNames:
    """The named totals of the whole union's `board`, for after `queries.names_final_at`."""
    names = board.total.names
    came = _large_or_none(names.came)
    # The one gives the other away.
    named = None if came is None or _is_small(names.also_there) else names.named
    split = hidden((names.verified, names.vouched, names.self_reported))
    areas = [area.total.names.came for area in board.areas]
    rest = [names.came - sum(areas)] if board.no_site or board.others else []
    disclosed = hidden([*areas, *rest]) if len(areas) + len(rest) > 1 else (came,)
    return FinalNames(
        came=came,
        named=named,
        split=(None, None, None) if named is None else split,
        areas=tuple(zip(board.areas, disclosed, strict=False)),
    )


def public_line_state(head_count: int | None) -> LineState:
    """The state of a line by a head count alone."""
    if head_count is None:
        return LineState.NONE
    return LineState.HERE if head_count else LineState.ZERO


def hidden(counts: Sequence[int]) -> tuple[int | None, ...]:
    """Parts whose sum is known, without those from 1 to 4: None stands for what is not said.

    What is left out must not be the difference of what is said: together it is five at least, and it is more
    than one part; else the smallest of the others goes as well.
    """
    left_out = {n for n, count in enumerate(counts) if _is_small(count)}
    while left_out and (len(left_out) < 2 or sum(counts[n] for n in left_out) < SMALLEST):
        others = [n for n in range(len(counts)) if n not in left_out and counts[n]]
        if not others:
            left_out |= set(range(len(counts)))
            break
        left_out.add(min(others, key=lambda n: counts[n]))
    return tuple(None if n in left_out else count for n, count in enumerate(counts))


def hidden_rows(rows: Sequence[Sequence[int]]) -> set[int]:
    """Of a table whose column sums are known: the rows that are not said, all of a row or nothing.

    Those with a count from 1 to 4, and as many of the others, the smallest first, as it takes until nothing
    can be told by difference: two rows at least, and in each column together none or five and more.
    """
    left_out = {n for n, row in enumerate(rows) if any(map(_is_small, row))}
    while left_out and _gives_away(rows, left_out):
        others = [n for n in range(len(rows)) if n not in left_out and any(rows[n])]
        if not others:
            return set(range(len(rows)))
        left_out.add(min(others, key=lambda n: sum(rows[n])))
    return left_out


def _gives_away(rows: Sequence[Sequence[int]], left_out: set[int]) -> bool:
    together = [sum(column) for column in zip(*(rows[n] for n in left_out), strict=True)]
    return len(left_out) < 2 or any(map(_is_small, together))


def _is_small(count: int) -> bool:
    return 0 < count < SMALLEST


def _large_or_none(count: int) -> int | None:
    return None if _is_small(count) else count


def _public_total(total: Total, observed: int | None) -> PublicTotal:
    line = total.line
    return PublicTotal(
        total.sites, total.reporting, total.names.eligible, line.head_count, line.supporters, observed
    )


def _public_area(area: AreaTotal, observed: int | None) -> PublicTotal:
    return replace(_public_total(area.total, observed), area_id=area.area_id, name=area.name)


def _public_site(chapter: Chapter) -> PublicSite:
    counted = chapter.line.head_count
    return PublicSite(chapter.name, chapter.area_id, chapter.place, public_line_state(counted), counted)


_EMPTY = PublicTotal(0, 0, 0, None, None, 0)
