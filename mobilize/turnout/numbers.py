"""By the numbers: what may be told to anybody, as counts alone. The press page, its files and the statement
are all made of this one reading of a board."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

from mobilize.turnout.figures import Board, Line, Total
from mobilize.turnout.outsiders import outside
from mobilize.turnout.spreadsheet import defused, percent, to_csv

HEADINGS = (
    "area", "sites", "reporting", "eligible", "came", "share_percent", "named", "verified", "vouched",
    "self_reported", "head_count", "supporters",
)  # fmt: skip
# In a file: a count that would tell of few people. An empty cell is "no report".
NOT_SAID = "not said"
_BY_NAME = ("came", "share_percent", "named", "verified", "vouched", "self_reported")

Numbers = dict[str, Any]


def numbers_of(board: Board) -> Numbers:
    """The total's figures under `HEADINGS`, the same for each of its `areas`, and `one_line` for a rally.

    A count by name of None is not said, since it or another would tell of fewer than five; one of heads or
    supporters that is None was not reported.
    """
    shown, total = outside(board), board.total
    split = dict(zip(("verified", "vouched", "self_reported"), shown.split, strict=True))
    return {
        "area": "total",
        **_counted(total),
        "came": shown.came,
        "share_percent": None if shown.came is None else percent(total.names.share),
        "named": shown.named,
        **split,
        "with_chapter_eligible": board.with_chapter.eligible,
        "one_line": board.one_line,
        "areas": [_area(area.name, area.total, came) for area, came in shown.areas],
    }


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


def _counted(total: Total) -> dict[str, Any]:
    return {
        "sites": total.sites,
        "reporting": total.reporting,
        "eligible": total.names.eligible,
        **_heads(total.line),
    }


def _heads(line: Line) -> dict[str, Any]:
    return {"head_count": line.head_count, "supporters": line.supporters}


def _area(name: str, total: Total, came: int | None) -> dict[str, Any]:
    share = None if came is None else percent(total.names.share)
    return {"area": name, **_counted(total), "came": came, "share_percent": share}


def _cell(row: dict[str, Any], name: str) -> object:
    # An area's split is not said at all: it is in the challenge pack, where that gives nobody away.
    value = row.get(name)
    return NOT_SAID if value is None and name in _BY_NAME else value
