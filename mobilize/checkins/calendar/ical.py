"""iCalendar files (RFC 5545, RFC 7986): one event, or a feed that a calendar reads again by itself."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mobilize.actions.models import Event
from mobilize.languages import N_, say_in

if TYPE_CHECKING:
    from icalendar import Alarm
    from icalendar import Event as CalendarComponent

PRODUCT = "-//Mobilize//EN"
REFRESH = timedelta(hours=1)
REMIND_BEFORE = timedelta(hours=1)
_DRILL = N_("Drill: %(action)s")
_ALARM = N_("In an hour: %(action)s")


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """One entry: of an event, or of an action with many. `sequence` grows, and `changed_at` moves on, with
    every change; the same entry is written in the same bytes."""

    id: uuid.UUID
    summary: str
    location: str
    starts_at: datetime
    ends_at: datetime
    changed_at: datetime
    sequence: int
    cancelled: bool = False
    point: tuple[float, float] | None = None


def entry_of(event: Event, language: str) -> CalendarEntry:
    """The entry of one event."""
    called_off_at = event.action.called_off_at if event.is_called_off else None
    return CalendarEntry(
        id=event.id,
        summary=summary_of(event.action.name.in_(language), event.action.drill, language),
        location=_location(event),
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        changed_at=max(filter(None, (event.made_at, event.moved_at, called_off_at))),
        sequence=event.version - 1 + event.is_called_off,
        cancelled=event.is_called_off,
        point=_point(event),
    )


def summary_of(name: str, drill: bool, language: str) -> str:
    """The title of an entry; a rehearsal says so."""
    return say_in(language, _DRILL) % {"action": name} if drill else name


def calendar_file(entries: Iterable[CalendarEntry], language: str, name: str | None = None) -> bytes:
    """The entries as one file. With a `name` it is a feed: read again every hour, with a reminder an hour
    before each entry."""
    from icalendar import Calendar  # 10 MB, for the few who ask for a calendar

    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    if name is not None:
        calendar.add("name", name)
        calendar.add("x-wr-calname", name)
        calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
        calendar.add("x-published-ttl", "PT1H")
    for entry in entries:
        calendar.add_component(_component(entry, language, reminds=name is not None))
    return bytes(calendar.to_ical())


def _component(entry: CalendarEntry, language: str, *, reminds: bool) -> "CalendarComponent":
    from icalendar import Event as CalendarComponent

    component = CalendarComponent()
    component.add("uid", str(entry.id))
    # Without a METHOD, DTSTAMP is when the entry was last revised (RFC 5545, 3.8.7.2).
    component.add("dtstamp", entry.changed_at)
    component.add("last-modified", entry.changed_at)
    component.add("sequence", entry.sequence)
    component.add("dtstart", entry.starts_at)
    component.add("dtend", entry.ends_at)
    component.add("summary", entry.summary)
    component.add("location", entry.location)
    component.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    if entry.point:
        component.add("geo", entry.point)
    if reminds and not entry.cancelled:
        component.add_component(_alarm(entry, language))
    return component


def _alarm(entry: CalendarEntry, language: str) -> "Alarm":
    from icalendar import Alarm

    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -REMIND_BEFORE)
    alarm.add("description", say_in(language, _ALARM) % {"action": entry.summary})
    return alarm


def _location(event: Event) -> str:
    address = [event.site.street, event.site.city] if event.site else []
    return ", ".join(part for part in (event.place, event.meet_at, *address) if part)


def _point(event: Event) -> tuple[float, float] | None:
    site = event.site
    return (site.lat, site.lon) if site and site.lat is not None and site.lon is not None else None
