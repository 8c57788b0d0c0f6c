"""Sandboxed reader of an uploaded .xlsx workbook: a program of its own, with little memory and time:

    python -I xlsx_sandbox.py < workbook > rows

writes a line of JSON for each row, [number, [cells]], and last {"end": true} or {"refused": code, "row": n}.
Nothing of ours is imported here, so that it starts quickly and knows no keys and no database.
"""

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

MAX_UNPACKED_BYTES = 150_000_000
MAX_PARTS = 2_000
MAX_EMPTY_ROWS = 10_000
# More than `uploaded_table.MAX_RECORDS`: such a sheet is refused in any case, and here before it is read.
MAX_ROWS = 320_000
# A list packs ten to thirty times smaller; a bomb of one repeated byte a thousand times.
MAX_RATIO = 150
SMALL_BYTES = 5_000_000
MEMORY_BYTES = 700_000_000
CPU_SECONDS = 60
_CHUNK = 1 << 20
_DOCTYPES = tuple("<!DOCTYPE".encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be"))


class UnreadableWorkbook(Exception):
    """The workbook is not plain rows: a code of `xlsx_reader.rows`, and the row where that shows, or 0."""

    def __init__(self, code: str, row: int = 0):
        super().__init__(code)
        self.code = code
        self.row = row


def main() -> None:
    """Read standard input, answer on standard output."""
    _limit_ourselves()
    out = sys.stdout
    try:
        for number, cells in rows(sys.stdin.buffer.read()):
            out.write(json.dumps([number, cells]) + "\n")
        out.write('{"end": true}\n')
    except UnreadableWorkbook as unfit:
        out.write(json.dumps({"refused": unfit.code, "row": unfit.row}) + "\n")


def rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """(row number, cells as text) of the first sheet; empty rows between are kept, those at the end are not.

    Raises `UnreadableWorkbook`.
    """
    book = None
    try:
        _refuse_dangerous(data)
        # Late, since it takes longer than refusing what is dangerous.
        import openpyxl

        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
        yield from _without_trailing_empty(_sheet_rows(book))
    except UnreadableWorkbook:
        raise
    except MemoryError:
        raise UnreadableWorkbook("workbook_too_large") from None
    except Exception as broken:
        # openpyxl has no error of its own for a damaged part: what its XML or zip reading met comes through.
        raise UnreadableWorkbook("workbook_unreadable") from broken
    finally:
        if book is not None:
            book.close()


def _limit_ourselves() -> None:
    """Set the limits that the system offers: macOS has these calls and does not keep all of them."""
    import resource

    limits = {"RLIMIT_AS": MEMORY_BYTES, "RLIMIT_CPU": CPU_SECONDS, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0}
    for name, most in limits.items():
        try:
            resource.setrlimit(getattr(resource, name), (most, most))
        except (AttributeError, ValueError, OSError):
            continue


def _refuse_dangerous(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        listed = parts.infolist()
        names = [part.filename.lower() for part in listed]
        if len(listed) > MAX_PARTS or sum(part.file_size for part in listed) > MAX_UNPACKED_BYTES:
            raise UnreadableWorkbook("workbook_too_large")
        if any(_swells(part) for part in listed):
            raise UnreadableWorkbook("workbook_too_large")
        if any(_holds_macros(name) for name in names):
            raise UnreadableWorkbook("workbook_macros")
        for part in listed:
            if part.filename.lower().endswith((".xml", ".rels")):
                _refuse_part(parts, part)


def _swells(part: zipfile.ZipInfo) -> bool:
    return part.file_size > SMALL_BYTES and part.file_size > MAX_RATIO * max(part.compress_size, 1)


def _holds_macros(name: str) -> bool:
    return "printer" not in name and (name.endswith((".bin", ".xlm")) or "macrosheets/" in name)


def _refuse_part(parts: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """A DOCTYPE anywhere: spreadsheets never write one, attackers hide entity bombs in it. And more rows than
    any list has.

    zipfile never unpacks more than the directory states, so the bound above also holds here.
    """
    tail, row_count = b"", 0
    with parts.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            window = tail + chunk
            if any(mark in window for mark in _DOCTYPES):
                raise UnreadableWorkbook("workbook_unsafe")
            row_count += chunk.count(b"<row")
            if row_count > MAX_ROWS:
                raise UnreadableWorkbook("workbook_too_large")
            tail = window[-32:]


def _sheet_rows(book: Any) -> Iterator[tuple[int, list[str]]]:
    if not book.worksheets:
        raise UnreadableWorkbook("workbook_without_sheet")
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
    raise UnreadableWorkbook("workbook_formula", row)


def _without_trailing_empty(rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    empty: list[tuple[int, list[str]]] = []
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            empty.append((number, []))
            if len(empty) > MAX_EMPTY_ROWS:
                raise UnreadableWorkbook("workbook_empty_rows", empty[0][0])
            continue
        yield from empty
        empty.clear()
        yield number, cells


if __name__ == "__main__":
    main()
