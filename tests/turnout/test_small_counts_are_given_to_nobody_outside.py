"""Whatever the counts are: what outsiders are told, on all pages together, tells of no group of 1 to 4."""

from dataclasses import replace
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilize.turnout.figures.disclosure_control import (
    SMALLEST,
    LineState,
    PublicSite,
    PublicTotal,
    final_names,
    hidden,
    hidden_rows,
    public_board,
    public_line_state,
)
from mobilize.turnout.figures.types import Board, Chapter, LineCounts, NameCounts

counts = st.integers(0, 12)
areas_of_counts = st.lists(st.tuples(counts, counts), min_size=1, max_size=4)
A_LINE = LineCounts(event_id=UUID(int=9), area_id=None, hosted=1, head_count=3)


def board_of(came: list[tuple[int, int]], no_site: int) -> Board:
    """One chapter in each area: (who came, who was also there); `no_site`: who came of no chapter."""
    chapters = []
    for n, (some, more) in enumerate(came):
        names = NameCounts(40, some, more, verified=some, vouched=more, observed=some)
        at = {"site_id": UUID(int=n + 1), "area_id": UUID(int=100 + n), "line": A_LINE}
        words = {"code": f"{n}", "name": f"S{n}", "area": f"A{n}", "tz": "UTC", "target": 0.5}
        chapters.append(Chapter(names=names, **at, **words))  # type: ignore[arg-type]
    outside_them = NameCounts(10, no_site, 0, self_reported=no_site, observed=no_site) if no_site else None
    return Board(UUID(int=7), tuple(chapters), no_site=outside_them)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=4))
def test_what_is_left_out_cannot_be_worked_out_from_the_sum(parts: list[int]) -> None:
    counts = hidden(parts)
    unknown = [n for n, count in enumerate(counts) if count is None]
    assert not any(count is not None and 0 < count < SMALLEST for count in counts)
    if len(parts) == 1 or not unknown:
        return
    left = sum(parts) - sum(count for count in counts if count is not None)
    possible = [guess for guess in product(range(left + 1), repeat=len(unknown)) if sum(guess) == left]
    # The sum itself is small only when everything is left out: then the sum is not said either.
    if left >= SMALLEST:
        for place, n in enumerate(unknown):
            assert parts[n] >= SMALLEST or len({guess[place] for guess in possible}) > 1
    else:
        assert len(unknown) == len(parts)


@settings(max_examples=150, deadline=None)
@given(areas_of_counts, counts)
def test_the_pages_together_tell_no_small_count(came: list[tuple[int, int]], no_site: int) -> None:
    board = board_of(came, no_site)
    whole, names = final_names(board), board.total.names
    lines = [whole.came, *(count for _area, count in whole.areas)]
    assert not any(count is not None and 0 < count < SMALLEST for count in lines)
    if whole.named is not None:
        assert whole.came is not None  # or else the split would say it
        assert not 0 < whole.named - whole.came < SMALLEST
    if whole.came is not None:
        rest = names.came - sum(count for _area, count in whole.areas if count is not None)
        left_out = [area for area, count in whole.areas if count is None]
        assert not (0 < rest < SMALLEST)
        assert len(left_out) != 1 or no_site or rest == 0


@settings(max_examples=150, deadline=None)
@given(areas_of_counts, counts)
def test_the_walls_together_tell_no_small_count(came: list[tuple[int, int]], no_site: int) -> None:
    board = board_of(came, no_site)
    whole = public_board(board)
    lines = [whole.total.observed, *(area.observed for area in whole.areas)]
    assert not any(count is not None and 0 < count < SMALLEST for count in lines)
    if whole.total.observed is not None:
        rest = whole.total.observed - sum(area.observed or 0 for area in whole.areas)
        assert not 0 < rest < SMALLEST
    for area in whole.areas:
        assert area.area_id and whole.of_area(area.area_id).total == area
        assert {site.name for site in whole.of_area(area.area_id).sites} <= {s.name for s in whole.sites}


@settings(max_examples=100, deadline=None)
@given(areas_of_counts, areas_of_counts, counts)
def test_a_public_board_is_the_same_whatever_was_typed(
    came: list[tuple[int, int]], typed: list[tuple[int, int]], no_site: int
) -> None:
    """Names that only typed themselves in, in whatever chapters, move nothing of it."""
    board = board_of(came, no_site)
    more = dict(zip((c.site_id for c in board.chapters), typed, strict=False))
    chapters = tuple(
        replace(
            chapter,
            names=NameCounts.sum_of(
                [chapter.names, NameCounts(0, *more.get(chapter.site_id, (0, 0)), self_reported=3)]
            ),
            line=replace(chapter.line, hosted=chapter.line.hosted + 7),
        )
        for chapter in board.chapters
    )
    others = NameCounts(0, 0, 5, self_reported=5)
    assert public_board(replace(board, chapters=chapters, others=others)) == public_board(board)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([], []),
        ([0, 0], [0, 0]),
        ([5, 9], [5, 9]),
        ([4], [None]),
        ([4, 0], [None, None]),
        ([3, 9], [None, None]),
        ([2, 3, 20], [None, None, 20]),  # five together
        ([1, 3, 20, 9], [None, None, 20, None]),  # four together: the smallest of the others goes as well
        ([4, 30, 0, 20], [None, 30, 0, None]),  # a lone one takes another with it, and nobody is no cover
        ([1, 0, 1, 0], [None, None, None, None]),
    ],
)
def test_small_parts_go_with_the_smallest_of_the_others(parts: list[int], expected: list[int | None]) -> None:
    assert hidden(parts) == tuple(expected)


@pytest.mark.parametrize(
    ("rows", "left_out"),
    [
        ([], set()),
        ([[0, 0]], set()),
        ([[5, 5], [9, 0]], set()),
        ([[9, 4]], {0}),
        ([[9, 4], [0, 0]], {0, 1}),
        ([[9, 1], [9, 9], [20, 20]], {0, 1}),
        ([[20, 20], [1, 9], [30, 3]], {1, 2}),
        ([[20, 20], [1, 9], [9, 3], [6, 0]], {1, 2}),
        ([[20, 20], [1, 9], [2, 9], [6, 5]], {1, 2, 3}),  # three together in the first column
        ([[1, 0], [0, 1], [0, 0], [20, 0], [0, 20], [40, 40]], {0, 1, 3, 4}),
        ([[1, 0], [1, 0]], {0, 1}),
    ],
)
def test_a_small_count_takes_its_row_and_as_many_as_it_needs(
    rows: list[list[int]], left_out: set[int]
) -> None:
    assert hidden_rows(rows) == left_out


@pytest.mark.parametrize(("count", "state"), [(None, "none"), (0, "zero"), (1, "here"), (400, "here")])
def test_a_line_shows_by_its_head_count_alone(count: int | None, state: str) -> None:
    assert public_line_state(count) is LineState(state)
    assert sorted(LineState, key=lambda one: one.trouble) == ["none", "zero", "here"]


def test_a_public_board_says_what_was_counted_and_observed() -> None:
    board = board_of([(12, 0), (7, 0), (9, 0)], 0)
    lines = (replace(A_LINE, event_id=UUID(int=50), supporters=2), replace(A_LINE, head_count=None))
    quiet = replace(board.chapters[0], line=lines[1], place=(34.0, -118.2))
    chapters = (board.chapters[2], quiet, replace(board.chapters[1], line=lines[0]))
    public = public_board(replace(board, chapters=chapters, frozen=False))
    names = [(site.name, site.state, site.head_count, site.place) for site in public.sites]
    assert names == [
        ("S0", LineState.NONE, None, (34.0, -118.2)),
        ("S1", LineState.HERE, 3, None),
        ("S2", LineState.HERE, 3, None),
    ]
    assert public.sites[0] == PublicSite("S0", UUID(int=100), (34.0, -118.2), LineState.NONE, None)
    assert (public.frozen, public.one_line) == (False, False)
    second = next(area for area in public.areas if area.name == "A1")
    # Lines that lie in no area count for the union only.
    assert second == PublicTotal(1, 1, 40, None, None, 7, UUID(int=101), "A1")
    assert (public.total.sites, public.total.reporting, public.total.eligible) == (3, 2, 120)
    assert (public.total.head_count, public.total.supporters) == (3, 2)
    assert (public.total.observed, public.total.area_id, public.total.name) == (28, None, "")
    assert public_board(replace(board, no_site=None)).one_line, "all at one line"


def test_one_area_of_a_public_board_and_an_area_without_chapters() -> None:
    public = public_board(board_of([(12, 0), (7, 0)], 0))
    north = public.of_area(UUID(int=101))
    assert (north.total.observed, [site.name for site in north.sites], north.areas) == (7, ["S1"], ())
    empty = public.of_area(UUID(int=999))
    assert empty.total == PublicTotal(0, 0, 0, None, None, 0) and empty.sites == ()


def test_members_of_no_chapter_are_one_more_part_of_what_was_observed() -> None:
    observed = [area.observed for area in public_board(board_of([(12, 0), (7, 0)], 3)).areas]
    assert observed == [12, None], "7 and the 3 are left out together"
    assert public_board(board_of([(1, 0), (1, 0)], 0)).total.observed is None


def test_final_names_are_said_where_they_are_large_and_give_nothing_away() -> None:
    def names_of(came: list[tuple[int, int]], no_site: int = 0) -> tuple[object, ...]:
        final = final_names(board_of(came, no_site))
        return final.came, final.named, final.split, [count for _area, count in final.areas]

    assert names_of([(12, 6), (7, 0)]) == (19, 25, (19, 6, 0), [12, 7])
    assert names_of([(12, 0), (3, 0)]) == (15, 15, (15, 0, 0), [None, None])
    assert names_of([(12, 3), (7, 0)]) == (19, None, (None, None, None), [12, 7]), "3 were also there"
    assert names_of([(2, 9)]) == (None, None, (None, None, None), [None])
    assert names_of([(12, 6)]) == (12, 18, (12, 6, 0), [12])
    assert names_of([(12, 0), (7, 0)], 3) == (22, 22, (None, 0, None), [12, None])
    areas = [area.name for area, _count in final_names(board_of([(12, 0), (7, 0)], 3)).areas]
    assert areas == ["A0", "A1"]


def test_members_of_other_chapters_are_a_part_that_no_area_has() -> None:
    board = replace(board_of([(12, 0), (7, 0)], 0), others=NameCounts(0, 2, 0, self_reported=2))
    assert [count for _area, count in final_names(board).areas] == [12, None]
    alone = replace(board_of([(12, 0)], 0), others=NameCounts(0, 2, 0, self_reported=2))
    assert [count for _area, count in final_names(alone).areas] == [None]
