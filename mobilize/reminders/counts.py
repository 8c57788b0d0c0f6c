"""Asking the chairs how many are on their line."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from mobilize.accounts.models import CHAIRS, Person, RoleTerm
from mobilize.accounts.scope import running_on, today
from mobilize.actions.models import ActionKind, Event
from mobilize.checkins.models import HeadCount
from mobilize.database import atomic, db, insert
from mobilize.reminders.blanks import blanks_for, written_in
from mobilize.reminders.models import Planned, ReminderRule, RuleKind
from mobilize.reminders.operations import purpose
from mobilize.reminders.queries import unplanned
from mobilize.texts.models import Priority, QuestionKind, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.queries import may_text

# "Right now" is asked while the line stands, and of a short one for this long.
AT_LEAST = timedelta(minutes=15)
# No event is longer, so none that stands started earlier.
LONGEST = timedelta(hours=17)


def ask_for_counts(now: datetime) -> int:
    """Ask the chairs of standing lines that sent no head count; returns how many texts are new.

    Of each site its chair, else its co-chair, else its vice chair, whoever can be texted; nobody where there
    is none. Rallies and counts without a line have no chair to ask. Each event (and version) is asked about
    once, however often and however many at once call this.
    """
    asked = 0
    for rule_id, events in unplanned(RuleKind.COUNT_QUESTION, starts=(now - LONGEST, now)).items():
        rule = db.session.get_one(ReminderRule, rule_id)
        due = [event for event in events if _due_at(rule, event) <= now < _useless_after(rule, event)]
        if due:
            asked += _ask(rule, due, now)
    return asked


def _due_at(rule: ReminderRule, event: Event) -> datetime:
    return event.starts_at + timedelta(minutes=rule.minutes_after_start or 0)


def _useless_after(rule: ReminderRule, event: Event) -> datetime:
    return max(event.ends_at, _due_at(rule, event) + AT_LEAST)


def _ask(rule: ReminderRule, due: Sequence[Event], now: datetime) -> int:
    with atomic() as session:
        session.refresh(rule, with_for_update=True)
        counted = _with_head_count([event.id for event in due])
        silent = [event for event in due if event.id not in counted and _has_a_line(event)]
        chairs = chairs_to_ask([event.site_id for event in silent if event.site_id], now)
        rows = [{"rule_id": rule.id, "event_id": e.id, "version": e.version, "planned_at": now} for e in due]
        session.execute(insert(Planned).on_conflict_do_nothing(), rows)
        asked = [_question(rule, e, chairs[e.site_id]) for e in silent if e.site_id in chairs]
        return queue_texts(asked, now=now)


def _has_a_line(event: Event) -> bool:
    return event.site_id is not None and event.action.kind in (ActionKind.PICKET, ActionKind.STRIKE)


def _with_head_count(event_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    counted = select(HeadCount.event_id).where(
        HeadCount.event_id.in_(list(event_ids)), HeadCount.voided_at.is_(None)
    )
    return set(db.session.scalars(counted))


def chairs_to_ask(site_ids: Sequence[uuid.UUID], now: datetime) -> dict[uuid.UUID | None, Person]:
    """Whom to ask at each site: the first of chair, co-chair and vice chair who may be texted."""
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
    found: dict[uuid.UUID | None, Person] = {}
    for site_id, _role, person in sorted(rows, key=lambda row: (CHAIRS.index(row[1]), row[2].id)):
        if site_id not in found and may_text(person.phone, TextClass.DUTY) is None:
            found[site_id] = person
    return found


def _question(rule: ReminderRule, event: Event, chair: Person) -> PlannedText:
    language = written_in(chair.language)
    return PlannedText(
        purpose=purpose(rule.kind, event.id, event.version),
        phone=chair.phone,
        wording=rule.wording,
        language=language,
        klass=TextClass.DUTY,
        tz=event.tz,
        due_at=_due_at(rule, event),
        useless_after=_useless_after(rule, event),
        priority=Priority.COUNT,
        blanks=blanks_for(event, language),
        event_id=event.id,
        asks=QuestionKind.HEAD_COUNT,
        # An answer that comes later still counts, until the figures are fixed.
        asks_until=event.ends_at + timedelta(minutes=event.action.close_after_minutes),
    )
