"""What can be done about an action's reminder rules. Planning, asking and reading answers stand beside."""

import uuid
from datetime import datetime, time

from sqlalchemy import delete, select

from mobilize import audit
from mobilize.actions.models import Action
from mobilize.database import atomic, db, insert, new_id
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders.models import Planned, ReminderRule, RuleKind
from mobilize.reminders.queries import REMINDER, actions_without_rules, reached_by
from mobilize.texts.operations import drop_texts

DAY_BEFORE_AT = time(17)
# Above this many people (see `trust.md`, "broadcast") somebody looks at the price first and turns it on.
ON_UP_TO = 2000
# Why the outbox dropped a text that a changed rule puts back, at its new time.
CHANGED = "rule_changed"
TEXTED_BETWEEN = (time(9), time(19, 30))


def set_default_rules(now: datetime) -> int:
    """Give every coming action the usual rules, where it has none; returns to how many. Twice adds nothing.

    The day before at 17:00 where the event is, and the question to the chairs. A reminder that would reach
    more than 2,000 phones is off until an organizer has seen what it costs.
    """
    waiting = actions_without_rules(now)
    for action in waiting:
        with atomic() as session:
            rows = [_day_before(action, now), _count_question(action)]
            session.execute(insert(ReminderRule).values(rows).on_conflict_do_nothing())
    return len(waiting)


def change_reminder(action: Action, at_local: time, *, on: bool, actor: str, now: datetime) -> None:
    """Turn the day-before reminder on or off, and set its local time.

    What waits is taken back; on, it is planned anew at the new time. What was sent is never sent again.
    Raises `Refused` for a time at which members are not texted.
    """
    if not TEXTED_BETWEEN[0] <= at_local <= TEXTED_BETWEEN[1]:
        raise Refused("bad_time", _("Members are texted from 9:00 AM on; choose a time until 7:30 PM."))
    with atomic():
        rule = _locked(action, RuleKind.DAY_BEFORE)
        if (rule.on, rule.at_local) == (on, at_local):
            return
        rule.on, rule.at_local = on, at_local
        _take_back(rule, now)
        audit.note(actor, f"reminder.{'on' if on else 'off'}", rule.id, now=now)


def change_count_question(action: Action, minutes: int, *, on: bool, actor: str, now: datetime) -> None:
    """Turn the question to the chairs on or off, and set how many minutes after the start it is asked."""
    if not 0 <= minutes <= 240:
        raise Refused("bad_minutes", _("Ask between 0 and 240 minutes after the start."))
    with atomic():
        rule = _locked(action, RuleKind.COUNT_QUESTION)
        if (rule.on, rule.minutes_after_start) == (on, minutes):
            return
        rule.on, rule.minutes_after_start = on, minutes
        audit.note(actor, f"count_question.{'on' if on else 'off'}", rule.id, now=now)


def purpose(kind: RuleKind | str, event_id: uuid.UUID, version: int) -> str:
    """Under which purpose the outbox knows the texts of a rule for one version of an event."""
    return f"{kind}:{event_id}:{version}"


def _day_before(action: Action, now: datetime) -> dict[str, object]:
    reached = sum(reached_by(action, now).values())
    return {
        "id": new_id(),
        "action_id": action.id,
        "kind": RuleKind.DAY_BEFORE,
        "on": reached <= ON_UP_TO,
        "days_before": 1,
        "at_local": DAY_BEFORE_AT,
        "minutes_after_start": None,
        "wording": REMINDER,
    }


def _count_question(action: Action) -> dict[str, object]:
    return {
        "id": new_id(),
        "action_id": action.id,
        "kind": RuleKind.COUNT_QUESTION,
        "on": True,
        "days_before": None,
        "at_local": None,
        "minutes_after_start": action.ask_count_after_minutes,
        "wording": "count_question",
    }


def _locked(action: Action, kind: RuleKind) -> ReminderRule:
    """The rule, under a lock: a planner that is at work on it finishes first."""
    rule = db.session.scalar(
        select(ReminderRule)
        .where(ReminderRule.action_id == action.id, ReminderRule.kind == kind)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if rule is None:
        raise Refused("no_rule", _("This action has no such reminder."), status=404)
    return rule


def _take_back(rule: ReminderRule, now: datetime) -> None:
    planned = db.session.scalars(select(Planned).where(Planned.rule_id == rule.id)).all()
    for one in planned:
        drop_texts(
            purpose(rule.kind, one.event_id, one.version) + ":", CHANGED, now=now, event_id=one.event_id
        )
    if rule.on:
        # Without these the planner works the rule off again. Off, they stay: a move concerns who was told.
        db.session.execute(delete(Planned).where(Planned.rule_id == rule.id))
