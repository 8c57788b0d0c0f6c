"""Posters and sign-in sheets of events, as PDF files."""

import io
from collections.abc import Callable, Sequence
from typing import BinaryIO

from flask import Response, send_file

from mobilize import clock, settings
from mobilize.actions.models import Event
from mobilize.actions.printing.posters import Poster, posters_pdf
from mobilize.actions.printing.sign_in_sheet_pdf import SheetName, SignInSheet, sign_in_sheet_pdf
from mobilize.actions.queries import chapter_names
from mobilize.languages import N_, Translated, in_each

# A rally's people come from hundreds of chapters: they write themselves in.
RALLY_LINES = 24


def posters_of(events: Sequence[Event], *, tell: Callable[[int], None] | None = None) -> io.BytesIO:
    """The posters of these events as one PDF, sorted by area and site; `tell(drawn)` is called with the
    progress.

    It asks nothing further of the database when site, area, action and campaign are loaded with the events.
    """
    chosen, out = settings(), io.BytesIO()
    posters_pdf(
        (_poster(event) for event in events),
        out,
        union_name=chosen.union_name,
        colour=chosen.union_colour,
        help_number=chosen.help_number or None,
        tell=tell,
    )
    out.seek(0)
    return out


def sign_in_sheet_of(event: Event, *, printed: str = "") -> io.BytesIO:
    """The sign-in sheet of one event as PDF: the names of its chapter as it is today; none for a rally.
    `printed`, who made it and when, stands on each page."""
    chosen, out = settings(), io.BytesIO()
    sheet = SignInSheet(
        site=event.place,
        area=_area(event),
        action=event.action.name,
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
    """The members on an event's sheet; `sheet_order` numbers them, `sheet_mark` shows when it is outdated."""
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
        action=action.name,
        place=event.meet_at or _address(event),
        starts_at=clock.local(event.starts_at, event.tz),
        ends_at=clock.local(event.ends_at, event.tz),
        code=event.code,
        url=event.check_in_address,
        demands=campaign.demands if campaign else Translated(),
        text_code=event.text_code,
        text_number=chosen.text_number or None,
        drill=action.drill,
    )


def _area(event: Event) -> str:
    return event.area.name if event.area else in_each(N_("All areas"))


def _address(event: Event) -> str:
    if event.site is None:
        return ""
    return ", ".join(part for part in (event.site.street, event.site.city) if part)


def printed(pdf: BinaryIO, name: str) -> Response:
    """The response with a PDF; no cache may store it."""
    file = send_file(pdf, mimetype="application/pdf", download_name=name)
    file.headers["Cache-Control"] = "no-store"
    return file
