"""The content of exported files (CSV or XLSX): a mark that names who exported it, headings, rows."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from mobilize import clock
from mobilize.actions.models import Action
from mobilize.phones import format_phone
from mobilize.privacy.exports.programs import TellChapters, quietly
from mobilize.privacy.models import ExportFormat, ExportKind
from mobilize.tabular import Cell, Sheet, csv_file, xlsx_file
from mobilize.turnout.figures.people import NamedMember, people_of_each
from mobilize.turnout.figures.queries import board
from mobilize.turnout.figures.types import Board
from mobilize.turnout.hours.queries import HoursInterval, hours_of, named_hours
from mobilize.turnout.reports.chapter import ChapterReport
from mobilize.turnout.reports.tables import PEOPLE_HEADINGS, SITE_HEADINGS, people_rows, site_cells

HOUR_HEADINGS = (
    "site_code", "site", "last_name", "first_name", "member_number", "place", "duty", "day", "came", "left",
    "left_said_by", "minutes", "minutes_of_member",
)  # fmt: skip
NAME_HEADINGS = ("site_code", "site", "last_name", "first_name", "came", "strength", "place")


def table_of(
    action: Action, visible: Board, kind: ExportKind, tell: TellChapters = quietly, *, whole: bool = False
) -> tuple[Sequence[str], Iterator[Sequence[Cell]]]:
    """(headings, rows) of the chapters in `visible`, which is already narrowed to somebody's scope. `whole`:
    of hours also those of members without a chapter here, for whoever sees everything."""
    if kind is ExportKind.COUNTS:
        return SITE_HEADINGS, map(site_cells, visible.chapters)
    if kind is ExportKind.HOURS:
        return HOUR_HEADINGS, _hours(
            action, {chapter.site_id: chapter.code for chapter in visible.chapters}, whole
        )
    phones = kind is ExportKind.PHONES
    return (*NAME_HEADINGS, *(["phone"] if phones else [])), _people(action, visible, tell, phones=phones)


def table_of_chapter(report: ChapterReport) -> tuple[Sequence[str], Iterator[Sequence[Cell]]]:
    """(headings, rows) of one chapter's people, with when they came and whom to talk to first."""
    return PEOPLE_HEADINGS, people_rows([*report.came, *report.missing], report.next_talks)


def write_file(
    mark: str, headings: Sequence[str], rows: Iterator[Sequence[Cell]], format: ExportFormat
) -> bytes:
    """The bytes of the file; its first row is the mark."""
    sheet = Sheet("Mobilize", headings, rows, mark)
    return xlsx_file([sheet]) if format is ExportFormat.XLSX else csv_file(sheet)


def _people(action: Action, visible: Board, tell: TellChapters, *, phones: bool) -> Iterator[Sequence[Cell]]:
    each = people_of_each(action, visible.chapters, board(action))
    for n, (chapter, came, missing) in enumerate(each, start=1):
        tell(n, len(visible.chapters))
        for person in (*came, *missing):
            row = [chapter.code, chapter.name, *_person(person)]
            yield [*row, format_phone(person.phone) if person.phone else ""] if phones else row


def _hours(action: Action, codes: dict[UUID, str], whole: bool) -> Iterator[Sequence[Cell]]:
    """One row for each stretch of a member's hours; times on the clock of the place."""
    for chapter in hours_of(action, None if whole else codes):
        code = codes.get(chapter.site_id, "") if chapter.site_id else ""
        for one in named_hours(chapter.members):
            who = [code, chapter.name, one.name.last, one.name.preferred or one.name.first, one.number]
            for stretch in one.hours.stretches:
                yield [*who, *_stretch(stretch), one.hours.minutes]


def _stretch(stretch: HoursInterval) -> Sequence[Cell]:
    spell = stretch.spell
    came, left = (clock.local(at, stretch.tz) for at in (spell.from_at, spell.until_at))
    left_by = "checked out" if spell.is_reported else "end of shift"
    moments = [f"{came:%Y-%m-%d}", f"{came:%H:%M}", f"{left:%H:%M}"]
    return [stretch.place, spell.duty.value, *moments, left_by, stretch.minutes]


def _person(person: NamedMember) -> Sequence[Cell]:
    name, stood = person.name, person.stood
    who = [name.last, name.preferred or name.first]
    return [*who, "yes", stood.tier.value, stood.elsewhere or ""] if stood else [*who, "no", "", ""]
