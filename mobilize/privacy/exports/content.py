"""The file of an export: made from what somebody may see now, with a mark that names them."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from mobilize.accounts.access.scope import Scope
from mobilize.accounts.models import Person
from mobilize.actions.models import Action
from mobilize.errors import Refused
from mobilize.languages import DEFAULT, _
from mobilize.privacy.exports.files import table_of, table_of_chapter, write_file
from mobilize.privacy.exports.programs import (
    ENDINGS,
    OSDI_TYPE,
    TellChapters,
    payroll_file,
    program_file,
    quietly,
    rows_of,
)
from mobilize.privacy.models import Export, ExportFormat, ExportKind
from mobilize.tabular import MIMETYPES, file_name
from mobilize.turnout.board.cache import board_for
from mobilize.turnout.figures.types import Board
from mobilize.turnout.reports.chapter import chapter_report_of
from mobilize.turnout.reports.tables import DRILL


@dataclass(frozen=True)
class ExportFile:
    """One exported file, as it leaves. `people`: its rows of phones; None where it has none."""

    name: str
    mimetype: str
    content: bytes
    people: int | None = None


def make_file(
    export: Export, person: Person, scope: Scope, now: datetime, tell: TellChapters = quietly
) -> ExportFile:
    """The file, if it were fetched now. Changes nothing. Refused: "export_spent" where there is nothing that
    they may see, also for phones when they are no organizer any more."""
    visible = visible_board(export.action, scope, export.site_id)
    if visible is None or (export.kind is not ExportKind.COUNTS and export.action.forgotten_at is not None):
        raise export_spent()
    if export.kind is ExportKind.PHONES and not scope.is_organizer:
        raise export_spent()
    drill = ["DRILL"] if export.action.drill else []
    content, people = _content(export, visible, _mark(export, person, now), scope, now, tell)
    name = file_name(
        *drill, export.action.name[DEFAULT], export.kind, now.strftime("%Y%m%d-%H%M"), person.name,
        _short(export), ending=ENDINGS.get(export.format, export.format),
    )  # fmt: skip
    return ExportFile(name, mimetype_of(export.format), content, people)


def visible_board(action: Action, scope: Scope, site_id: uuid.UUID | None) -> Board | None:
    """The board of an action, or of one chapter of it, in somebody's scope."""
    visible = board_for(action, scope)
    if visible is None or site_id is None:
        return visible
    chapter = visible.chapter(site_id)
    return replace(visible, chapters=(chapter,), no_site=None, others=None) if chapter else None


def mimetype_of(format: ExportFormat) -> str:
    """What a browser is told of a file in this format."""
    if format is ExportFormat.OSDI:
        return OSDI_TYPE
    return MIMETYPES.get(ENDINGS.get(format, format), "application/pdf")


def export_spent() -> Refused:
    """The refusal of every link that fetches nothing, whatever the reason."""
    return Refused(
        "export_spent",
        _("This file was downloaded already, or the link has expired. Ask for it again."),
        status=410,
    )


def _mark(export: Export, person: Person, now: datetime) -> str:
    """The first row of the file: who exported it, when and why; and that it is of a rehearsal, where it
    is."""
    when = now.strftime("%Y-%m-%d %H:%M UTC")
    mark = _("Exported by %(name)s, %(when)s, file %(id)s", name=person.name, when=when, id=_short(export))
    if export.reason:
        mark += f": {export.reason}"
    return f"{DRILL}. {mark}" if export.action.drill else mark


def _short(export: Export) -> str:
    return str(export.id)[-12:]


def _content(
    export: Export, visible: Board, mark: str, scope: Scope, now: datetime, tell: TellChapters
) -> tuple[bytes, int | None]:
    """The bytes, and how many rows of phones."""
    whole = scope.everything and export.site_id is None
    if export.format in ENDINGS:
        return _content_for_program(export, visible, mark, tell, whole=whole)
    if export.site_id is None or export.kind is not ExportKind.NAMES:
        headings, rows = table_of(export.action, visible, export.kind, tell, whole=whole)
        counted = list(rows)
        people = len(counted) if export.kind is ExportKind.PHONES else None
        return write_file(mark, headings, iter(counted), export.format), people
    report = chapter_report_of(export.action, export.site_id, now)
    if report is None:
        raise export_spent()
    if export.format is ExportFormat.PDF:
        return report.pdf(now, names=True, mark=mark), None
    return write_file(mark, *table_of_chapter(report), export.format), None


def _content_for_program(
    export: Export, visible: Board, mark: str, tell: TellChapters, *, whole: bool
) -> tuple[bytes, int | None]:
    if export.format is ExportFormat.PAYROLL:
        codes = {chapter.site_id: chapter.code for chapter in visible.chapters}
        return payroll_file(export.action, codes, mark, whole=whole), None
    phones = export.kind is ExportKind.PHONES
    rows = rows_of(export.action, visible, tell, phones=phones)
    return program_file(export.format, export.action, rows, mark), len(rows) if phones else None
