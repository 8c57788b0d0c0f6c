"""What a broadcast will be before anybody confirms it: to how many, at what cost, when, in which words."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from mobilize import settings
from mobilize.actions.models import Event, EventChapter, EventState
from mobilize.database import db
from mobilize.reminders.blanks import written_in
from mobilize.reminders.broadcast_audience import audience_of, counted
from mobilize.reminders.composing import Written, as_it_leaves, is_long, warnings
from mobilize.reminders.estimates import Preview
from mobilize.reminders.models import Audience, Broadcast
from mobilize.texts import windows
from mobilize.texts.models import OutboxText, TextClass, TextState
from mobilize.texts.segments import Length, measure
from mobilize.texts.spending import cost_cents


@dataclass(frozen=True)
class Sizing:
    """`phones` get it, for `segments` at `cost_cents`; `cannot` counts who cannot be told, by reason.

    It leaves from `starts_at` on, behind what waits already, and is through at `done_at`, in the zone `tz`.
    `cut_off`: the hours for such texts end before that, and the rest leaves when they open again.
    """

    phones: int
    segments: int
    cost_cents: int
    cannot: dict[str, int]
    starts_at: datetime
    done_at: datetime
    cut_off: bool
    tz: str
    previews: tuple[Preview, ...]
    warnings: list[str]
    is_long: bool


def sizing(broadcast: Broadcast, now: datetime) -> Sizing:
    """By today's roster. Reads only."""
    events = events_of_broadcast(broadcast)
    query = audience_of(
        broadcast.action,
        broadcast.audience,
        chapters_of_broadcast(broadcast),
        urgent=bool(broadcast.urgent_reason),
        now=now,
    )
    reached, cannot = counted(query)
    segments, previews = _measured(broadcast, events, reached)
    starts_at, done_at, cut_off, zone = _when(broadcast, events, segments, now)
    longest = {preview.language: preview.body for preview in previews}
    return Sizing(
        phones=sum(reached.values()),
        segments=segments,
        cost_cents=cost_cents(segments),
        cannot=cannot,
        starts_at=starts_at,
        done_at=done_at,
        cut_off=cut_off,
        tz=zone,
        previews=previews,
        warnings=warnings(words_of(broadcast), longest),
        is_long=is_long(longest),
    )


def klass_of(broadcast: Broadcast) -> TextClass:
    """Members are texted within their hours; chairs and staff accepted earlier ones with the role."""
    return TextClass.MEMBER if broadcast.audience is Audience.MEMBERS else TextClass.DUTY


def words_of(broadcast: Broadcast) -> Written:
    """What was written."""
    return Written(broadcast.text_en or "", broadcast.text_es or "")


def chapters_of_broadcast(broadcast: Broadcast) -> list[uuid.UUID] | None:
    """The chapters it goes to; None for all of the action's."""
    return None if broadcast.site_ids is None else [uuid.UUID(one) for one in broadcast.site_ids]


def events_of_broadcast(broadcast: Broadcast) -> list[Event]:
    """The places it is about: those of its chapters."""
    query = (
        select(Event)
        .where(Event.action_id == broadcast.action_id, Event.state != EventState.CALLED_OFF)
        .options(joinedload(Event.site), joinedload(Event.action))
        .order_by(Event.id)
    )
    chapters = chapters_of_broadcast(broadcast)
    if chapters is not None:
        query = query.where(Event.chapters.any(EventChapter.site_id.in_(chapters)))
    return list(db.session.scalars(query))


def _measured(
    broadcast: Broadcast, events: list[Event], reached: dict[tuple[uuid.UUID, str], int]
) -> tuple[int, tuple[Preview, ...]]:
    """(all segments, the longest body in each language with how many phones get that language)."""
    by_place: dict[tuple[uuid.UUID, str], int] = {}
    for (event_id, hers), phones in reached.items():
        key = (event_id, written_in(hers))
        by_place[key] = by_place.get(key, 0) + phones
    segments, heard = 0, {"en": 0, "es": 0}
    longest: dict[str, tuple[str, Length]] = {}
    for event in events:
        for language in heard:
            body = as_it_leaves(words_of(broadcast), event, language)
            length, here = measure(body), by_place.get((event.id, language), 0)
            if language not in longest or _size(length) > _size(longest[language][1]):
                longest[language] = (body, length)
            segments, heard[language] = segments + here * length.segments, heard[language] + here
    return segments, tuple(Preview(one, *longest[one], heard[one]) for one in longest)


def _size(length: Length) -> tuple[int, int]:
    return length.segments, length.units


def _when(
    broadcast: Broadcast, events: list[Event], segments: int, now: datetime
) -> tuple[datetime, datetime, bool, str]:
    zone, klass = events[0].tz if events else settings().union_timezone, klass_of(broadcast)
    urgent = bool(broadcast.urgent_reason)
    starts_at = windows.opens_at(klass, zone, now, urgent=urgent)
    ahead = _segments_ahead(starts_at)
    done_at = starts_at + timedelta(seconds=(ahead + segments) / settings().segments_per_second)
    shuts = windows.closes_at(klass, zone, starts_at, urgent=urgent)
    return starts_at, done_at, shuts is not None and done_at > shuts, zone


def _segments_ahead(moment: datetime) -> int:
    waiting = OutboxText.state == TextState.WAITING, OutboxText.due_at <= moment
    return int(db.session.scalar(select(func.sum(OutboxText.segments)).where(*waiting)) or 0)
