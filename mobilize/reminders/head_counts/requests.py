"""Requests for head counts: one to the chair, one more to all who chair, then the organizer's call list.

Each action sets when, in its rule: by default 15, 25 and 35 minutes after the start. The organizer's call
list is `turnout/calls/queries.py`.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, exists, select, union_all
from sqlalchemy.orm import joinedload

from mobilize.accounts.access.scope import running_on, today
from mobilize.accounts.models import CHAIRS, Person, RoleName, RoleTerm
from mobilize.actions.models import ActionKind, Event, EventState
from mobilize.checkins.models import HeadCount
from mobilize.database import atomic, db
from mobilize.reminders.merge_fields import merge_fields_for, written_in
from mobilize.reminders.models import PlannedReminder, ReminderRule, RuleKind
from mobilize.reminders.rules.kinds import COUNT_WANTED_FOR, LONGEST_EVENT, SPECS
from mobilize.reminders.rules.operations import purpose, tick_off
from mobilize.reminders.rules.queries import due_at, due_now, unplanned_events
from mobilize.texts.models import OutboxText, QuestionKind, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.queries import may_text

AGAIN = "count_again"
# Nobody is asked again longer after the end.
LONGEST_STEP = timedelta(hours=2)


def ask_for_counts(now: datetime) -> int:
    """Ask the chairs of open lines that sent no head count; returns how many texts are new.

    Of each site its chair, else its co-chair, else its vice chair, whoever can be texted; nobody where there
    is none. At the second step all three of a site that is still silent. Rallies and counts without a line
    have no chair to ask. Each event (and version) is asked about once in each way, however often and
    however many at once call this; none after it is closed.
    """
    again = _ask_again(now)
    return again + sum(_ask(rule, due, now) for rule, due in due_now(RuleKind.COUNT_QUESTION, now))


def lines_to_ask(now: datetime) -> Select[*tuple[Any, ...]]:
    """SELECT of the events going on that may have to be asked, for the first time or again."""
    counted = exists().where(HeadCount.event_id == Event.id, HeadCount.voided_at.is_(None))
    again = _asked_once(now).where(~counted, Event.ends_at > now - LONGEST_STEP).with_only_columns(Event.id)
    first = unplanned_events(RuleKind.COUNT_QUESTION, now).with_only_columns(Event.id)
    return select(union_all(first, again).subquery())


def _ask(rule: ReminderRule, due: Sequence[Event], now: datetime) -> int:
    with atomic() as session:
        session.refresh(rule, with_for_update=True)
        counted = _with_head_count([event.id for event in due])
        silent = [event for event in due if event.id not in counted and _has_a_line(event)]
        chairs = chairs_to_ask([event.site_id for event in silent if event.site_id], now)
        tick_off(rule, [(event.id, event.version) for event in due], now)
        questions = [
            _question(rule, e, chairs[e.site_id], rule.kind, due_at(rule, e))
            for e in silent
            if e.site_id in chairs
        ]
        return queue_texts(questions, now=now)


def _ask_again(now: datetime) -> int:
    with atomic():
        due = [
            (rule, event)
            for rule, event in _to_ask_again(now)
            if _again_at(rule, event) <= now < max(event.ends_at, _again_at(rule, event) + COUNT_WANTED_FOR)
        ]
        counted = _with_head_count([event.id for _rule, event in due])
        silent = [(rule, e) for rule, e in due if e.id not in counted and _has_a_line(e)]
        chairs = chairs_of([event.site_id for _rule, event in silent if event.site_id], now)
        questions = [
            _question(rule, event, chair, AGAIN, _again_at(rule, event))
            for rule, event in silent
            for _role, chair in chairs.get(event.site_id, ())
            if may_text(chair.phone, TextClass.DUTY) is None
        ]
        return queue_texts(questions, now=now)


def _to_ask_again(now: datetime) -> Iterable[tuple[ReminderRule, Event]]:
    query = _asked_once(now).options(joinedload(Event.site), joinedload(Event.action)).order_by(Event.id)
    return db.session.execute(query)


def _asked_once(now: datetime) -> Select[*tuple[Any, ...]]:
    """SELECT of events that stand, were asked about, and were not asked about again, with their rule."""
    again = exists().where(
        OutboxText.event_id == Event.id, OutboxText.idempotency_key.startswith(f"{AGAIN}:")
    )
    return (
        select(ReminderRule, Event)
        .join(PlannedReminder, PlannedReminder.rule_id == ReminderRule.id)
        .join(Event, (Event.id == PlannedReminder.event_id) & (Event.version == PlannedReminder.version))
        .where(ReminderRule.kind == RuleKind.COUNT_QUESTION, ReminderRule.on, ~again)
        .where(Event.state == EventState.PLANNED, Event.starts_at.between(now - LONGEST_EVENT, now))
    )


def _again_at(rule: ReminderRule, event: Event) -> datetime:
    return event.starts_at + timedelta(minutes=rule.again_after_minutes or 0)


def _has_a_line(event: Event) -> bool:
    return event.site_id is not None and event.action.kind in (ActionKind.PICKET, ActionKind.STRIKE)


def _with_head_count(event_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    counted = select(HeadCount.event_id).where(
        HeadCount.event_id.in_(list(event_ids)), HeadCount.voided_at.is_(None)
    )
    return set(db.session.scalars(counted))


def chairs_to_ask(site_ids: Sequence[uuid.UUID], now: datetime) -> dict[uuid.UUID | None, Person]:
    """The person to ask at each site: the first of chair, co-chair and vice chair who may be texted."""
    to_ask: dict[uuid.UUID | None, Person] = {}
    for site_id, chairs in chairs_of(site_ids, now).items():
        textable = (p for _role, p in chairs if may_text(p.phone, TextClass.DUTY) is None)
        if person := next(textable, None):
            to_ask[site_id] = person
    return to_ask


def chairs_of(
    site_ids: Sequence[uuid.UUID], now: datetime
) -> dict[uuid.UUID | None, list[tuple[RoleName, Person]]]:
    """The chair, co-chair and vice chair of each site, of those with a phone."""
    rows = db.session.execute(
        select(RoleTerm.site_id, RoleTerm.role, Person)
        .join(Person, Person.id == RoleTerm.person_id)
        .where(
            RoleTerm.site_id.in_(site_ids),
            RoleTerm.role.in_(CHAIRS),
            running_on(today(now)),
            Person.phone_enc.is_not(None),
        )
    )
    chairs: dict[uuid.UUID | None, list[tuple[RoleName, Person]]] = {}
    for site_id, role, person in sorted(rows, key=lambda row: (CHAIRS.index(row[1]), row[2].id)):
        chairs.setdefault(site_id, []).append((role, person))
    return chairs


def _question(
    rule: ReminderRule, event: Event, chair: Person, kind: RuleKind | str, due: datetime
) -> PlannedText:
    language = written_in(chair.language)
    return PlannedText(
        purpose=purpose(kind, event.id, event.version),
        phone=chair.phone,
        wording=rule.wording,
        language=language,
        text_class=TextClass.DUTY,
        tz=event.tz,
        due_at=due,
        expires_at=max(event.ends_at, due + COUNT_WANTED_FOR),
        priority=SPECS[rule.kind].priority,
        merge_fields=merge_fields_for(event, language),
        event_id=event.id,
        asks=QuestionKind.HEAD_COUNT,
        # An answer that comes later still counts, until the figures are fixed.
        asks_until=event.ends_at + timedelta(minutes=event.action.close_after_minutes),
    )
