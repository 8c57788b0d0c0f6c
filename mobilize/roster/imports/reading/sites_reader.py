"""Reader of a list of sites: the union's own, or the California school directory."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.imports.reading.column_mapping import ROSTER, SITES, SITES_NEED, place_columns
from mobilize.roster.imports.reading.synonyms import NOTHING, YES, clean, folded
from mobilize.roster.names import fold
from mobilize.roster.uploads.uploaded_table import UploadedRecord, open_table, whole_records

_NOTHING = folded(NOTHING)
_YES = folded(YES)
_SCIENTIFIC = re.compile(r"\s*\d(?:[.,]\d+)?E\+\d+\s*", re.IGNORECASE)
_MOST_REJECTED = 500


class SiteReason(StrEnum):
    """The reason a record of a site list is refused."""

    MALFORMED_ROW = "malformed_row"
    BAD_CODE = "bad_code"
    MISSING_NAME = "missing_name"
    REPEATED_CODE = "repeated_code"


@dataclass(slots=True)
class SiteRow:
    """One site. `area`, `represented` are None when the file has no such column; `lat`, `lon` in degrees."""

    code: str
    name: str
    area: str | None
    represented: bool | None
    street: str
    city: str
    zip: str
    lat: float | None
    lon: float | None
    zone: str | None
    campus: str | None


@dataclass
class SitesReading:
    """`sites` by code in the file's order; `rejected` holds (record, line, reason)."""

    header: list[str]
    records: int = 0
    sites: dict[str, SiteRow] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    rejected: list[tuple[int, int, SiteReason]] = field(default_factory=list)


def read_sites(data: bytes, *, district: str | None = None) -> SitesReading:
    """Read CSV, tab text or XLSX bytes; of a directory only open schools, and only of `district` if given.

    Raises `Refused` when the file cannot be used as a whole: besides the codes of `open_table` and
    `place_columns`, wrong_file, damaged_codes (a spreadsheet made numbers of them) and unknown_district.
    """
    table = open_table(data)
    _refuse_roster(table.header)
    places = place_columns(table.header, SITES, SITES_NEED)
    if district and "district" not in places:
        raise Refused(
            "missing_column", _("This file has no column “District”. Import it without a district.")
        )
    reading = SitesReading([clean(text) for text in table.header])
    districts: set[str] = set()
    for record in whole_records(table, reading, SiteReason.MALFORMED_ROW):
        values = {name: _value(record.cells[at]) for name, at in places.items()}
        _refuse_damage(values["code"], table.header[places["code"]], record.line)
        districts.add(values.get("district", ""))
        if why := _not_a_site(values, district):
            reading.skipped[why] += 1
        else:
            _add(reading, values, record)
    if district and fold(district) not in folded(districts):
        raise Refused("unknown_district", _unknown_district(district, districts))
    return reading


def site_account(reading: SitesReading) -> dict[str, Any]:
    """The counts as machines read them."""
    rows = list(reading.sites.values())
    rejected = Counter(reason for _record, _line, reason in reading.rejected)
    return {
        "header": reading.header,
        "records_after_header": reading.records,
        "imported": len(rows),
        "rejected": {reason.value: rejected[reason] for reason in SiteReason},
        "rejected_total": rejected.total(),
        "skipped": dict(sorted(reading.skipped.items())),
        "sites": {
            "represented": sum(row.represented is not False for row in rows),
            "by_area": dict(sorted(Counter(row.area or "" for row in rows).items())),
        },
        "warnings": {
            "no_coordinates": sum(row.lat is None for row in rows),
            "no_area": sum(not row.area for row in rows),
            "represented_not_said": sum(row.represented is None for row in rows),
        },
        "rejected_records": [[n, why.value] for n, _line, why in reading.rejected[:_MOST_REJECTED]],
    }


def site_reason_text(reason: SiteReason) -> str:
    """The text of a reason, for the person who corrects the file."""
    return {
        SiteReason.MALFORMED_ROW: _("does not have one cell per heading"),
        SiteReason.BAD_CODE: _("the site code is missing, too long, or not the 14 digits of a CDS code"),
        SiteReason.MISSING_NAME: _("has no name"),
        SiteReason.REPEATED_CODE: _("another site with this code comes earlier in the file"),
    }[reason]


def _refuse_roster(header: list[str]) -> None:
    headings = folded(header)
    if headings & folded(ROSTER["number"]) and headings & folded(ROSTER["last"]):
        raise Refused("wrong_file", _("This is a list of members, not of sites. Import it as a roster."))


def _value(cell: str) -> str:
    text = clean(cell)
    return "" if fold(text) in _NOTHING else text


def _refuse_damage(code: str, heading: str, line: int) -> None:
    if _SCIENTIFIC.fullmatch(code):
        raise Refused(
            "damaged_codes",
            _(
                "The column %(heading)s was ruined by a spreadsheet: line %(line)s says %(code)s, which is "
                "many schools. Get the original file again and import it without opening it. If you must "
                "open it in Excel: empty workbook, Data, From Text/CSV, set %(heading)s to Text, then save.",
                heading=heading.strip()[:40],
                line=line,
                code=code,
            ),
        )


def _not_a_site(values: Mapping[str, str], district: str | None) -> str | None:
    if district and fold(values.get("district", "")) != fold(district):
        return "other_district"
    if "status" in values and fold(values["status"]) != "active":
        return "not_active"
    if "district" in values and not values["name"]:
        return "district_row"
    return None


def _add(reading: SitesReading, values: Mapping[str, str], record: UploadedRecord) -> None:
    code = values["code"].replace("-", "")
    if not code or len(code) > 40 or ("district" in values and not re.fullmatch("[0-9]{14}", code)):
        reading.rejected.append((record.number, record.line, SiteReason.BAD_CODE))
    elif not values["name"]:
        reading.rejected.append((record.number, record.line, SiteReason.MISSING_NAME))
    elif code in reading.sites:
        reading.rejected.append((record.number, record.line, SiteReason.REPEATED_CODE))
    else:
        reading.sites[code] = _site(code, values)


def _site(code: str, values: Mapping[str, str]) -> SiteRow:
    lat, lon = _place(values.get("lat", ""), values.get("lon", ""))
    zone = values.get("zone")
    return SiteRow(
        code=code,
        name=values["name"][:200],
        area=values["area"][:80] if "area" in values else None,
        represented=fold(values["represented"]) in _YES if "represented" in values else None,
        street=values.get("street", "")[:200],
        city=values.get("city", "")[:80],
        zip=values.get("zip", "")[:10],
        lat=lat,
        lon=lon,
        zone=zone if zone and zone in _zones() else None,
        campus=values.get("campus", "")[:80] or None,
    )


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _place(lat: str, lon: str) -> tuple[float | None, float | None]:
    """Degrees, or nothing at all: a missing or impossible place never stops a picket."""
    try:
        north, east = float(lat), float(lon)
    except ValueError:
        return None, None
    possible = 0 < abs(north) <= 90 and 0 < abs(east) <= 180
    return (north, east) if possible else (None, None)


def _unknown_district(district: str, districts: set[str]) -> str:
    return _(
        "No school in this file is of the district “%(district)s”. The file has: %(known)s.",
        district=district[:60],
        known=", ".join(sorted(districts - {""})[:10]),
    )
