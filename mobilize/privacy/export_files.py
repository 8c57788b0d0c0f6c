"""What stands in an exported file: a mark of who took it, headings, rows; CSV or XLSX."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from mobilize import clock
from mobilize.actions.models import Action
from mobilize.phones import shown
from mobilize.privacy.models import ExportFormat, ExportKind
from mobilize.turnout.chapter_report import ChapterReport
from mobilize.turnout.figures import Board
from mobilize.turnout.hours import Stretch, hours_of, named_hours
from mobilize.turnout.people import Named, who_came_and_who_did_not, who_stood
from mobilize.turnout.queries import board
from mobilize.turnout.spreadsheet import PEOPLE_HEADINGS, SITE_HEADINGS, people_rows, site_row

MIMETYPES = {
    ExportFormat.CSV: "text/csv",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ExportFormat.PDF: "application/pdf",
}
HOUR_HEADINGS = (
    "site_code", "site", "last_name", "first_name", "member_number", "place", "duty", "day", "came", "left",
    "left_said_by", "minutes", "minutes_of_member",
)  # fmt: skip
NAME_HEADINGS = ("site_code", "site", "last_name", "first_name", "came", "strength", "place")
# OWASP, "CSV Injection": also behind spaces, and in the full-width forms some spreadsheets accept.
_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")
# XML 1.0 knows no other control characters, and no name has any.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

Row = Sequence[Any]


def table_of(
    action: Action, seen: Board, kind: ExportKind, *, whole: bool = False
) -> tuple[Row, Iterator[Row]]:
    """(headings, rows) of the chapters in `seen`, which is already narrowed to somebody's scope. `whole`: of
    hours also those of members without a chapter here, for whoever sees everything."""
    if kind is ExportKind.COUNTS:
        return SITE_HEADINGS, (list(site_row(chapter).values()) for chapter in seen.chapters)
    if kind is ExportKind.HOURS:
        return HOUR_HEADINGS, _hours(
            action, {chapter.site_id: chapter.code for chapter in seen.chapters}, whole
        )
    phones = kind is ExportKind.PHONES
    return (*NAME_HEADINGS, *(["phone"] if phones else [])), _people(action, seen, phones=phones)


def table_of_chapter(report: ChapterReport) -> tuple[Row, Iterator[Row]]:
    """The same of one chapter's people, with when they came and whom to talk to first."""
    return PEOPLE_HEADINGS, people_rows([*report.came, *report.missing], report.next_talks)


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


def _hours(action: Action, codes: dict[UUID, str], whole: bool) -> Iterator[Row]:
    """One row for each time a member was there; times on the clock of the place."""
    for chapter in hours_of(action, None if whole else codes):
        code = codes.get(chapter.site_id, "") if chapter.site_id else ""
        for one in named_hours(chapter.members):
            who = [code, chapter.name, one.name.last, one.name.preferred or one.name.first, one.number]
            for stretch in one.hours.stretches:
                yield [*who, *_stretch(stretch), one.hours.minutes]


def _stretch(stretch: Stretch) -> Row:
    spell = stretch.spell
    came, left = (clock.local(at, stretch.tz) for at in (spell.from_at, spell.until_at))
    said = "checked out" if spell.said else "end of shift"
    moments = [f"{came:%Y-%m-%d}", f"{came:%H:%M}", f"{left:%H:%M}"]
    return [stretch.place, spell.duty.value, *moments, said, stretch.minutes]


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
    from openpyxl import Workbook  # 6 MB, for the few who ask for a workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Mobilize")
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(sheet: Any, value: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        cell.data_type = "s"
    return cell
