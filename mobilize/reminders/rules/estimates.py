"""Estimates of reminders: recipients, cost, times and words."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import joinedload

from mobilize import settings
from mobilize.actions.models import Action, Event, EventState
from mobilize.database import db
from mobilize.reminders.broadcasts.audience import audience_of, counted
from mobilize.reminders.merge_fields import event_page, merge_fields_for, merge_fields_for_member, written_in
from mobilize.reminders.models import Audience, ReminderRule
from mobilize.reminders.rules.kinds import SPECS, Recipients
from mobilize.reminders.rules.queries import applies_to, due_at, expires_at, reached_by
from mobilize.segments import MessageLength, measure
from mobilize.texts.models import OutboxText
from mobilize.texts.sending import limits
from mobilize.texts.sending.spending import cost_cents, finishing_time, segments_ahead
from mobilize.texts.templates import render, written_languages


@dataclass(frozen=True)
class Preview:
    """The longest text there will be in one language, and how many it goes to in that language."""

    language: str
    body: str
    length: MessageLength
    phones: int


@dataclass(frozen=True)
class Estimate:
    """`phones` get it, which costs `segments`. It leaves from `starts_at` on, behind what waits already, and
    is through at `done_at`, at the sender's rate and daily limit; None for both when it is too late.
    `cut_off`: the hours for texts end before that.

    For kinds with `is_upper_bound` these are the most there can be: who came, and who answered at once, is
    not known before.
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


# A number longer than any line's.
_FIGURE = "9999"


def estimate(action: Action, rule: ReminderRule, now: datetime) -> Estimate:
    """The estimate of this rule, as if it were on, by today's roster; nobody where it is too late for all of
    its events. Reads only."""
    events = {event.id: event for event in events_of(action) if applies_to(rule, event)}
    phones = segments = 0
    longest: dict[str, tuple[str, MessageLength]] = {}
    phones_by_language = dict.fromkeys(written_languages(), 0)
    is_in_time = any(expires_at(rule, event) > now for event in events.values())
    reached = _reached(action, rule, now) if is_in_time else {}
    times = SPECS[rule.kind].sent_at_most
    for event in events.values():
        for language in phones_by_language:
            body = render(longest_wording(rule), language, merge_fields_of(rule, event, language))
            length = measure(body)
            if language not in longest or length.units > longest[language][1].units:
                longest[language] = (body, length)
            here = reached.get((event.id, language), 0)
            phones, segments = phones + here, segments + here * length.segments * times
            phones_by_language[language] += here
    previews = tuple(
        Preview(language, body, length, phones_by_language[language])
        for language, (body, length) in longest.items()
    )
    return Estimate(phones, segments, *_when(rule, list(events.values()), segments, now), previews)


def _reached(action: Action, rule: ReminderRule, now: datetime) -> dict[tuple[UUID, str], int]:
    """Phones by event and the language the text is written in."""
    spec = SPECS[rule.kind]
    if spec.to_members:
        phones = reached_by(action, spec, now)
    else:
        audience = Audience.CHAIRS if spec.recipients is Recipients.CHAIRS else Audience.MEMBERS
        phones = counted(audience_of(action, audience, None, urgent=False, now=now)).phones
    by_language: dict[tuple[UUID, str], int] = {}
    for (event_id, language), count in phones.items():
        key = (event_id, written_in(language))
        by_language[key] = by_language.get(key, 0) + count
    return by_language


def longest_wording(rule: ReminderRule) -> str:
    """The longest of the rule's wordings."""
    return SPECS[rule.kind].longest_wording or rule.wording


def merge_fields_of(rule: ReminderRule, event: Event, language: str) -> dict[str, str]:
    """The merge fields of the rule's longest text about an event."""
    if SPECS[rule.kind].to_members:
        return merge_fields_for_member(rule.wording, event, language)
    return {**merge_fields_for(event, language), "page": event_page(event), "count": _FIGURE}


def events_of(action: Action) -> list[Event]:
    """The events of the action that stand, the soonest first."""
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
    spec = SPECS[rule.kind]
    open_ones = [event for event in events if expires_at(rule, event) > now]
    zone = events[0].tz if events else settings().union_timezone
    if not open_ones:
        return None, None, False, zone
    first = max(now, min(due_at(rule, event) for event in open_ones))
    starts_at = limits.opens_at(spec.text_class, zone, first, urgent=spec.urgent)
    ahead = segments_ahead(spec.priority, starts_at, now, besides=_own_texts(rule, events))
    done_at = finishing_time(
        starts_at, ahead + segments, text_class=spec.text_class, tz=zone, urgent=spec.urgent
    )
    shuts = limits.closes_at(spec.text_class, zone, starts_at, urgent=spec.urgent)
    return starts_at, done_at, shuts is not None and done_at > shuts, zone


def _own_texts(rule: ReminderRule, events: list[Event]) -> ColumnElement[bool]:
    """SQL: texts of this rule that are in the outbox already."""
    wordings = rule.wording, longest_wording(rule)
    return and_(OutboxText.event_id.in_([event.id for event in events]), OutboxText.wording.in_(wordings))
