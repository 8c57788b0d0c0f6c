"""By the numbers: what may be told to anybody, as counts alone. The press page, its files and the statement
are all made of this one reading of a board: before its named totals are final, and after."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

from mobilize.turnout.figures import Board
from mobilize.turnout.outsiders import PublicTotal, final_names, public_board
from mobilize.turnout.spreadsheet import defused, percent, to_csv

HEADINGS = (
    "area", "sites", "reporting", "head_count", "supporters", "observed", "eligible", "came", "share_percent",
    "named", "verified", "vouched", "self_reported",
)  # fmt: skip
# In a file: a count that would tell of few people, or is not final. An empty cell is "no report".
NOT_SAID = "not said"

_NAMED = ("came", "share_percent", "named", "verified", "vouched", "self_reported")

Numbers = dict[str, Any]


def numbers_of(board: Board, *, final: bool) -> Numbers:
    """The total's figures under `HEADINGS`, the same for each of its `areas`, and `one_line` for a rally.

    `final`: `names_final_at` is past, and named totals are said; before, only names that were observed are. A
    count by name of None is not said; one of heads or supporters that is None was not reported.
    """
    public = public_board(board)
    found = {
        **_row(public.total, "total"),
        "final": final,
        "with_chapter_eligible": board.with_chapter.eligible,
        "one_line": board.one_line,
        "areas": [_row(area, area.name) for area in public.areas],
    }
    return _with_names(found, board) if final else found


def rows_of(numbers: Numbers) -> list[list[object]]:
    """A row an area, then everything together, under `HEADINGS`."""
    return [[_cell(row, name) for name in HEADINGS] for row in (*numbers["areas"], numbers)]


def numbers_csv(numbers: Numbers) -> str:
    """As CSV."""
    return to_csv(HEADINGS, rows_of(numbers))


def as_workbook(sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[object]]]]) -> bytes:
    """A workbook of (name, headings, rows); counts stay numbers, and text is never a formula."""
    from openpyxl import Workbook  # 6 MB, for the one page that asks for a workbook

    book = Workbook(write_only=True)
    for name, headings, rows in sheets:
        sheet = book.create_sheet(name)
        sheet.append(list(headings))
        for row in rows:
            sheet.append([defused(cell) for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _row(total: PublicTotal, name: str) -> dict[str, Any]:
    counted = ("sites", "reporting", "eligible", "head_count", "supporters", "observed")
    return {"area": name, **{figure: getattr(total, figure) for figure in counted}, **dict.fromkeys(_NAMED)}


def _with_names(found: Numbers, board: Board) -> Numbers:
    """Named totals in place of the observed names, which would be parts of them."""
    names = final_names(board)
    split = dict(zip(("verified", "vouched", "self_reported"), names.split, strict=True))
    areas = [
        {**row, "observed": None, "came": came, "share_percent": _share(came, area.total.names.share)}
        for row, (area, came) in zip(found["areas"], names.areas, strict=True)
    ]
    share = _share(names.came, board.total.names.share)
    total = {"observed": None, "came": names.came, "named": names.named, "share_percent": share, **split}
    return {**found, **total, "areas": areas}


def _share(came: int | None, share: float | None) -> float | None:
    return None if came is None else percent(share)


def _cell(row: dict[str, Any], name: str) -> object:
    # An area's split is not said at all: it is in the challenge pack, where that gives nobody away.
    value = row.get(name)
    return NOT_SAID if value is None and name in ("observed", *_NAMED) else value
