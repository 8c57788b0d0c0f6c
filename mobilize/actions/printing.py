"""From events to paper: what their posters and sign-in sheets say, and the files they make."""

import io
from collections.abc import Sequence

from mobilize import clock, settings
from mobilize.actions.models import Event
from mobilize.actions.posters import Poster, posters_pdf
from mobilize.actions.queries import chapter_names, check_in_address
from mobilize.actions.sheets import Sheet, SheetName, sign_in_sheet_pdf

# A rally's people come from hundreds of chapters: they write themselves in.
RALLY_LINES = 24
SEVERAL_AREAS = "All areas / Todas las áreas"


def posters_of(events: Sequence[Event]) -> io.BytesIO:
    """The posters of these events as one PDF, sorted by area and site.

    It asks nothing further of the database when site, area, action and campaign are loaded with the events.
    """
    chosen, out = settings(), io.BytesIO()
    posters_pdf(
        (_poster(event) for event in events),
        out,
        union_name=chosen.union_name,
        colour=chosen.union_colour,
        help_number=chosen.help_number or None,
    )
    out.seek(0)
    return out


def sheet_of(event: Event, *, printed: str = "") -> io.BytesIO:
    """The sign-in sheet of one event as PDF: the names of its chapter as it is today; none for a rally.
    `printed`, who made it and when, stands on each page."""
    chosen, out = settings(), io.BytesIO()
    sheet = Sheet(
        site=event.place,
        area=_area(event),
        action_en=event.action.name_en,
        action_es=event.action.name_es,
        starts_at=clock.local(event.starts_at, event.tz),
        ends_at=clock.local(event.ends_at, event.tz),
        code=event.code,
        names=names_on_sheet(event),
        walk_in_lines=12 if event.site_id else RALLY_LINES,
        drill=event.action.drill,
        printed=printed,
    )
    sign_in_sheet_pdf(sheet, out, union_name=chosen.union_name, colour=chosen.union_colour)
    out.seek(0)
    return out


def names_on_sheet(event: Event) -> list[SheetName]:
    """The members an event's sheet lists; `sheet_order` numbers them, `sheet_mark` tells when it is old."""
    if event.site_id is None:
        return []
    people = chapter_names(event.site_id)
    return [SheetName(name.last, name.preferred or name.first, str(member)) for member, name in people]


def _poster(event: Event) -> Poster:
    action, chosen = event.action, settings()
    campaign = action.campaign
    return Poster(
        area=_area(event),
        site=event.place,
        action_en=action.name_en,
        action_es=action.name_es,
        place=event.meet_at or _address(event),
        starts_at=clock.local(event.starts_at, event.tz),
        ends_at=clock.local(event.ends_at, event.tz),
        code=event.code,
        url=check_in_address(event),
        demands_en=_lines(campaign.demands_en) if campaign else (),
        demands_es=_lines(campaign.demands_es) if campaign else (),
        text_code=event.text_code,
        text_number=chosen.text_number or None,
        drill=action.drill,
    )


def _area(event: Event) -> str:
    return event.area.name if event.area else SEVERAL_AREAS


def _address(event: Event) -> str:
    if event.site is None:
        return ""
    return ", ".join(part for part in (event.site.street, event.site.city) if part)


def _lines(demands: str) -> list[str]:
    return [line.strip() for line in demands.splitlines() if line.strip()]
