"""Small invented rosters and site lists. Phones are 555-01xx, which nobody has."""

import csv
import io
import uuid
from collections.abc import Iterable
from typing import Any

import openpyxl

from mobilize.roster.imports.reading.site_matcher import KnownSite, SiteDirectory

HEADER = [
    "Employee No", "Last Name", "First Name", "Preferred Name", "Cell Phone", "Phone Type", "Email",
    "Language", "Area", "CDS Code", "School Name", "Site 2 CDS", "Member Status", "Role", "Text Opt-Out",
    "Notes",
]  # fmt: skip
MAPLE, BIRCH, CEDAR = "19999990000001", "19999990000002", "19999990000003"
SITES_HEADER = ["cds_code", "name", "area", "represented", "street", "city", "zip", "lat", "lon"]
SITES = [
    [
        MAPLE,
        "Maple Street Elementary",
        "North",
        "1",
        "1 Maple St",
        "Springfield",
        "90001",
        "34.05",
        "-118.25",
    ],
    [BIRCH, "Birch Middle", "Harbor", "1", "2 Birch Ave", "Springfield", "90002", "33.80", "-118.30"],
    [CEDAR, "Cedar Peña High", "North", "0", "3 Cedar Rd", "Springfield", "90003", "", ""],
]
# What can be wrong with a table before its rows are looked at.
NO_TABLE = {
    "empty_file",
    "not_a_table",
    "broken_quotes",
    "too_many_columns",
    "repeated_heading",
    "missing_column",
}


def member(number: str = "00000101", last: str = "Reyes", first: str = "Mia", **cells: str) -> list[str]:
    """One roster row; `cells` by short names: phone, kind, email, language, area, code, school, second,
    status, role, out, notes, preferred."""
    fields = {
        "phone": "(213) 555-0101", "email": "m@example.org", "language": "English", "code": MAPLE,
        "status": "Active", **cells,
    }  # fmt: skip
    order = (
        "preferred", "phone", "kind", "email", "language", "area", "code", "school", "second", "status",
        "role", "out", "notes",
    )  # fmt: skip
    return [number, last, first, *(fields.get(name, "") for name in order)]


def roster(
    *rows: list[str], header: list[str] | None = None, encoding: str = "utf-8-sig", **how: Any
) -> bytes:
    return csv_bytes([HEADER if header is None else header, *rows], encoding, **how)


def site_list(*rows: list[str]) -> bytes:
    return csv_bytes([SITES_HEADER, *(rows or SITES)])


def csv_bytes(rows: Iterable[list[str]], encoding: str = "utf-8", **how: Any) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, **{"lineterminator": "\r\n", **how}).writerows(rows)
    return out.getvalue().encode(encoding)


def workbook(rows: Iterable[list[Any]], also: Any = None) -> bytes:
    """An .xlsx with these rows; `also(sheet)` may do more to it."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if also:
        also(book.active)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def site_book() -> SiteDirectory:
    return SiteDirectory(KnownSite(uuid.uuid4(), row[0], row[1], row[2]) for row in SITES)
