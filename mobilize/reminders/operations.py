"""What can be done about an action's reminder rules. Planning, asking and reading answers stand beside."""

import uuid
from datetime import datetime, time, timedelta

from sqlalchemy import delete, select

from mobilize import audit
from mobilize.actions.models import Action
from mobilize.database import atomic, db, insert
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders.defaults import default_rules
from mobilize.reminders.estimates import estimate
from mobilize.reminders.models import TO_MEMBERS, Planned, ReminderRule, RuleKind
from mobilize.reminders.queries import actions_without_rules, reached_by
from mobilize.texts.operations import drop_texts
from mobilize.texts.spending import allow_spending, cost_cents

# Above this many people (see `trust.md`, "broadcast") somebody looks at the price first and turns it on.
ON_UP_TO = 2000
# Why the outbox dropped a text that a changed rule puts back, at its new time.
CHANGED = "rule_changed"
TEXTED_BETWEEN = (time(9), time(19, 30))


def set_default_rules(now: datetime) -> int:
    """Give every coming action the usual rules, where it has none; returns to how many. Twice adds nothing.

    Members the day before at 17:00 where the event is, and an hour before; chairs two days before, and the
    question for their count; a thank-you when it is closed. The early call is off until somebody gives a
    reason. What would reach more than 2,000 phones is off until an organizer has seen what it costs.
    """
    waiting = actions_without_rules(now)
    for action in waiting:
        with atomic() as session:
            rows = default_rules(action, small=sum(reached_by(action, now).values()) <= ON_UP_TO)
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
        _allow_its_cost(action, rule, actor, now)
        audit.note(actor, f"reminder.{'on' if on else 'off'}", rule.id, now=now)


def change_rule(
    action: Action,
    kind: RuleKind,
    *,
    on: bool,
    at_local: time | None = None,
    minutes_before: int | None = None,
    reason: str = "",
    actor: str,
    now: datetime,
) -> None:
    """Turn one of the other rules on or off, and set its time. Only an early call has, and needs, a `reason`.

    What waits is taken back; on, it is planned anew. What was sent is never sent again.
    Refused: bad_minutes, no_reason, no_rule.
    """
    said = " ".join(reason.split())[:200]
    if minutes_before is not None and not 15 <= minutes_before <= 240:
        raise Refused("bad_minutes", _("Choose between 15 and 240 minutes before the start."))
    if kind is RuleKind.EARLY_CALL and on and not said:
        raise Refused("no_reason", _("Say why members are texted at such an hour. It is written down."))
    with atomic():
        rule = _locked(action, kind)
        rule.on, rule.reason = on, said or rule.reason
        rule.at_local = at_local or rule.at_local
        rule.minutes_before = minutes_before or rule.minutes_before
        _take_back(rule, now)
        _allow_its_cost(action, rule, actor, now)
        audit.note(actor, f"{kind}.{'on' if on else 'off'}", rule.id, now=now)


def change_count_question(
    action: Action,
    minutes: int,
    *,
    again_after: int | None = None,
    call_after: int | None = None,
    on: bool,
    actor: str,
    now: datetime,
) -> None:
    """Turn the question to the chairs on or off, and set its ladder, in minutes after the start: asked, asked
    again (None: as it was), on the call list (None: as it was). What was asked already is not asked anew.

    Refused: bad_minutes, bad_order, no_rule.
    """
    with atomic():
        rule = _locked(action, RuleKind.COUNT_QUESTION)
        again = rule.again_after_minutes if again_after is None else again_after
        call = rule.call_after_minutes if call_after is None else call_after
        asked = (on, *_in_order(minutes, again, call))
        if (rule.on, rule.minutes_after_start, rule.again_after_minutes, rule.call_after_minutes) == asked:
            return
        rule.on, rule.minutes_after_start, rule.again_after_minutes, rule.call_after_minutes = asked
        audit.note(actor, f"count_question.{'on' if on else 'off'}", rule.id, now=now)


def _in_order(first: int, again: int | None, call: int | None) -> tuple[int, int | None, int | None]:
    steps = [step for step in (first, again, call) if step is not None]
    if not all(0 <= step <= 240 for step in steps):
        raise Refused("bad_minutes", _("Ask between 0 and 240 minutes after the start."))
    if steps != sorted(set(steps)):
        raise Refused("bad_order", _("Each step comes later than the one before it."))
    return first, again, call


def purpose(kind: RuleKind | str, event_id: uuid.UUID, version: int) -> str:
    """Under which purpose the outbox knows the texts of a rule for one version of an event."""
    return f"{kind}:{event_id}:{version}"


def _allow_its_cost(action: Action, rule: ReminderRule, actor: str, now: datetime) -> None:
    """Who turns a rule on has seen its price."""
    if not rule.on or rule.kind not in TO_MEMBERS:
        return
    size = estimate(action, rule, now)
    until_at = (size.done_at or now) + timedelta(hours=1)
    cents = cost_cents(size.segments)
    allow_spending(f"rule:{rule.id}", cents, until_at=until_at, by=actor, now=now)


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
