"""What a reminder will be: whom it reaches, what it costs, when it is through, and how it reads."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from mobilize import settings
from mobilize.actions.models import Action, Event, EventState
from mobilize.database import db
from mobilize.reminders.blanks import blanks_for, blanks_for_member, event_page, written_in
from mobilize.reminders.broadcast_audience import audience_of, counted
from mobilize.reminders.models import TO_MEMBERS, Audience, ReminderRule, RuleKind
from mobilize.reminders.queries import due_at, leaves_in_its_hours, reached_by, useless_after
from mobilize.texts import windows
from mobilize.texts.models import TextClass
from mobilize.texts.segments import Length, measure
from mobilize.texts.spending import cost_cents
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
    the sender's rate; None for both when it is too late. `cut_off`: the hours for texts end before that.

    Of the thank-you and the question to the chairs these are the most there can be: who came, and who
    answered at once, is not known before.
    """

    phones: int
    segments: int
    starts_at: datetime | None
    done_at: datetime | None
    cut_off: bool
    tz: str
    previews: tuple[Preview, ...]

    @property
    def cost_cents(self) -> int:
        return cost_cents(self.segments)


# The question goes once more to a site that is silent.
_AT_MOST = {RuleKind.COUNT_QUESTION: 2}
# Longer than any number of a chapter.
_FIGURE = "9999"


def estimate(action: Action, rule: ReminderRule, now: datetime) -> Estimate:
    """What this rule would send if it were on, by today's roster. Reads only."""
    events = {event.id: event for event in _events(action) if leaves_in_its_hours(rule, event)}
    phones = segments = 0
    longest: dict[str, tuple[str, Length]] = {}
    heard = {"en": 0, "es": 0}
    reached = _reached(action, rule, now)
    times = _AT_MOST.get(rule.kind, 1)
    for event in events.values():
        for language in heard:
            body = render(rule.wording, language, _blanks(rule, event, language))
            length = measure(body)
            if language not in longest or length.units > longest[language][1].units:
                longest[language] = (body, length)
            here = reached.get((event.id, language), 0)
            phones, segments = phones + here, segments + here * length.segments * times
            heard[language] += here
    previews = tuple(
        Preview(language, body, length, heard[language]) for language, (body, length) in longest.items()
    )
    return Estimate(phones, segments, *_when(rule, list(events.values()), segments, now), previews)


def _reached(action: Action, rule: ReminderRule, now: datetime) -> dict[tuple[UUID, str], int]:
    """Phones by event and the language the text is written in."""
    if rule.kind in TO_MEMBERS:
        phones = reached_by(action, now, urgent=rule.kind is RuleKind.EARLY_CALL)
    else:
        audience = Audience.MEMBERS if rule.kind is RuleKind.THANKS else Audience.CHAIRS
        phones, _cannot = counted(audience_of(action, audience, None, urgent=False, now=now))
    found: dict[tuple[UUID, str], int] = {}
    for (event_id, language), count in phones.items():
        key = (event_id, written_in(language))
        found[key] = found.get(key, 0) + count
    return found


def _blanks(rule: ReminderRule, event: Event, language: str) -> dict[str, str]:
    if rule.kind in TO_MEMBERS:
        return blanks_for_member(rule.wording, event, language)
    figures = {"present": _FIGURE, "eligible": _FIGURE}
    return {**blanks_for(event, language), "page": event_page(event), **figures}


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
    klass = TextClass.MEMBER if rule.kind in (*TO_MEMBERS, RuleKind.THANKS) else TextClass.DUTY
    open_ones = [event for event in events if _last_moment(rule, event) > now]
    zone = events[0].tz if events else settings().union_timezone
    if not open_ones:
        return None, None, False, zone
    first = max(now, min(_leaves_at(rule, event) for event in open_ones))
    urgent = rule.kind is RuleKind.EARLY_CALL
    starts_at = windows.opens_at(klass, zone, first, urgent=urgent)
    done_at = starts_at + timedelta(seconds=segments / settings().segments_per_second)
    shuts = windows.closes_at(klass, zone, starts_at, urgent=urgent)
    return starts_at, done_at, shuts is not None and done_at > shuts, zone


def _leaves_at(rule: ReminderRule, event: Event) -> datetime:
    if rule.kind is RuleKind.COUNT_QUESTION:
        return event.starts_at + timedelta(minutes=rule.minutes_after_start or 0)
    if rule.kind is RuleKind.THANKS:
        return event.ends_at + timedelta(minutes=event.action.close_after_minutes)
    return due_at(rule, event)


def _last_moment(rule: ReminderRule, event: Event) -> datetime:
    """From here on nothing of this rule leaves for the event."""
    if rule.kind is RuleKind.COUNT_QUESTION:
        return event.ends_at
    if rule.kind is RuleKind.THANKS:
        return _leaves_at(rule, event) + timedelta(days=1)
    return useless_after(rule, event)
