"""Mapping of columns to fields: by heading, never by position or content."""

from collections import Counter
from collections.abc import Mapping, Sequence

from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.names import fold

Headings = Mapping[str, tuple[str, ...]]

ROSTER: Headings = {
    # Ours first, then as exported by Action Network, NationBuilder, Broadstripes and UnionTrack ENGAGE.
    "number": (
        "Employee No",
        "Employee Number",
        "Employee ID",
        "External ID",
        "Member Number",
        "Employment Number",
    ),
    "last": ("Last Name", "Surname"),
    "first": ("First Name", "Given Name"),
    "preferred": ("Preferred Name", "Nickname", "Legal Name"),
    "phone": ("Cell Phone", "Mobile Number", "Mobile Phone", "Cell", "Mobile", "Phone", "Phone Number"),
    "phone_kind": ("Phone Type", "Mobile Type"),
    "email": ("Email", "Email1", "Primary Email", "E-mail"),
    "language": ("Language", "Preferred Language"),
    "area": ("Area", "Department", "Region"),
    "site": ("CDS Code", "Worksite Code", "Employer External ID", "Site Code", "Location Code"),
    "site_name": ("School Name", "Worksite", "Employer", "School", "Site", "Location"),
    "second_site": ("Site 2 CDS", "Site 2", "Second Site"),
    "assignment": ("Assignment", "Occupation", "Job Title"),
    "status": ("Member Status", "Membership Status", "Membership Level Name", "Status"),
    "role": ("Role", "Tags", "Tag List"),
    "opt_out": ("Text Opt-Out", "Mobile Unsubscribed", "Federal DoNotCall", "Do Not Text"),
    "urgent": ("Urgent Texts", "Urgent OK"),
    "hired_on": ("Hire Date", "Membership Started At", "Date of Hire"),
    "notes": ("Notes", "Note"),
}
ROSTER_NEEDS = (("number",), ("last",), ("first",), ("status",), ("site", "site_name"))

SITES: Headings = {
    # The union's own list, then the three layouts of the California school directory.
    "code": ("Site Code", "Code", "CDS Code"),
    "name": ("Name", "Site Name", "School Name", "School"),
    "area": ("Area", "Area Synthetic", "Region"),
    "represented": ("Represented", "UTLA Site"),
    "status": ("Status", "StatusType"),
    "district": ("District",),
    "street": ("Street", "Street Address"),
    "city": ("City", "Street City"),
    "zip": ("Zip", "Zip Code"),
    "lat": ("Lat", "Latitude"),
    "lon": ("Lon", "Lng", "Longitude"),
    "zone": ("Time Zone",),
    "campus": ("Campus",),
}
SITES_NEED = (("code",), ("name",))


def place_columns(
    header: Sequence[str],
    headings: Headings,
    needed: Sequence[tuple[str, ...]],
    chosen: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """Field -> position, for the fields that this file has.

    `chosen` is the choice on the mapping screen: heading -> field, "" for "leave out"; it wins over
    what we know. Of two headings for one field the better-known one is read. Each entry of `needed` lists
    fields of which the file must have one. Raises `Refused`: repeated_heading, missing_column (it names the
    column and says what was seen).
    """
    chosen_fields = {heading.strip(): field for heading, field in (chosen or {}).items()}
    places = {
        chosen_fields[text.strip()]: at for at, text in enumerate(header) if text.strip() in chosen_fields
    }
    places = {field: at for field, at in places.items() if field in headings}
    left = {fold(text): at for at, text in enumerate(header) if text.strip() not in chosen_fields}
    for field, spellings in headings.items():
        at = next((left[fold(s)] for s in spellings if fold(s) in left), None)
        if field not in places and at is not None:
            places[field] = at
    _refuse_repeats(header, places)
    _refuse_missing(header, headings, needed, places)
    return places


def unused_headings(header: Sequence[str], places: Mapping[str, int]) -> list[str]:
    """The headings that nothing is read from, in the file's order."""
    return [text.strip() for at, text in enumerate(header) if at not in places.values() and text.strip()]


def _refuse_repeats(header: Sequence[str], places: Mapping[str, int]) -> None:
    times = Counter(fold(text) for text in header)
    for at in places.values():
        if times[fold(header[at])] > 1:
            raise Refused(
                "repeated_heading",
                _(
                    "Two columns are called “%(heading)s”. Rename or delete one of them.",
                    heading=header[at].strip()[:60],
                ),
            )


def _refuse_missing(
    header: Sequence[str], headings: Headings, needed: Sequence[tuple[str, ...]], places: Mapping[str, int]
) -> None:
    for choice in needed:
        if not any(field in places for field in choice):
            missing = _(" or ").join(f"“{headings[field][0]}”" for field in choice)
            raise Refused(
                "missing_column",
                _(
                    "The column %(wanted)s is missing. The first line has: %(seen)s. "
                    "Make the first line the headings and name that column, or say which column it is.",
                    wanted=missing,
                    seen=_headings_text(header),
                ),
            )


def _headings_text(header: Sequence[str]) -> str:
    names = [" ".join(text.split())[:40] for text in header if text.strip()]
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
