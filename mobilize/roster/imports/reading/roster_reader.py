"""Reader of a roster file: its members, and counts of records imported, merged, refused or skipped.

This is the import contract: the rules are in `roster_rows`, the counting is here. Nothing is written. Lines
that were refused, and mended in a file of their own (`refused_lines`), are read after the others.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.imports.reading.column_mapping import (
    ROSTER,
    ROSTER_NEEDS,
    place_columns,
    unused_headings,
)
from mobilize.roster.imports.reading.roster_rows import MemberRow, Reason, read_row
from mobilize.roster.imports.reading.site_matcher import SiteDirectory
from mobilize.roster.imports.reading.synonyms import clean, looks_misread
from mobilize.roster.imports.refused_lines import is_of_refused_lines
from mobilize.roster.uploads.uploaded_table import UploadedRecord, UploadedTable, open_table, whole_records
from mobilize.tabular import unguarded

CellHashes = dict[str, set[int]]
Recall = Callable[[Sequence[str]], Mapping[str, str]]
TELL_EVERY = 500
MERGED = ("exact", "same_person", "site_added")
SKIPPED = ("empty", "repeated_header")
ALWAYS_COUNTED = tuple(reason for reason in Reason if reason is not Reason.UNKNOWN_STATUS)


@dataclass
class RosterReading:
    """`members` by eight-digit number, in the file's order. `rejected` holds (record, line, reason)."""

    header: list[str]
    fields: frozenset[str]
    unused: list[str]
    records: int = 0
    members: dict[str, MemberRow] = field(default_factory=dict)
    merged: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    rejected: list[tuple[int, int, Reason]] = field(default_factory=list)
    recalled: bool = False


def read_roster(
    data: bytes,
    book: SiteDirectory,
    chosen: Mapping[str, str] | None = None,
    recall: Recall | None = None,
    *,
    recall_places: Recall | None = None,
    mended: Sequence[bytes] = (),
    tell: Callable[[int], None] | None = None,
) -> RosterReading:
    """Read CSV or XLSX bytes by the import contract. `chosen` is the mapping screen's heading -> field; where
    nothing was chosen, `recall` says what was before of a file with these headings; `recall_places` the same
    of places that are in no list.

    `mended` are files of refused lines, each with those of the one before it. `tell(records)` is called with
    the progress. Raises `Refused` when a file as a whole cannot be read (`open_table`, `place_columns`), and
    mended_lines for such a file where a whole roster is expected.
    """
    table = open_table(data)
    recalled, places = _places(table, chosen, recall)
    if recall_places:
        book.choose(recall_places(table.header))
    reading = RosterReading(
        [clean(text) for text in table.header], frozenset(places), unused_headings(table.header, places)
    )
    reading.recalled = bool(recalled)
    hashes: CellHashes = {}
    _read_records(reading, table, places, book, hashes, tell)
    for part in mended:
        table = _unguarded(open_table(part))
        places = place_columns(table.header, ROSTER, ROSTER_NEEDS, chosen or recalled)
        reading.records -= len(reading.rejected)
        reading.rejected.clear()
        _read_records(reading, table, places, book, hashes, tell)
    return reading


def check_roster_headings(data: bytes, chosen: Mapping[str, str] | None, recall: Recall) -> None:
    """Raises `Refused` where `read_roster` would because of the headings; the lines are not read."""
    _places(open_table(data), chosen, recall)


def _places(
    table: UploadedTable, chosen: Mapping[str, str] | None, recall: Recall | None
) -> tuple[Mapping[str, str], dict[str, int]]:
    """What was recalled of the columns, and where each field stands."""
    if is_of_refused_lines(table.header):
        message = _(
            "These are refused lines of another file, not a whole roster. Add them on the page of that file."
        )
        raise Refused("mended_lines", message)
    recalled = recall(table.header) if recall and not chosen else {}
    return recalled, place_columns(table.header, ROSTER, ROSTER_NEEDS, chosen or recalled)


def _unguarded(table: UploadedTable) -> UploadedTable:
    records = (replace(one, cells=[unguarded(cell) for cell in one.cells]) for one in table.records)
    return UploadedTable(table.header, records)


def _read_records(
    reading: RosterReading,
    table: UploadedTable,
    places: Mapping[str, int],
    book: SiteDirectory,
    hashes: CellHashes,
    tell: Callable[[int], None] | None,
) -> None:
    for record in whole_records(table, reading, Reason.MALFORMED_ROW):
        row = read_row(record.cells, places, book, record.number, record.line)
        if isinstance(row, Reason):
            reading.rejected.append((record.number, record.line, row))
        else:
            _add(reading, hashes, row, record)
        if tell and reading.records % TELL_EVERY == 0:
            tell(reading.records)


def _add(reading: RosterReading, hashes: CellHashes, row: MemberRow, record: UploadedRecord) -> None:
    first = reading.members.get(row.number)
    if first is None:
        reading.members[row.number] = row
        hashes[row.number] = {hash(tuple(record.cells))}
    elif first.identity != row.identity:
        reading.rejected.append((record.number, record.line, Reason.EMPLOYEE_NO_CONFLICT))
    else:
        cells = hash(tuple(record.cells))
        reading.merged[_kind_of_merge(first, row, cells in hashes[row.number])] += 1
        hashes[row.number].add(cells)
        _merge(first, row)


def _kind_of_merge(first: MemberRow, row: MemberRow, same_cells: bool) -> str:
    if any(site not in first.sites for site in row.sites):
        return "site_added"
    return "exact" if same_cells else "same_person"


def _merge(first: MemberRow, row: MemberRow) -> None:
    """The first written value of a field wins; sites add up; an opt-out in any record wins."""
    first.sites += [site for site in row.sites if site not in first.sites]
    first.opt_out |= row.opt_out
    first.urgent_ok |= row.urgent_ok
    first.email_ok |= row.email_ok
    if not first.phone_cell and row.phone_cell:
        first.phone, first.phone_cell, first.extension = row.phone, row.phone_cell, row.extension
    first.preferred = first.preferred or row.preferred
    first.phone_kind = first.phone_kind or row.phone_kind
    first.language = first.language or row.language
    first.area = first.area or row.area
    first.role = first.role or row.role


def account(reading: RosterReading) -> dict[str, Any]:
    """The counts as machines read them; the same keys as the expected file that comes with a test roster."""
    rejected = Counter(reason for _record, _line, reason in reading.rejected)
    reasons = [reason for reason in Reason if reason in ALWAYS_COUNTED or rejected[reason]]
    return {
        "header": reading.header,
        "records_after_header": reading.records,
        "imported": len(reading.members),
        "merged": {kind: reading.merged[kind] for kind in MERGED},
        "merged_total": reading.merged.total(),
        "rejected": {reason.value: rejected[reason] for reason in reasons},
        "rejected_total": rejected.total(),
        "skipped": {kind: reading.skipped[kind] for kind in SKIPPED},
        "members": _count_members(list(reading.members.values())),
        "warnings": {kind: len(rows) for kind, rows in warned(reading).items()} | _shared_phones(reading),
        "largest_chapters": _largest_chapters(reading),
        "rejected_records": [[record, reason.value] for record, _line, reason in reading.rejected],
    }


def warned(reading: RosterReading) -> dict[str, list[MemberRow]]:
    """The imported members whose record somebody should look at, by kind of doubt."""
    by_doubt: dict[str, list[MemberRow]] = {kind: [] for kind in _DOUBTS}
    for row in reading.members.values():
        for kind, applies in _DOUBTS.items():
            if applies(row):
                by_doubt[kind].append(row)
    return {kind: rows for kind, rows in by_doubt.items() if rows or kind not in _RARE_DOUBTS}


_DOUBTS = {
    "no_phone": lambda row: not row.phone_cell,
    "bad_phone": lambda row: bool(row.phone_cell) and row.phone is None,
    "phone_extension": lambda row: row.extension,
    "no_or_bad_email": lambda row: not row.email_ok,
    "partial_name": lambda row: not row.first or not row.last,
    "suspected_mojibake": lambda row: looks_misread(row.last),
    "site_unresolved": lambda row: bool(row.gave_site) and not row.sites,
    "area_differs_from_site": lambda row: bool(row.sites) and row.area not in (None, row.sites[0].area),
    "more_than_two_sites": lambda row: len(row.sites) > 2,
}
_RARE_DOUBTS = ("more_than_two_sites",)


def _shared_phones(reading: RosterReading) -> dict[str, int]:
    times = Counter(row.phone for row in reading.members.values() if row.phone)
    shared = [count for count in times.values() if count > 1]
    return {"shared_phone_numbers": len(shared), "shared_phone_members": sum(shared)}


def _count_members(rows: list[MemberRow]) -> dict[str, Any]:
    return {
        "by_status": _sorted_count(row.status for row in rows),
        "by_language": _sorted_count(row.language or "en" for row in rows),
        "by_area_of_first_site": _sorted_count(row.sites[0].area for row in rows if row.sites),
        "with_one_site": sum(len(row.sites) == 1 for row in rows),
        "with_two_sites": sum(len(row.sites) == 2 for row in rows),
        "without_site": sum(not row.sites for row in rows),
        "with_phone": sum(row.phone is not None for row in rows),
        "opted_out": sum(row.opt_out for row in rows),
        "textable": sum(row.textable for row in rows),
        "chapter_chairs": sum(row.role == "Chapter Chair" for row in rows),
        "cat": sum(row.role == "CAT" for row in rows),
        "sites_with_members": len({row.sites[0].code for row in rows if row.sites}),
    }


def _sorted_count(words: Iterator[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _largest_chapters(reading: RosterReading) -> list[dict[str, Any]]:
    sizes = Counter(row.sites[0] for row in reading.members.values() if row.sites)
    largest = sorted(sizes.items(), key=lambda item: (-item[1], item[0].code))[:5]
    return [{"cds": site.code, "name": site.name, "members": size} for site, size in largest]
