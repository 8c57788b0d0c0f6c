"""Tables as files: CSV and XLSX, with one guard against formulas.

A cell is text, a count, a percentage (every float is one), a moment, yes or no; None is an empty cell, so
that "no report" is not zero.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Cell = str | int | float | datetime | None

MIMETYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# OWASP, "CSV Injection": also behind spaces, and in the full-width forms some spreadsheets accept.
_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")
# XML 1.0 has no other control characters, and no name has any.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_PERCENTAGE, _MOMENT = "0.0", 'yyyy-mm-dd hh:mm:ss "UTC"'


@dataclass(frozen=True, slots=True)
class Sheet:
    """Headings and rows under a name, which a workbook shows. `mark` stands in a row of its own above them:
    who took the file, or that it is of a rehearsal."""

    name: str
    headings: Sequence[str]
    rows: Iterable[Sequence[Cell]]
    mark: str = ""


def csv_text(sheet: Sheet) -> str:
    """CSV with CRLF (RFC 4180); moments in ISO 8601."""
    out = io.StringIO()
    csv.writer(out).writerows([_in_csv(cell) for cell in row] for row in _all_rows(sheet))
    return out.getvalue()


def csv_file(sheet: Sheet) -> bytes:
    """`csv_text` behind a byte order mark, without which the usual spreadsheet misreads UTF-8."""
    return csv_text(sheet).encode("utf-8-sig")


def xlsx_file(sheets: Iterable[Sheet]) -> bytes:
    """A workbook. Numbers and moments (in UTC) stay what they are; text is never a formula."""
    from openpyxl import Workbook  # 6 MB, for the few who ask for a workbook

    book = Workbook(write_only=True)
    for sheet in sheets:
        page = book.create_sheet(sheet.name)
        for row in _all_rows(sheet):
            page.append([_in_xlsx(page, cell) for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def guarded(text: str) -> str:
    """`text` without control characters, and with an apostrophe before what a spreadsheet would run as a
    formula; else it is kept literally."""
    plain = _CONTROLS.sub("", text)
    return f"'{plain}" if _FORMULA.match(plain) else plain


def _all_rows(sheet: Sheet) -> Iterator[Sequence[Cell]]:
    if sheet.mark:
        yield [sheet.mark]
    yield sheet.headings
    yield from sheet.rows


def _in_csv(cell: Cell) -> Cell:
    if isinstance(cell, str):
        return guarded(cell)
    return cell.isoformat() if isinstance(cell, datetime) else cell


def _in_xlsx(page: Any, cell: Cell) -> Any:
    from openpyxl.cell import WriteOnlyCell

    if isinstance(cell, str):
        written = WriteOnlyCell(page, value=guarded(cell))
        written.data_type = "s"
    elif isinstance(cell, datetime):
        written = WriteOnlyCell(page, value=cell.astimezone(UTC).replace(tzinfo=None))
        written.number_format = _MOMENT
    elif isinstance(cell, float):
        written = WriteOnlyCell(page, value=cell)
        written.number_format = _PERCENTAGE
    else:
        return cell
    return written
