"""By the numbers: what may be told to anybody, as counts alone. The press page, its files and the statement
are all made of this one reading of a board: before its named totals are final, and after."""

from typing import Any

from mobilize.tabular import Cell, Sheet
from mobilize.turnout.figures.disclosure_control import PublicTotal, final_names, public_board
from mobilize.turnout.figures.types import COUNTS, Board, Disclosure, percent

_OBSERVED, _ALWAYS, _NAMED = (
    tuple(count.name for count in COUNTS if count.disclosure is when)
    for when in (Disclosure.OBSERVED, Disclosure.ALWAYS, Disclosure.FINAL)
)
HEADINGS = ("area", "sites", "reporting", "head_count", "supporters", *_OBSERVED, *_ALWAYS, *_NAMED)
# In a file: a count that would tell of few people, or is not final. An empty cell is "no report".
NOT_SAID = "not shown"

Numbers = dict[str, Any]


def numbers_of(board: Board, *, final: bool) -> Numbers:
    """The total's figures under `HEADINGS`, the same for each of its `areas`, and `one_line` for a rally.

    `final`: `names_final_at` is past, and named totals are said; before, only names that were observed are. A
    count by name of None is not said; one of heads or supporters that is None was not reported.
    """
    public = public_board(board)
    numbers = {
        **_row(public.total, "total"),
        "final": final,
        "with_chapter_eligible": board.with_chapter.eligible,
        "one_line": board.one_line,
        "areas": [_row(area, area.name) for area in public.areas],
    }
    return _with_names(numbers, board) if final else numbers


def numbers_sheet(numbers: Numbers) -> Sheet:
    """A row an area, then everything together."""
    rows = [[_cell(row, name) for name in HEADINGS] for row in (*numbers["areas"], numbers)]
    return Sheet("numbers", HEADINGS, rows)


def _row(total: PublicTotal, name: str) -> dict[str, Any]:
    counted = ("sites", "reporting", "eligible", "head_count", "supporters", "observed")
    return {"area": name, **{figure: getattr(total, figure) for figure in counted}, **dict.fromkeys(_NAMED)}


def _with_names(numbers: Numbers, board: Board) -> Numbers:
    """Named totals in place of the observed names, which would be parts of them."""
    names = final_names(board)
    split = dict(zip(("verified", "vouched", "self_reported"), names.split, strict=True))
    areas = [
        {**row, "observed": None, "came": came, "share_percent": _share(came, area.total.names.share)}
        for row, (area, came) in zip(numbers["areas"], names.areas, strict=True)
    ]
    share = _share(names.came, board.total.names.share)
    total = {"observed": None, "came": names.came, "named": names.named, "share_percent": share, **split}
    return {**numbers, **total, "areas": areas}


def _share(came: int | None, share: float | None) -> float | None:
    return None if came is None else percent(share)


def _cell(row: dict[str, Any], name: str) -> Cell:
    # An area's split is not said at all: it is in the challenge pack, where that gives nobody away.
    value: Cell = row.get(name)
    return NOT_SAID if value is None and name in (*_OBSERVED, *_NAMED) else value
