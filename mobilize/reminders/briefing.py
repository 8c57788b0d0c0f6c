"""The chairs' briefing: two days before, with the way to the poster and the line page."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from mobilize.accounts.models import CHAIRS, Person, RoleTerm
from mobilize.accounts.scope import running_on, today
from mobilize.actions.models import Event, EventChapter
from mobilize.database import atomic, db, insert
from mobilize.reminders.blanks import blanks_for, event_page, written_in
from mobilize.reminders.models import Planned, ReminderRule, RuleKind
from mobilize.reminders.operations import purpose
from mobilize.reminders.queries import LOOK_AHEAD, due_at, unplanned, useless_after
from mobilize.texts.models import Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.phone_rules import is_bad, says_stop


def brief_chairs(now: datetime) -> int:
    """Text the chairs, co-chairs and vice chairs of events that are due; returns how many texts are new.

    Each event (and version) is briefed once, however often and however many at once call this.
    """
    briefed = 0
    for rule_id, events in unplanned(RuleKind.BRIEFING, starts=(now, now + LOOK_AHEAD)).items():
        rule = db.session.get_one(ReminderRule, rule_id)
        due = [event for event in events if due_at(rule, event) <= now < useless_after(rule, event)]
        if due:
            briefed += _brief(rule, due, now)
    return briefed


def _brief(rule: ReminderRule, due: Sequence[Event], now: datetime) -> int:
    with atomic() as session:
        session.refresh(rule, with_for_update=True)
        if not rule.on:
            return 0
        rows = [{"rule_id": rule.id, "event_id": e.id, "version": e.version, "planned_at": now} for e in due]
        session.execute(insert(Planned).on_conflict_do_nothing(), rows)
        chairs = _chairs_of([event.id for event in due], now)
        return queue_texts(list(_briefings(rule, due, chairs)), now=now)


def _chairs_of(event_ids: Sequence[uuid.UUID], now: datetime) -> dict[uuid.UUID, list[Person]]:
    bix: Any = Person.phone_bix
    rows = db.session.execute(
        select(EventChapter.event_id, Person)
        .join(RoleTerm, RoleTerm.site_id == EventChapter.site_id)
        .join(Person, Person.id == RoleTerm.person_id)
        .where(EventChapter.event_id.in_(event_ids), EventChapter.gone_at.is_(None))
        .where(RoleTerm.role.in_(CHAIRS), running_on(today(now)))
        .where(Person.phone_enc.is_not(None), ~says_stop(bix), ~is_bad(bix))
        .order_by(Person.id)
    )
    found: dict[uuid.UUID, list[Person]] = {}
    for event_id, person in rows:
        found.setdefault(event_id, []).append(person)
    return found


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
        "klass": TextClass.DUTY,
        "tz": event.tz,
        "due_at": due_at(rule, event),
        "useless_after": useless_after(rule, event),
        "priority": Priority.REMINDER,
        "blanks": {**blanks_for(event, language), "page": event_page(event)},
        "event_id": event.id,
    }
