"""The yearly list of chairs as a file: site, role, name, phone, one chair a line."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mobilize.accounts.models import RoleName
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.phones import normalize
from mobilize.roster.imports.operations import site_book
from mobilize.roster.imports.reading.column_mapping import ROSTER, Headings, place_columns
from mobilize.roster.imports.reading.site_matcher import KnownSite, SiteDirectory
from mobilize.roster.imports.reading.synonyms import ROLES, by_spelling, clean
from mobilize.roster.names import fold
from mobilize.roster.uploads.uploaded_table import UploadedRecord, open_table

COLUMNS: Headings = {
    "site": ("Site Code", *ROSTER["site"]),
    "site_name": ("Site", *ROSTER["site_name"]),
    "role": ("Role", "Position", "Office"),
    "name": ("Name", "Full Name", "Chair"),
    "first": ROSTER["first"],
    "last": ROSTER["last"],
    "phone": ("Phone", *ROSTER["phone"]),
}
NEEDED = (("site", "site_name"), ("role",), ("name", "last"), ("phone",))
_ROLES = {"Chapter Chair": RoleName.CHAIR, "Co-Chair": RoleName.COCHAIR, "Vice Chair": RoleName.VICE_CHAIR}
_SPELLINGS = {
    **by_spelling({name: ROLES[name] for name in _ROLES}),
    "cochair": "Co-Chair",
    "vice": "Vice Chair",
}
_LONGEST_NAME = 120


@dataclass(frozen=True)
class ChairRow:
    """One line of the list. `phone` is E.164, or None when the cell was empty."""

    line: int
    site_id: uuid.UUID
    role: RoleName
    name: str
    phone: str | None


@dataclass
class ChairList:
    """The parsed list. `problems` are (line, what is wrong and what to do about it); a refused line leaves
    the chairs of its site (`unclear`) as they are, since the list of that site is not whole."""

    rows: list[ChairRow] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)
    unclear: set[uuid.UUID] = field(default_factory=set)


def check_chairs(data: bytes) -> None:
    """Raises `Refused` where `read_chairs` would because of the headings; the lines are not read."""
    place_columns(open_table(data).header, COLUMNS, NEEDED)


def read_chairs(data: bytes) -> ChairList:
    """Read CSV or XLSX bytes. Raises `Refused` when the file as a whole cannot be read (`open_table`,
    `place_columns`), or has no rows ("no_chairs")."""
    table = open_table(data)
    places = place_columns(table.header, COLUMNS, NEEDED)
    chair_list, book = ChairList(), site_book()
    for record in table.records:
        if not record.is_empty:
            _read(record, places, book, chair_list)
    _refuse_one_number_for_two(chair_list)
    if not chair_list.rows and not chair_list.problems:
        raise Refused("no_chairs", _("This list has headings and no chairs."))
    return chair_list


def same_name(one: str, other: str) -> bool:
    """Whether these two could be one person's name: they share a word of three letters or more."""
    return bool(_words(one) & _words(other)) or fold(one) == fold(other)


def _read(
    record: UploadedRecord, places: Mapping[str, int], book: SiteDirectory, chair_list: ChairList
) -> None:
    cells = {name: clean(record.cells[at]) if at < len(record.cells) else "" for name, at in places.items()}
    site = _site(cells, book)
    if site is None:
        chair_list.problems.append((record.line, _unknown_site(cells, book)))
        return
    problem = _problem(record, cells)
    if problem:
        chair_list.problems.append((record.line, problem))
        chair_list.unclear.add(site.id)
        return
    role = _ROLES[_SPELLINGS[fold(cells["role"])]]
    row = ChairRow(record.line, site.id, role, _name(cells), normalize(cells["phone"]).phone)
    if not any(_same(row, before) for before in chair_list.rows):
        chair_list.rows.append(row)


def _site(cells: Mapping[str, str], book: SiteDirectory) -> KnownSite | None:
    """The site by code or name, in whichever column: people write a code under "Site" as well."""
    code, name = cells.get("site", ""), cells.get("site_name", "")
    return book.find(code, name) or book.find(name, code)


def _unknown_site(cells: Mapping[str, str], book: SiteDirectory) -> str:
    typed = cells.get("site_name") or cells.get("site") or ""
    near = " · ".join(f"{site.name} ({site.code})" for site in book.nearest(typed))
    if not near:
        return _("No site has this name or code. Write its code as in the list of sites.")
    return _("No site has this name or code. Nearest: %(near)s. Write the code.", near=near)


def _problem(record: UploadedRecord, cells: Mapping[str, str]) -> str | None:
    reading = normalize(cells["phone"])
    if not _name(cells):
        return _("There is no name. Write first and last name.")
    if fold(cells["role"]) not in _SPELLINGS:
        return _("The role is none we know. Write chair, co-chair or vice chair.")
    if reading.problem == "bad_phone" or reading.extension:
        return _("The number cannot be texted. Write their mobile number with area code, 10 digits.")
    return None


def _name(cells: Mapping[str, str]) -> str:
    name = cells.get("name") or f"{cells.get('first', '')} {cells.get('last', '')}"
    return " ".join(name.split())[:_LONGEST_NAME]


def _same(row: ChairRow, before: ChairRow) -> bool:
    return (row.site_id, row.role, row.phone, fold(row.name)) == (
        before.site_id,
        before.role,
        before.phone,
        fold(before.name),
    )


def _refuse_one_number_for_two(chair_list: ChairList) -> None:
    first: dict[str, ChairRow] = {}
    refused = [
        row for row in chair_list.rows if row.phone and not _fits(row, first.setdefault(row.phone, row))
    ]
    for row in refused:
        line = first[str(row.phone)].line
        message = _("The same number is on line %(line)s under another name. Correct one of them.", line=line)
        chair_list.problems.append((row.line, message))
        chair_list.unclear.add(row.site_id)
    chair_list.rows = [row for row in chair_list.rows if row not in refused]


def _fits(row: ChairRow, before: ChairRow) -> bool:
    return same_name(row.name, before.name)


def _words(name: str) -> set[str]:
    return {fold(word) for word in _split(name) if len(fold(word)) >= 3}


def _split(name: str) -> Sequence[str]:
    return name.replace("-", " ").replace(",", " ").split()
