"""Uploaded tables (CSV, XLSX): headings and numbered records, whatever they mean."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.uploads import xlsx_reader

MAX_BYTES = 25_000_000
# The whole request: the file, and what a form says beside it.
LARGEST_UPLOAD = MAX_BYTES + 1_000_000
MAX_COLUMNS = 200
MAX_RECORDS = 300_000
DELIMITERS = (",", ";", "\t")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SAMPLE = 65_536


@dataclass(frozen=True, slots=True)
class UploadedRecord:
    """`number` counts records from 1 after the headings; `line` is where it starts in the file."""

    number: int
    line: int
    cells: list[str]

    @property
    def is_empty(self) -> bool:
        return not any(cell.strip() for cell in self.cells)


@dataclass(frozen=True)
class UploadedTable:
    """`records` can be walked once. A blank line is a record; cells are as written, never interpreted."""

    header: list[str]
    records: Iterator[UploadedRecord]


def open_table(data: bytes) -> UploadedTable:
    """Read CSV (comma, semicolon, tab; UTF-8, UTF-16, Windows-1252, Latin-1) or XLSX, told apart by content.

    Raises `Refused`, here or while the records are walked: empty_file, file_too_large, not_a_table,
    broken_quotes, too_many_columns, too_many_records, and the codes of `xlsx_reader.rows`.
    """
    if len(data) > MAX_BYTES:
        raise Refused("file_too_large", _("This file is larger than 25 MB. Split it and import the parts."))
    if xlsx_reader.is_workbook(data):
        return _squared(_table(_bounded(xlsx_reader.rows(data))))
    return _table(_bounded(_text_rows(decode(data))))


class RecordCounters(Protocol):
    """The counters of a reading: see `whole_records`."""

    records: int
    skipped: Counter[str]

    @property
    def rejected(self) -> list[Any]: ...


def whole_records(table: UploadedTable, counting: RecordCounters, malformed: Any) -> Iterator[UploadedRecord]:
    """The records with one cell per heading. Blank ones and repeated headings are counted as skipped; one
    cell too many or too few is rejected as `malformed`."""
    for record in table.records:
        counting.records += 1
        if record.is_empty:
            counting.skipped["empty"] += 1
        elif record.cells == table.header:
            counting.skipped["repeated_header"] += 1
        elif len(record.cells) != len(table.header):
            counting.rejected.append((record.number, record.line, malformed))
        else:
            yield record


def decode(data: bytes) -> str:
    """The text of a file of unknown encoding, without NULs."""
    if data.startswith(_UTF16_MARKS):
        text = data.decode("utf-16", errors="replace")
    else:
        _refuse_binary(data)
        text = _decode_bytes(data)
    return text.replace("\0", "")


def _decode_bytes(data: bytes) -> str:
    for encoding in ("utf-8-sig", _silent_utf16(data), "cp1252"):
        if encoding:
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                continue
    return data.decode("latin-1")


def _silent_utf16(data: bytes) -> str | None:
    """UTF-16 without a mark: every second byte of mostly Western text is NUL."""
    sample = data[:_SAMPLE]
    for nul_first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if sample[nul_first::2].count(0) * 10 > len(sample) * 3:
            return encoding
    return None


def _refuse_binary(data: bytes) -> None:
    sample = data[:_SAMPLE]
    odd = sum(sample.count(byte) for byte in range(32) if byte not in b"\0\t\n\r")
    program = data.startswith((b"MZ", b"\x7fELF", b"%PDF", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b"))
    if program or odd * 100 > len(sample):
        raise Refused(
            "not_a_table",
            _("This is not a table, whatever its name says. Save it as CSV UTF-8 or .xlsx and choose that."),
        )


def _text_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error:
        raise Refused(
            "broken_quotes",
            _(
                "From line %(line)s on the quotation marks do not close. "
                "Open the file in a spreadsheet, save it as CSV UTF-8 again and choose that file.",
                line=line,
            ),
        ) from None


def _delimiter(text: str) -> str:
    """The one that splits the first written record into the most cells, quotes respected."""
    return max(DELIMITERS, key=lambda mark: _cells_of_first_record(text[:_SAMPLE], mark))


def _cells_of_first_record(text: str, delimiter: str) -> int:
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if any(cell.strip() for cell in cells):
                return len(cells)
    except csv.Error:
        return 0
    return 0


def _bounded(rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    for count, (line, cells) in enumerate(rows):
        if len(cells) > MAX_COLUMNS:
            raise Refused(
                "too_many_columns",
                _("Line %(line)s has more than %(most)s columns. Delete the ones that are not needed.")
                % {"line": line, "most": MAX_COLUMNS},
            )
        if count > MAX_RECORDS:
            raise Refused(
                "too_many_records",
                _("This file has more than %(most)s lines. Split it and import the parts.", most=MAX_RECORDS),
            )
        yield line, cells


def _table(rows: Iterator[tuple[int, list[str]]]) -> UploadedTable:
    for _line, cells in rows:
        if any(cell.strip() for cell in cells):
            return UploadedTable(header=cells, records=_numbered(rows))
    raise Refused("empty_file", _("This file is empty. Choose the one that has the list in it."))


def _numbered(rows: Iterator[tuple[int, list[str]]]) -> Iterator[UploadedRecord]:
    for number, (line, cells) in enumerate(rows, start=1):
        yield UploadedRecord(number, line, cells)


def _squared(table: UploadedTable) -> UploadedTable:
    """A sheet stores no empty cells at the end of a row: give every row the width of the headings back."""
    header = _without_trailing_empty(table.header)
    records = (UploadedRecord(r.number, r.line, _widened(r.cells, len(header))) for r in table.records)
    return UploadedTable(header, records)


def _widened(cells: list[str], width: int) -> list[str]:
    written = _without_trailing_empty(cells)
    return written + [""] * (width - len(written))


def _without_trailing_empty(cells: list[str]) -> list[str]:
    width = max((place for place, cell in enumerate(cells, start=1) if cell.strip()), default=0)
    return cells[:width]
