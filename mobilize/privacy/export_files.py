"""What stands in an exported file: a mark of who took it, headings, rows; CSV or XLSX."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from mobilize.actions.models import Action
from mobilize.phones import shown
from mobilize.privacy.models import ExportFormat, ExportKind
from mobilize.turnout.figures import Board
from mobilize.turnout.people import Named, who_came_and_who_did_not, who_stood
from mobilize.turnout.queries import board
from mobilize.turnout.spreadsheet import SITE_HEADINGS, site_row

MIMETYPES = {
    ExportFormat.CSV: "text/csv",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
NAME_HEADINGS = ("site_code", "site", "last_name", "first_name", "came", "strength", "place")
# OWASP, "CSV Injection": also behind spaces, and in the full-width forms some spreadsheets accept.
_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")
# XML 1.0 knows no other control characters, and no name has any.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

Row = Sequence[Any]


def table_of(action: Action, seen: Board, kind: ExportKind) -> tuple[Row, Iterator[Row]]:
    """(headings, rows) of the chapters in `seen`, which is already narrowed to somebody's scope."""
    if kind is ExportKind.COUNTS:
        return SITE_HEADINGS, (list(site_row(chapter).values()) for chapter in seen.chapters)
    phones = kind is ExportKind.PHONES
    return (*NAME_HEADINGS, *(["phone"] if phones else [])), _people(action, seen, phones=phones)


def write_file(mark: str, headings: Row, rows: Iterator[Row], format: ExportFormat) -> bytes:
    """The bytes of the file; its first row is the mark."""
    table = ([harmless(cell) for cell in row] for row in _all(mark, headings, rows))
    return _xlsx(table) if format is ExportFormat.XLSX else _csv(table)


def harmless(cell: Any) -> Any:
    """The cell, with an apostrophe before what a spreadsheet would run; text is otherwise kept literally."""
    if not isinstance(cell, str):
        return cell
    text = _CONTROLS.sub("", cell)
    return f"'{text}" if _FORMULA.match(text) else text


def file_name(*parts: str, ending: str) -> str:
    """Plain letters only: it travels in a header and stands on every system."""
    plain = unicodedata.normalize("NFKD", "-".join(parts)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:120] + f".{ending}"


def _people(action: Action, seen: Board, *, phones: bool) -> Iterator[Row]:
    whole = board(action)
    for chapter in seen.chapters:
        stood = who_stood(action, chapter, whole)
        came, missing = who_came_and_who_did_not(action, chapter, whole, stood)
        for person in (*came, *missing):
            row = [chapter.code, chapter.name, *_person(person)]
            yield [*row, shown(person.phone) if person.phone else ""] if phones else row


def _person(person: Named) -> Row:
    name, stood = person.name, person.stood
    who = [name.last, name.preferred or name.first]
    return [*who, "yes", stood.tier.value, stood.elsewhere or ""] if stood else [*who, "no", "", ""]


def _all(mark: str, headings: Row, rows: Iterator[Row]) -> Iterator[Row]:
    yield [mark]
    yield headings
    yield from rows


def _csv(rows: Iterator[Row]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    # With its mark, or the usual spreadsheet takes UTF-8 for something else.
    return out.getvalue().encode("utf-8-sig")


def _xlsx(rows: Iterator[Row]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Mobilize")
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(sheet: Any, value: Any) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        cell.data_type = "s"
    return cell
