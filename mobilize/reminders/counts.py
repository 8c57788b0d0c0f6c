"""Asking the chairs how many are on their line: once, again with the others who chair, then by telephone.

Each action sets when, in its rule: by default 15, 25 and 35 minutes after the start. The organizer's call
list is `turnout/call_list.py`.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import joinedload

from mobilize.accounts.models import CHAIRS, Person, RoleName, RoleTerm
from mobilize.accounts.scope import running_on, today
from mobilize.actions.models import ActionKind, Event, EventState
from mobilize.checkins.models import HeadCount
from mobilize.database import atomic, db, insert
from mobilize.reminders.blanks import blanks_for, written_in
from mobilize.reminders.models import Planned, ReminderRule, RuleKind
from mobilize.reminders.operations import purpose
from mobilize.reminders.queries import unplanned
from mobilize.texts.models import OutboxText, Priority, QuestionKind, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.queries import may_text

# "Right now" is asked while the line stands, and of a short one for this long.
AT_LEAST = timedelta(minutes=15)
# No event is longer, so none that stands started earlier.
LONGEST = timedelta(hours=17)
AGAIN = "count_again"


def ask_for_counts(now: datetime) -> int:
    """Ask the chairs of standing lines that sent no head count; returns how many texts are new.

    Of each site its chair, else its co-chair, else its vice chair, whoever can be texted; nobody where there
    is none. At the second step all three of a site that is still silent. Rallies and counts without a line
    have no chair to ask. Each event (and version) is asked about once in each way, however often and
    however many at once call this; none after it is closed.
    """
    asked = _ask_again(now)
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
        asked = [
            _question(rule, e, chairs[e.site_id], rule.kind, _due_at(rule, e))
            for e in silent
            if e.site_id in chairs
        ]
        return queue_texts(asked, now=now)


def _ask_again(now: datetime) -> int:
    with atomic():
        due = [
            (rule, event)
            for rule, event in _asked_once(now)
            if _again_at(rule, event) <= now < max(event.ends_at, _again_at(rule, event) + AT_LEAST)
        ]
        counted = _with_head_count([event.id for _rule, event in due])
        silent = [(rule, e) for rule, e in due if e.id not in counted and _has_a_line(e)]
        chairs = chairs_of([event.site_id for _rule, event in silent if event.site_id], now)
        asked = [
            _question(rule, event, chair, AGAIN, _again_at(rule, event))
            for rule, event in silent
            for _role, chair in chairs.get(event.site_id, ())
            if may_text(chair.phone, TextClass.DUTY) is None
        ]
        return queue_texts(asked, now=now)


def _asked_once(now: datetime) -> Iterable[tuple[ReminderRule, Event]]:
    """Events that stand, were asked about, and were not asked about again."""
    again = exists().where(OutboxText.event_id == Event.id, OutboxText.purpose_key.startswith(f"{AGAIN}:"))
    rows = db.session.execute(
        select(ReminderRule, Event)
        .join(Planned, Planned.rule_id == ReminderRule.id)
        .join(Event, (Event.id == Planned.event_id) & (Event.version == Planned.version))
        .where(ReminderRule.kind == RuleKind.COUNT_QUESTION, ReminderRule.on, ~again)
        .where(Event.state == EventState.PLANNED, Event.starts_at.between(now - LONGEST, now))
        .options(joinedload(Event.site), joinedload(Event.action))
        .order_by(Event.id)
    )
    return rows


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
    """Whom to ask at each site: the first of chair, co-chair and vice chair who may be texted."""
    found: dict[uuid.UUID | None, Person] = {}
    for site_id, chairs in chairs_of(site_ids, now).items():
        textable = (p for _role, p in chairs if may_text(p.phone, TextClass.DUTY) is None)
        if person := next(textable, None):
            found[site_id] = person
    return found


def chairs_of(
    site_ids: Sequence[uuid.UUID], now: datetime
) -> dict[uuid.UUID | None, list[tuple[RoleName, Person]]]:
    """Who chairs each site and has a phone: chair, co-chair, vice chair."""
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
    found: dict[uuid.UUID | None, list[tuple[RoleName, Person]]] = {}
    for site_id, role, person in sorted(rows, key=lambda row: (CHAIRS.index(row[1]), row[2].id)):
        found.setdefault(site_id, []).append((role, person))
    return found


def _question(
    rule: ReminderRule, event: Event, chair: Person, kind: RuleKind | str, due_at: datetime
) -> PlannedText:
    language = written_in(chair.language)
    return PlannedText(
        purpose=purpose(kind, event.id, event.version),
        phone=chair.phone,
        wording=rule.wording,
        language=language,
        klass=TextClass.DUTY,
        tz=event.tz,
        due_at=due_at,
        useless_after=max(event.ends_at, due_at + AT_LEAST),
        priority=Priority.COUNT,
        blanks=blanks_for(event, language),
        event_id=event.id,
        asks=QuestionKind.HEAD_COUNT,
        # An answer that comes later still counts, until the figures are fixed.
        asks_until=event.ends_at + timedelta(minutes=event.action.close_after_minutes),
    )
