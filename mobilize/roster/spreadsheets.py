"""Rows out of an .xlsx workbook, with every bound checked before anything is unpacked."""

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import openpyxl

from mobilize.errors import Refused
from mobilize.languages import _

MAX_UNPACKED_BYTES = 150_000_000
MAX_PARTS = 2_000
MAX_EMPTY_ROWS = 10_000
_CHUNK = 1 << 20
_DOCTYPES = tuple("<!DOCTYPE".encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be"))


def is_workbook(data: bytes) -> bool:
    """By content: a zip that holds a workbook, whatever the file is called."""
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            return any(name.lower() in ("xl/workbook.xml", "xl/workbook.bin") for name in parts.namelist())
    except (zipfile.BadZipFile, ValueError, OSError):
        return False


def rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """(row number, cells as text) of the first sheet; empty rows between are kept, those at the end are not.

    Raises `Refused`: workbook_too_large, workbook_macros, workbook_unsafe, workbook_unreadable,
    workbook_formula, workbook_empty_rows, workbook_without_sheet.
    """
    book = None
    try:
        _refuse_dangerous(data)
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
        yield from _without_trailing_blanks(_sheet_rows(book))
    except Refused:
        raise
    except Exception as broken:
        # openpyxl has no error of its own for a damaged part: what its XML or zip reading met comes through.
        raise Refused(
            "workbook_unreadable",
            _("This workbook is damaged or locked with a password. Save it again as CSV UTF-8."),
        ) from broken
    finally:
        if book is not None:
            book.close()


def _refuse_dangerous(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        listed = parts.infolist()
        names = [part.filename.lower() for part in listed]
        if len(listed) > MAX_PARTS or sum(part.file_size for part in listed) > MAX_UNPACKED_BYTES:
            raise Refused(
                "workbook_too_large",
                _("This workbook unpacks to far more than a list needs. Save the list as CSV UTF-8 instead."),
            )
        if any(
            name.endswith((".bin", ".xlm")) or "macrosheets/" in name
            for name in names
            if "printer" not in name
        ):
            raise Refused(
                "workbook_macros",
                _("This workbook holds macros. Save it as .xlsx without macros, or as CSV UTF-8."),
            )
        if any(_declares_entities(parts, part) for part in listed):
            raise Refused(
                "workbook_unsafe",
                _("This workbook holds declarations that no spreadsheet writes. Save the list as CSV UTF-8."),
            )


def _declares_entities(parts: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """A DOCTYPE anywhere: spreadsheets never write one, attackers hide entity bombs in it.

    zipfile never unpacks more than the directory states, so the bound above also holds here.
    """
    if not part.filename.lower().endswith((".xml", ".rels")):
        return False
    with parts.open(part) as stream:
        tail = b""
        while chunk := stream.read(_CHUNK):
            window = tail + chunk
            if any(mark in window for mark in _DOCTYPES):
                return True
            tail = window[-32:]
    return False


def _sheet_rows(book: Any) -> Iterator[tuple[int, list[str]]]:
    if not book.worksheets:
        raise Refused("workbook_without_sheet", _("This workbook has no sheet. Choose another file."))
    sheet = book.worksheets[0]
    # The stated size may be A1:XFD1048576 around one cell; without it rows end where their cells end.
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        yield number, [_text(cell, number) for cell in cells]


def _text(cell: Any, row: int) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str) and cell.data_type != "f":
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, (int, float, date)):
        return str(value)
    raise Refused(
        "workbook_formula",
        _(
            "Row %(row)s holds a formula. Select everything, copy, paste as values, and save it again.",
            row=row,
        ),
    )


def _without_trailing_blanks(found: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    blanks: list[tuple[int, list[str]]] = []
    for number, cells in found:
        if not any(cell.strip() for cell in cells):
            blanks.append((number, []))
            if len(blanks) > MAX_EMPTY_ROWS:
                raise Refused(
                    "workbook_empty_rows",
                    _(
                        "From row %(row)s on, over 10,000 rows are empty. Delete them and save it again.",
                        row=blanks[0][0],
                    ),
                )
            continue
        yield from blanks
        blanks.clear()
        yield number, cells
