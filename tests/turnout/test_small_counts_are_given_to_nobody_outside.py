"""Whatever the counts are: what outsiders are told, on all pages together, tells of no group of 1 to 4."""

from dataclasses import replace
from itertools import product
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from mobilize.turnout.figures import Board, Chapter, Line, Names
from mobilize.turnout.outsiders import SMALLEST, final_names, hidden, public_board

counts = st.integers(0, 12)
areas_of_counts = st.lists(st.tuples(counts, counts), min_size=1, max_size=4)
A_LINE = Line(event_id=UUID(int=9), area_id=None, hosted=1, head_count=3)


def board_of(came: list[tuple[int, int]], no_site: int) -> Board:
    """One chapter in each area: (who came, who was also there); `no_site`: who came of no chapter."""
    chapters = []
    for n, (some, more) in enumerate(came):
        names = Names(40, some, more, verified=some, vouched=more, observed=some)
        at = {"site_id": UUID(int=n + 1), "area_id": UUID(int=100 + n), "line": A_LINE}
        words = {"code": f"{n}", "name": f"S{n}", "area": f"A{n}", "tz": "UTC", "target": 0.5}
        chapters.append(Chapter(names=names, **at, **words))  # type: ignore[arg-type]
    outside_them = Names(10, no_site, 0, self_reported=no_site, observed=no_site) if no_site else None
    return Board(UUID(int=7), tuple(chapters), no_site=outside_them)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=4))
def test_what_is_left_out_cannot_be_worked_out_from_the_sum(parts: list[int]) -> None:
    said = hidden(parts)
    unknown = [n for n, count in enumerate(said) if count is None]
    assert not any(count is not None and 0 < count < SMALLEST for count in said)
    if len(parts) == 1 or not unknown:
        return
    left = sum(parts) - sum(count for count in said if count is not None)
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
    said = [whole.came, *(count for _area, count in whole.areas)]
    assert not any(count is not None and 0 < count < SMALLEST for count in said)
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
    said = [whole.total.observed, *(area.observed for area in whole.areas)]
    assert not any(count is not None and 0 < count < SMALLEST for count in said)
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
            names=chapter.names + Names(0, *more.get(chapter.site_id, (0, 0)), self_reported=3),
            line=replace(chapter.line, hosted=chapter.line.hosted + 7),
        )
        for chapter in board.chapters
    )
    others = Names(0, 0, 5, self_reported=5)
    assert public_board(replace(board, chapters=chapters, others=others)) == public_board(board)
