"""Tables as files: CSV and XLSX, with one guard against formulas.

A cell is text, a count, a percentage (every float is one), a moment, a day, yes or no; None is an empty cell,
so that "no report" is not zero.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

Cell = str | int | float | datetime | date | None

MIMETYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# OWASP, "CSV Injection": also behind spaces, and in the full-width forms some spreadsheets accept.
_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")
# Letters a column is wide, at least and at most.
_NARROWEST, _WIDEST = 7, 42
# XML 1.0 has no other control characters, and no name has any.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_PERCENTAGE, _MOMENT, _DAY = "0.0%", 'yyyy-mm-dd hh:mm:ss "UTC"', "yyyy-mm-dd"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Headings and rows under a name, which a workbook shows. `mark` stands in a row of its own above them:
    who took the file, or that it is of a rehearsal. `total` is a last row that no filter of a workbook hides;
    CSV has none, for whoever adds its rows up again."""

    name: str
    headings: Sequence[str]
    rows: Iterable[Sequence[Cell]]
    mark: str = ""
    total: Sequence[Cell] = ()


def csv_text(sheet: Sheet) -> str:
    """CSV with CRLF (RFC 4180); moments in ISO 8601."""
    out = io.StringIO()
    csv.writer(out).writerows([_in_csv(cell) for cell in row] for row in _all_rows(sheet))
    return out.getvalue()


def csv_file(sheet: Sheet) -> bytes:
    """`csv_text` behind a byte order mark, without which the usual spreadsheet misreads UTF-8."""
    return csv_text(sheet).encode("utf-8-sig")


def xlsx_file(sheets: Iterable[Sheet]) -> bytes:
    """A workbook: headings that stay in sight and filter their columns, columns as wide as what they hold, a
    page wide on paper. Numbers and moments (in UTC) stay what they are, a percentage is one of Excel's; text
    is never a formula."""
    from openpyxl import Workbook  # 6 MB, for the few who ask for a workbook

    book = Workbook(write_only=True)
    for sheet in sheets:
        page, rows = book.create_sheet(sheet.name), list(_all_rows(sheet))
        _lay_out(page, sheet, rows)
        top = 1 if sheet.mark else 0
        for n, row in enumerate(rows):
            page.append([_in_xlsx(page, cell, bold=n == top) for cell in row])
        if sheet.total:
            page.append([_in_xlsx(page, cell, bold=True) for cell in sheet.total])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def file_name(*parts: str, ending: str) -> str:
    """A file's name of plain small letters and hyphens: it travels in a header and stands on every system."""
    plain = unicodedata.normalize("NFKD", "-".join(parts)).encode("ascii", "ignore").decode().lower()
    return (re.sub(r"[^a-z0-9]+", "-", plain)[:120].strip("-") or "mobilize") + f".{ending}"


def guarded(text: str) -> str:
    """`text` without control characters, and with an apostrophe before what a spreadsheet would run as a
    formula; else it is kept literally."""
    plain = _CONTROLS.sub("", text)
    return f"'{plain}" if _FORMULA.match(plain) else plain


def unguarded(text: str) -> str:
    """The text that `guarded` was given, for a file of ours that comes back."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text


def _all_rows(sheet: Sheet) -> Iterator[Sequence[Cell]]:
    if sheet.mark:
        yield [sheet.mark]
    yield sheet.headings
    yield from sheet.rows


def _in_csv(cell: Cell) -> Cell:
    if isinstance(cell, str):
        return guarded(cell)
    return cell.isoformat() if isinstance(cell, date) else cell


def _lay_out(page: Any, sheet: Sheet, rows: Sequence[Sequence[Cell]]) -> None:
    """What a write-only sheet is told before its rows: what stays in sight, filters, widths and paper."""
    from openpyxl.utils import get_column_letter

    top, columns = (2 if sheet.mark else 1), len(sheet.headings)
    page.freeze_panes = f"A{top + 1}"
    page.print_title_rows = f"{top}:{top}"
    if columns:
        page.auto_filter.ref = f"A{top}:{get_column_letter(columns)}{len(rows)}"
    for at in range(columns):
        written = (len(str(row[at])) for row in (*rows[top - 1 :], sheet.total) if at < len(row))
        width = min(_WIDEST, max(_NARROWEST, *written))
        page.column_dimensions[get_column_letter(at + 1)].width = width + 3  # room for the filter's arrow
    page.page_setup.orientation, page.page_setup.fitToHeight = "landscape", 0
    page.sheet_properties.pageSetUpPr.fitToPage = True


def _in_xlsx(page: Any, cell: Cell, *, bold: bool = False) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    if cell is None:
        return None
    written = WriteOnlyCell(page, value=guarded(cell) if isinstance(cell, str) else cell)
    if isinstance(cell, str):
        written.data_type = "s"
    elif isinstance(cell, datetime):
        written.value = cell.astimezone(UTC).replace(tzinfo=None)
        written.number_format = _MOMENT
    elif isinstance(cell, date):
        written.number_format = _DAY
    elif isinstance(cell, float):
        written.value = round(cell / 100, 6)
        written.number_format = _PERCENTAGE
    if bold:
        written.font = Font(bold=True)
    return written
