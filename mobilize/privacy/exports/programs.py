"""Attendance and hours as other programs read them: one row for each who came, under the headings they know.

Nobody's e-mail is held here: what joins a row to somebody there is the member number, and the phone where the
export has phones. These files have no row above their headings; who took them stands in the last column.

What the headings follow, as far as it is public; none was tried with an account of that program:
- OSDI 1.2: its specification, `attendances.md` and `people.md` of github.com/opensupporter/osdi-docs. A phone
  number has its country code and nothing but digits.
- VAN or EveryAction: the words of an event signup (docs.ngpvan.com, "Event Signups", common models: person,
  event, role, status, location). The headings of its bulk upload are not public: they are mapped by hand, as
  are the names of roles and statuses, which each committee chooses.
- Action Network: help.actionnetwork.org, "File formats for list uploads": headings that are named like its
  fields are matched by themselves, any other becomes a field of one's own. It finds people by e-mail address
  or mobile number, so a file without phones finds nobody.
- Action Builder: actionbuilder.zendesk.com, "Entity Uploads": the headings there; the type of a phone is
  `Cell`. The column of the action is mapped to a field and its answer.
- Broadstripes: help.broadstripes.com, "Import a spreadsheet", "Events", "External systems". The column of
  the action is a step of an event; the number belongs to an external system, which is chosen there. How
  its own columns are headed is not public.
- NationBuilder: support.nationbuilder.com, "Fields available for import": these fields and no other. A day is
  none of them, so it stands in the tag.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from mobilize import clock, settings
from mobilize.actions.models import Action
from mobilize.database import db
from mobilize.languages import DEFAULT
from mobilize.phones import format_phone
from mobilize.privacy.models import ExportFormat
from mobilize.roster.models import Member
from mobilize.roster.names import PersonName
from mobilize.tabular import Cell, Sheet, csv_text
from mobilize.turnout.figures.people import in_parts, people_of_each
from mobilize.turnout.figures.queries import board
from mobilize.turnout.figures.types import Board
from mobilize.turnout.hours.queries import hours_of, named_hours

ATTENDANCE = (
    ExportFormat.OSDI,
    ExportFormat.VAN,
    ExportFormat.ACTION_NETWORK,
    ExportFormat.ACTION_BUILDER,
    ExportFormat.BROADSTRIPES,
    ExportFormat.NATIONBUILDER,
)
HOURS = (ExportFormat.PAYROLL,)
ENDINGS = {ExportFormat.OSDI: "json", **dict.fromkeys((*ATTENDANCE[1:], *HOURS), "csv")}
OSDI_TYPE = "application/hal+json"
_OSDI_RELATIONS = "https://opensupporter.github.io/osdi-docs/{rel}.html"

# Is told how many chapters of how many are read.
TellChapters = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class AttendedRow:
    """Somebody who came: `phone` is empty where the export has none; `at` is on the clock of the union."""

    member_id: UUID
    number: str
    name: PersonName
    phone: str
    site_code: str
    site: str
    place: str
    strength: str
    at: datetime

    @property
    def first(self) -> str:
        return self.name.preferred or self.name.first


def quietly(_done: int, _of: int) -> None:
    """The `TellChapters` of what nobody follows."""


def rows_of(
    action: Action, visible: Board, tell: TellChapters = quietly, *, phones: bool
) -> list[AttendedRow]:
    """Those who came of the chapters in `visible`, which is already narrowed to somebody's scope."""
    rows = []
    each = people_of_each(action, visible.chapters, board(action))
    for n, (chapter, came, _missing) in enumerate(each, start=1):
        tell(n, len(visible.chapters))
        numbers = _numbers([person.member_id for person in came])
        for person in came:
            if person.stood is None or person.member_id not in numbers:
                continue
            rows.append(
                AttendedRow(
                    member_id=person.member_id,
                    number=numbers[person.member_id],
                    name=person.name,
                    phone=person.phone or "" if phones else "",
                    site_code=chapter.code,
                    site=chapter.name,
                    place=person.stood.elsewhere or chapter.name,
                    strength=person.stood.tier.value,
                    at=clock.local(person.stood.first_at, settings().union_timezone),
                )
            )
    return rows


def program_file(format: ExportFormat, action: Action, rows: Sequence[AttendedRow], mark: str) -> bytes:
    """The bytes for one of `ATTENDANCE`."""
    if format is ExportFormat.OSDI:
        return _osdi(action, rows, mark)
    headings, cells = _COLUMNS[format]
    name = action.name[DEFAULT]
    return _csv([*headings(name), "Source"], ([*cells(name, row), mark] for row in rows))


def payroll_file(action: Action, codes: dict[UUID, str], mark: str, *, whole: bool) -> bytes:
    """Shifts and hours, a row for each stretch: hours with two decimals, times on the clock of the place."""
    headings = (
        "Employee ID", "Last Name", "First Name", "Work Date", "Time In", "Time Out", "Hours", "Pay Code",
        "Location", "Site Code", "Source",
    )  # fmt: skip
    return _csv(headings, _payroll(action, codes, mark, whole))


def _payroll(action: Action, codes: dict[UUID, str], mark: str, whole: bool) -> Iterator[Sequence[Cell]]:
    for chapter in hours_of(action, None if whole else codes):
        code = codes.get(chapter.site_id, "") if chapter.site_id else ""
        for one in named_hours(chapter.members):
            who = [one.number, one.name.last, one.name.preferred or one.name.first]
            for stretch in one.hours.stretches:
                came, left = (
                    clock.local(at, stretch.tz) for at in (stretch.counts_from, stretch.counts_until)
                )
                times = [f"{came:%Y-%m-%d}", f"{came:%H:%M}", f"{left:%H:%M}", f"{stretch.minutes / 60:.2f}"]
                yield [*who, *times, stretch.spell.duty.value, stretch.place, code, mark]


def _csv(headings: Sequence[str], rows: Iterator[Sequence[Cell]]) -> bytes:
    """Without a byte order mark, which these programs take for a letter of the first heading."""
    return csv_text(Sheet("Mobilize", headings, rows)).encode()


def _numbers(member_ids: Sequence[UUID]) -> dict[UUID, str]:
    numbers: dict[UUID, str] = {}
    for some in in_parts(set(member_ids)):
        rows = db.session.scalars(select(Member).where(Member.id.in_(some), Member.erased_at.is_(None)))
        numbers |= {member.id: member.number or "" for member in rows}
    return numbers


def _van(name: str, row: AttendedRow) -> list[Cell]:
    who = [row.number, row.first, row.name.last, _phone(row)]
    return [*who, name, f"{row.at:%Y-%m-%d}", f"{row.at:%H:%M}", row.place, "Participant", "Completed"]


def _action_network(name: str, row: AttendedRow) -> list[Cell]:
    return [row.first, row.name.last, _phone(row), row.number, row.site, name, f"{row.at:%Y-%m-%d}"]


def _action_builder(name: str, row: AttendedRow) -> list[Cell]:
    kind = "Cell" if row.phone else ""
    return [row.number, row.first, row.name.last, _phone(row), kind, "Attended", f"{row.at:%Y-%m-%d}"]


def _broadstripes(name: str, row: AttendedRow) -> list[Cell]:
    return [row.number, row.first, row.name.last, _phone(row), row.site, "Yes", f"{row.at:%Y-%m-%d}"]


def _nationbuilder(name: str, row: AttendedRow) -> list[Cell]:
    # Commas part one tag from the next.
    tag = f"Attended: {' '.join(name.replace(',', ' ').split())} {row.at:%Y-%m-%d}"
    return [row.number, row.first, row.name.last, _phone(row), row.site, tag]


_Columns = tuple[Callable[[str], Sequence[str]], Callable[[str, AttendedRow], list[Cell]]]
_COLUMNS: dict[ExportFormat, _Columns] = {
    ExportFormat.VAN: (
        lambda _name: (
            "External ID", "First Name", "Last Name", "Cell Phone", "Event Name", "Event Date", "Start Time",
            "Location", "Role", "Status",
        ),
        _van,
    ),
    ExportFormat.ACTION_NETWORK: (
        lambda _name: (
            "first_name", "last_name", "mobile_number", "member_number", "worksite", "event_attended",
            "attended_on",
        ),
        _action_network,
    ),
    ExportFormat.ACTION_BUILDER: (
        lambda name: (
            "Custom ID", "First Name", "Last Name", "Phone Number", "Phone Number Type", name, "Date",
        ),
        _action_builder,
    ),
    ExportFormat.BROADSTRIPES: (
        lambda name: ("Employee ID", "First Name", "Last Name", "Cell Phone", "Employer", name, "Date"),
        _broadstripes,
    ),
    ExportFormat.NATIONBUILDER: (
        lambda _name: (
            "external_id", "first_name", "last_name", "mobile_number", "employer", "tag_list",
        ),
        _nationbuilder,
    ),
}  # fmt: skip


def _phone(row: AttendedRow) -> str:
    return format_phone(row.phone) if row.phone else ""


def _osdi(action: Action, rows: Sequence[AttendedRow], mark: str) -> bytes:
    """A collection of attendances (OSDI 1.2, "Attendance"), each with its person."""
    event = {
        "identifiers": [f"mobilize:{action.id}"],
        "origin_system": "Mobilize",
        "title": action.name[DEFAULT],
        "start_date": action.starts_at.isoformat(),
        "end_date": action.ends_at.isoformat(),
        "status": "cancelled" if action.called_off_at else "confirmed",
    }
    document = {
        "total_pages": 1,
        "per_page": len(rows),
        "page": 1,
        "total_records": len(rows),
        "source": mark,
        "_links": {"curies": [{"name": "osdi", "href": _OSDI_RELATIONS, "templated": True}]},
        "_embedded": {"osdi:event": event, "osdi:attendances": [_attendance(action, row) for row in rows]},
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _attendance(action: Action, row: AttendedRow) -> dict[str, Any]:
    person: dict[str, Any] = {
        "identifiers": [f"member_number:{row.number}"],
        "given_name": row.first,
        "family_name": row.name.last,
        "employer": row.site,
    }
    if row.phone:
        person["phone_numbers"] = [
            {"primary": True, "number": row.phone.lstrip("+"), "number_type": "Mobile"}
        ]
    return {
        "identifiers": [f"mobilize:{action.id}/{row.site_code}/{row.number}"],
        "origin_system": "Mobilize",
        "action_date": row.at.isoformat(),
        "status": "accepted",
        "attended": True,
        "comment": f"{row.place} ({row.strength})",
        "_embedded": {"osdi:person": person},
    }
