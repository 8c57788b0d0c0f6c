"""What may be shown to people outside: no named count from 1 to 4, nor one that others give away.

Head counts and supporters are numbers of people nobody named, and are shown as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from mobilize.turnout.figures import AreaTotal, Board, Chapter, Names, State

SMALLEST = 5


@dataclass(frozen=True, slots=True)
class Outside:
    """A board for the wall, the union's report and the press; a named count of None is too small to be said.

    `split`: verified, vouched for, self-reported. `areas`: each with how many of its members came.
    `sites`: those whose state gives nobody away.
    """

    board: Board
    came: int | None
    named: int | None
    split: tuple[int | None, ...]
    areas: tuple[tuple[AreaTotal, int | None], ...]
    sites: tuple[Chapter, ...]


def outside(board: Board) -> Outside:
    """The board without what would tell of single people."""
    names = board.total.names
    came = None if _is_small(names.came) else names.came
    # The one gives the other away.
    named = None if came is None or _is_small(names.also_there) else names.named
    split = hidden((names.verified, names.vouched, names.self_reported))
    areas = [area.total.names.came for area in board.areas]
    rest = [names.came - sum(areas)] if board.no_site or board.others else []
    shown = hidden([*areas, *rest]) if len(areas) + len(rest) > 1 else (came,)
    return Outside(
        board=board,
        came=came,
        named=named,
        split=(None, None, None) if named is None else split,
        areas=tuple(zip(board.areas, shown, strict=False)),
        sites=tuple(chapter for chapter in board.by_trouble if _tells_of_nobody(chapter)),
    )


def outside_of_area(board: Board, area_id: UUID) -> Outside:
    """An area of the whole union's `board` for outsiders: no more of its names than the union's view says.

    Whoever sees both, or the links of all areas, learns nothing from the difference. Its split is not said.
    """
    whole, inside = outside(board), board.of_area(area_id)
    came = next((count for area, count in whole.areas if area.area_id == area_id), None)
    sites = tuple(chapter for chapter in whole.sites if chapter.area_id == area_id)
    return Outside(inside, came, None, (None, None, None), (), sites)


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


def _tells_of_nobody(chapter: Chapter) -> bool:
    """A state that comes of a share is not shown where few came, or few stayed away."""
    if chapter.state in (State.NONE, State.ZERO):
        return True
    return _large(chapter.names)


def _large(names: Names) -> bool:
    return names.came >= SMALLEST and names.eligible >= 2 * SMALLEST
