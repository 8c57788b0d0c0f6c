"""The chairs' briefing: two days before, with the way to the poster and the line page."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from mobilize.accounts.access.scope import running_on, today
from mobilize.accounts.models import CHAIRS, Person, RoleTerm
from mobilize.actions.models import Event, EventChapter
from mobilize.database import atomic, db
from mobilize.reminders.merge_fields import event_page, merge_fields_for, written_in
from mobilize.reminders.models import ReminderRule, RuleKind
from mobilize.reminders.rules.kinds import SPECS
from mobilize.reminders.rules.operations import purpose, tick_off
from mobilize.reminders.rules.queries import due_at, due_now, expires_at
from mobilize.texts.consent.suppressions import is_bad, says_stop
from mobilize.texts.models import TextClass
from mobilize.texts.operations import PlannedText, queue_texts


def brief_chairs(now: datetime) -> int:
    """Text the chairs, co-chairs and vice chairs of events that are due; returns how many texts are new.

    Each event (and version) is briefed once, however often and however many at once call this.
    """
    return sum(_brief(rule, due, now) for rule, due in due_now(RuleKind.BRIEFING, now))


def has_due(now: datetime) -> bool:
    """Whether there is an event to brief its chairs about."""
    return any(True for _ in due_now(RuleKind.BRIEFING, now))


def _brief(rule: ReminderRule, due: Sequence[Event], now: datetime) -> int:
    with atomic() as session:
        session.refresh(rule, with_for_update=True)
        if not rule.on:
            return 0
        tick_off(rule, [(event.id, event.version) for event in due], now)
        chairs = _chairs_of([event.id for event in due], now)
        return queue_texts(list(_briefings(rule, due, chairs)), now=now)


def _chairs_of(event_ids: Sequence[uuid.UUID], now: datetime) -> dict[uuid.UUID, list[Person]]:
    phone_index: Any = Person.phone_index
    rows = db.session.execute(
        select(EventChapter.event_id, Person)
        .join(RoleTerm, RoleTerm.site_id == EventChapter.site_id)
        .join(Person, Person.id == RoleTerm.person_id)
        .where(EventChapter.event_id.in_(event_ids), EventChapter.gone_at.is_(None))
        .where(RoleTerm.role.in_(CHAIRS), running_on(today(now)))
        .where(Person.phone_enc.is_not(None), ~says_stop(phone_index), ~is_bad(phone_index))
        .order_by(Person.id)
    )
    chairs: dict[uuid.UUID, list[Person]] = {}
    for event_id, person in rows:
        chairs.setdefault(event_id, []).append(person)
    return chairs


def _briefings(
    rule: ReminderRule, due: Sequence[Event], chairs: dict[uuid.UUID, list[Person]]
) -> Iterator[PlannedText]:
    for event in due:
        for chair in chairs.get(event.id, []):
            yield PlannedText(phone=chair.phone, **_common(rule, event, written_in(chair.language)))


def _common(rule: ReminderRule, event: Event, language: str) -> dict[str, Any]:
    return {
        "purpose": purpose(rule.kind, event.id, event.version),
        "wording": rule.wording,
        "language": language,
        "text_class": TextClass.DUTY,
        "tz": event.tz,
        "due_at": due_at(rule, event),
        "expires_at": expires_at(rule, event),
        "priority": SPECS[rule.kind].priority,
        "merge_fields": {**merge_fields_for(event, language), "page": event_page(event)},
        "event_id": event.id,
    }
