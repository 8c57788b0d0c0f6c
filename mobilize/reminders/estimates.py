"""What a reminder will be: whom it reaches, what it costs, when it is through, and how it reads."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from mobilize import settings
from mobilize.actions.models import Action, Event, EventState
from mobilize.database import db
from mobilize.reminders.blanks import blanks_for_member, written_in
from mobilize.reminders.models import ReminderRule, RuleKind
from mobilize.reminders.queries import due_at, leaves_in_its_hours, reached_by, useless_after
from mobilize.texts import windows
from mobilize.texts.models import TextClass
from mobilize.texts.segments import Length, measure
from mobilize.texts.wordings import render


@dataclass(frozen=True)
class Preview:
    """The longest text there will be in one language, and how many it goes to in that language."""

    language: str
    body: str
    length: Length
    phones: int


@dataclass(frozen=True)
class Estimate:
    """`phones` get it, which costs `segments`. It leaves from `starts_at` on and is through at `done_at`, at
    the sender's rate; None for both when it is too late. `cut_off`: the hours for texts end before that."""

    phones: int
    segments: int
    starts_at: datetime | None
    done_at: datetime | None
    cut_off: bool
    tz: str
    previews: tuple[Preview, ...]


def estimate(action: Action, rule: ReminderRule, now: datetime) -> Estimate:
    """What this rule would send if it were on, by today's roster. Reads only."""
    events = {event.id: event for event in _events(action) if leaves_in_its_hours(rule, event)}
    phones = segments = 0
    longest: dict[str, tuple[str, Length]] = {}
    heard = {"en": 0, "es": 0}
    reached: Counter[tuple[UUID, str]] = Counter()
    urgent = rule.kind is RuleKind.EARLY_CALL
    for (event_id, hers), count in reached_by(action, now, urgent=urgent).items():
        reached[event_id, written_in(hers)] += count
    for event in events.values():
        for language in heard:
            body = render(rule.wording, language, blanks_for_member(rule.wording, event, language))
            length = measure(body)
            if language not in longest or length.units > longest[language][1].units:
                longest[language] = (body, length)
            here = reached[event.id, language]
            phones, segments = phones + here, segments + here * length.segments
            heard[language] += here
    previews = tuple(
        Preview(language, body, length, heard[language]) for language, (body, length) in longest.items()
    )
    return Estimate(phones, segments, *_when(rule, list(events.values()), segments, now), previews)


def _events(action: Action) -> list[Event]:
    return list(
        db.session.scalars(
            select(Event)
            .where(Event.action_id == action.id, Event.state != EventState.CALLED_OFF)
            .options(joinedload(Event.site), joinedload(Event.action))
            .order_by(Event.starts_at, Event.id)
        )
    )


def _when(
    rule: ReminderRule, events: list[Event], segments: int, now: datetime
) -> tuple[datetime | None, datetime | None, bool, str]:
    """(first text, last text, whether the hours end before the last one, the zone to say it in)."""
    open_ones = [event for event in events if useless_after(rule, event) > now]
    zone = events[0].tz if events else settings().union_timezone
    if not open_ones:
        return None, None, False, zone
    first = max(now, min(due_at(rule, event) for event in open_ones))
    urgent = rule.kind is RuleKind.EARLY_CALL
    starts_at = windows.opens_at(TextClass.MEMBER, zone, first, urgent=urgent)
    done_at = starts_at + timedelta(seconds=segments / settings().segments_per_second)
    shuts = windows.closes_at(TextClass.MEMBER, zone, starts_at, urgent=urgent)
    return starts_at, done_at, shuts is not None and done_at > shuts, zone
