"""The thank-you when an event is closed: to those who came, with the head count of their chapter's line.

Many read it, and outsiders with them, so it says no figure that a typed number moves: named totals are not
final before all forms and late uploads are shut (`queries.names_final_at`), and by then it is no news.
"""

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import aliased

from mobilize.actions.models import Action, Event, EventChapter, EventState
from mobilize.checkins.models import Attendance
from mobilize.database import atomic, db, insert
from mobilize.reminders.merge_fields import written_in
from mobilize.reminders.models import PlannedReminder, ReminderRule, RuleKind
from mobilize.reminders.rules.kinds import RESULT_FOR, SPECS
from mobilize.reminders.rules.operations import purpose
from mobilize.roster.models import Member, PhoneKind
from mobilize.texts.consent.suppressions import is_bad, says_stop
from mobilize.texts.models import TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.turnout.figures.snapshots import latest_fixed

COUNTED = "thanks_counted"


def plan_thanks(now: datetime) -> int:
    """Queue the thank-yous of events that were closed; returns how many texts are new. Each once."""
    return sum(
        _thank(rule_id, event_id, now) for rule_id, event_id in db.session.execute(without_thanks(now)).all()
    )


def without_thanks(now: datetime) -> Select[uuid.UUID, uuid.UUID]:
    """SELECT of the (rule, event) whose event was closed lately and whose thank-yous are not queued."""
    done = exists().where(PlannedReminder.rule_id == ReminderRule.id, PlannedReminder.event_id == Event.id)
    return (
        select(ReminderRule.id, Event.id)
        .join(Event, Event.action_id == ReminderRule.action_id)
        .join(Action, Action.id == Event.action_id)
        .where(ReminderRule.kind == RuleKind.THANKS, ReminderRule.on, ~Action.drill)
        .where(Event.state == EventState.CLOSED, Event.closed_at > now - RESULT_FOR, ~done)
    )


def _thank(rule_id: uuid.UUID, event_id: uuid.UUID, now: datetime) -> int:
    with atomic() as session:
        rule = session.get_one(ReminderRule, rule_id, with_for_update=True)
        event = session.get_one(Event, event_id)
        if not rule.on:
            return 0
        ticked = {"rule_id": rule_id, "event_id": event_id, "version": event.version, "planned_at": now}
        session.execute(insert(PlannedReminder).values(ticked).on_conflict_do_nothing())
        chapters = select(EventChapter.site_id).where(
            EventChapter.event_id == event_id, EventChapter.gone_at.is_(None)
        )
        figures = latest_fixed(event.action_id)
        thanks = [
            text
            for site_id in session.scalars(chapters)
            if site_id in figures
            for text in _texts(rule, event, site_id, figures[site_id].line.head_count, now)
        ]
        return queue_texts(thanks, now=now)


def _texts(
    rule: ReminderRule, event: Event, site_id: uuid.UUID, head_count: int | None, now: datetime
) -> Iterator[PlannedText]:
    wording, merge_fields = (COUNTED, {"count": str(head_count)}) if head_count else (rule.wording, {})
    for row in db.session.execute(_who_came(event, site_id)):
        yield PlannedText(
            purpose=purpose(rule.kind, event.id, 1),
            phone=Member.phone.open(row.id, row.phone_enc),
            wording=wording,
            language=written_in(row.language),
            text_class=TextClass.MEMBER,
            tz=event.tz,
            due_at=now,
            expires_at=(event.closed_at or now) + RESULT_FOR,
            priority=SPECS[rule.kind].priority,
            merge_fields=merge_fields,
            event_id=event.id,
            member_id=row.id,
        )


def _who_came(event: Event, site_id: uuid.UUID) -> Any:
    """Members of the chapter who stood anywhere in the action, and can be texted."""
    member: Any = aliased(Member)
    of_action = select(Event.id).where(Event.action_id == event.action_id)
    came = exists().where(
        Attendance.member_id == member.id,
        Attendance.chapter_id == site_id,
        Attendance.event_id.in_(of_action),
    )
    return select(member.id, member.phone_enc, member.language).where(
        came,
        member.gone_on.is_(None),
        member.erased_at.is_(None),
        member.phone_enc.is_not(None),
        member.phone_kind.in_([PhoneKind.MOBILE, PhoneKind.UNKNOWN]),
        ~says_stop(member.phone_index),
        ~is_bad(member.phone_index),
    )
