"""Refused lines of a roster as a file, with why: to be mended, and read again with the rest."""

from collections.abc import Sequence

from mobilize.jobs.files import NamedFile
from mobilize.languages import LANGUAGES, N_, say_in
from mobilize.languages import language as readers
from mobilize.roster.imports.reading.roster_rows import Reason, reason_text
from mobilize.roster.names import fold
from mobilize.roster.uploads import xlsx_reader
from mobilize.roster.uploads.uploaded_table import open_table
from mobilize.tabular import Sheet, csv_file, xlsx_file

HEADING = N_("Why it was refused")


def is_of_refused_lines(header: Sequence[str]) -> bool:
    """Whether a file with these headings was made here."""
    headings = {fold(say_in(code, HEADING)) for code in LANGUAGES}
    return any(fold(text) in headings for text in header)


def file_of_refused_lines(data: bytes, rejected: Sequence[tuple[int, int, Reason]]) -> NamedFile:
    """The refused lines of a file, CSV or XLSX as it was, in the language of whoever chose it. Why stands
    first: a line may have a cell too many. A file that was mended keeps one such column."""
    why = {number: reason for number, _line, reason in rejected}
    table = open_table(data)
    kept = [at for at, text in enumerate(table.header) if not is_of_refused_lines([text])]
    # A cell too many stands behind the last heading.
    rows = (
        [reason_text(why[one.number]), *_of(one.cells, kept, len(table.header))]
        for one in table.records
        if one.number in why
    )
    sheet = Sheet("Mobilize", [say_in(readers(), HEADING), *_of(table.header, kept, len(table.header))], rows)
    is_workbook = xlsx_reader.is_workbook(data)
    content = xlsx_file([sheet]) if is_workbook else csv_file(sheet)
    return NamedFile("refused-lines" + (".xlsx" if is_workbook else ".csv"), content)


def _of(cells: Sequence[str], places: Sequence[int], width: int) -> list[str]:
    return [cells[at] for at in places if at < len(cells)] + list(cells[width:])
