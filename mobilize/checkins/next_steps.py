"""What a receipt offers: the next action as a calendar file, and undoing a slip."""

import uuid
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import joinedload

from mobilize.actions.models import Action, Event, EventChapter, EventState
from mobilize.actions.queries import chapters_of
from mobilize.checkins.models import Evidence, Method, Void
from mobilize.checkins.operations import void
from mobilize.checkins.queries import device_mark
from mobilize.checkins.shown import Shown
from mobilize.database import atomic, db

# Long enough to see that it was the wrong number, too short to be made to.
SLIP = timedelta(minutes=5)


def next_event(event: Shown) -> Event | None:
    """What the chapters of this event come to next; None when nothing is planned."""
    coming = (
        select(Event)
        .join(EventChapter, EventChapter.event_id == Event.id)
        .join(Action, Action.id == Event.action_id)
        .where(EventChapter.site_id.in_(chapters_of(event.id)), EventChapter.gone_at.is_(None))
        .where(Event.state == EventState.PLANNED, Event.starts_at > event.ends_at, ~Action.drill)
        .options(joinedload(Event.site), joinedload(Event.action))
        .order_by(Event.starts_at)
    )
    return db.session.scalars(coming.limit(1)).first()


def calendar_file(event: Event, language: str, now: datetime) -> str:
    """One event as iCalendar (RFC 5545), lines folded, in UTC."""
    moments = {"DTSTAMP": now, "DTSTART": event.starts_at, "DTEND": event.ends_at}
    place = f"{event.place}, {event.meet_at}" if event.meet_at else event.place
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Mobilize//EN",
        "BEGIN:VEVENT",
        f"UID:{event.id}",
        *(f"{name}:{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}" for name, moment in moments.items()),
        f"SUMMARY:{_escaped(event.action.name_in(language))}",
        f"LOCATION:{_escaped(place)}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def undo_slip(event: Shown, cookie: str, *, now: datetime) -> None:
    """Take back the last check-in made on this phone at this event, if it is minutes old, matched or not.
    Twice is once: what was checked in before it stays."""
    _take_back_the_last(event, Evidence.device_hmac == device_mark(event.id, cookie), now)


def undo_link_slip(event: Shown, member_id: uuid.UUID, *, now: datetime) -> None:
    """The same of what was tapped by a member's own link, on whatever phone."""
    _take_back_the_last(event, and_(Evidence.member_id == member_id, Evidence.method == Method.LINK), now)


def links_taken_back(event_id: uuid.UUID, member_id: uuid.UUID) -> int:
    """How often this member took back what she had tapped by her link at the event."""
    hers = Evidence.event_id == event_id, Evidence.member_id == member_id, Evidence.method == Method.LINK
    return db.session.scalar(select(func.count()).select_from(Void).join(Evidence).where(*hers)) or 0


def _take_back_the_last(event: Shown, mine: ColumnElement[bool], now: datetime) -> None:
    """With its repeats: who tapped twice is not counted by the first tap."""
    recent = (
        select(Evidence, Void.evidence_id.label("taken_back"))
        .outerjoin(Void)
        .where(Evidence.event_id == event.id, mine, Evidence.recorded_at > now - SLIP)
        .order_by(Evidence.recorded_at.desc(), Evidence.id.desc())
    )
    with atomic() as session:
        found = session.execute(recent).all()
        if not found or found[0].taken_back:
            return
        for one, taken_back in found:
            if not taken_back and _is_same_deed(one, found[0].Evidence):
                void(one.id, "a slip, undone on the same phone", actor="phone", now=now)


def _is_same_deed(one: Evidence, last: Evidence) -> bool:
    """By what was typed, not by whose it is: a member's phone and member number are two, like anybody's."""
    return one.body_hash == last.body_hash


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> str:
    """At most 75 bytes a line, never within a letter."""
    parts, part = [], ""
    for letter in line:
        if len((part + letter).encode()) > 73:
            parts.append(part)
            part = ""
        part += letter
    return "\r\n ".join([*parts, part])
