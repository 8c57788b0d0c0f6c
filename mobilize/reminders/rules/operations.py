"""An action's reminder rules: the usual ones for new actions, and what an organizer changes."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import delete, select

from mobilize import audit
from mobilize.accounts.models import Person
from mobilize.actions.models import Action
from mobilize.database import atomic, db, insert, new_id
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders.merge_fields import merge_fields_for, written_in
from mobilize.reminders.models import PlannedReminder, ReminderRule, RuleKind
from mobilize.reminders.own_phone import text_to_oneself
from mobilize.reminders.rules.estimates import estimate, events_of, longest_wording, merge_fields_of
from mobilize.reminders.rules.kinds import SPECS, DefaultState
from mobilize.reminders.rules.queries import actions_without_rules, reached_by, rules_of
from mobilize.texts.models import TextClass
from mobilize.texts.operations import drop_texts
from mobilize.texts.sending.spending import allow_spending, cost_cents

# Above this many phones somebody looks at the price first and turns it on.
ON_UP_TO = 2000
# Why the outbox dropped a text that a changed rule puts back, at its new time.
CHANGED = "rule_changed"
TEXTED_BETWEEN = (time(9), time(19, 30))
STEPS = ("minutes_after_start", "again_after_minutes", "call_after_minutes")
# The columns with the moment of a rule; each kind uses some of them.
WHEN = ("days_before", "at_local", "minutes_before", *STEPS)


def set_default_rules(now: datetime) -> int:
    """Give every coming action the rules it lacks; returns to how many. Twice adds nothing, and a rule that
    is there stays as it is.

    What would reach more than 2,000 phones is off until an organizer has seen what it costs.
    """
    waiting = actions_without_rules(now)
    for action in waiting:
        with atomic() as session:
            phones = sum(reached_by(action, SPECS[RuleKind.DAY_BEFORE], now).values())
            rows = default_rules(action, small=phones <= ON_UP_TO)
            session.execute(insert(ReminderRule).values(rows).on_conflict_do_nothing())
    return len(waiting)


def default_rules(action: Action, *, small: bool) -> list[dict[str, Any]]:
    """One row of each kind. `small`: few enough members that their texts need nobody to look at the price."""
    is_on = {DefaultState.ON: True, DefaultState.WHEN_SMALL: small, DefaultState.OFF: False}
    return [
        {
            "id": new_id(),
            "action_id": action.id,
            "kind": kind,
            "on": is_on[spec.default_state],
            "wording": spec.wording,
            "reason_enc": None,
            **dict.fromkeys(WHEN),
            **spec.defaults(action),
        }
        for kind, spec in SPECS.items()
    ]


def change_rule(
    action: Action, kind: RuleKind, settings: Mapping[str, Any], *, on: bool, actor: str, now: datetime
) -> None:
    """Turn a rule on or off, and set what its kind lets an organizer set; a setting that is not given stays.

    What waits is taken back; on, it is planned anew. What was sent is never sent again, and who was asked for
    a count is not asked anew. Refused: bad_time, bad_minutes, bad_order, no_reason, no_rule.
    """
    reason = " ".join(settings.get("reason", "").split())[:200] or None
    values = {name: value for name, value in {**settings, "reason": reason}.items() if value is not None}
    with atomic():
        rule = _locked(action, kind)
        before = _as_set(rule)
        rule.on = on
        for column in SPECS[kind].settings:
            setattr(rule, column, values.get(column, getattr(rule, column)))
        _check(rule, values)
        _allow_its_cost(action, rule, actor, now)
        if _as_set(rule) == before:
            return
        if SPECS[kind].is_replanned:
            _take_back(rule, now)
        audit.note(actor, f"reminder.{'on' if on else 'off'}", rule.id, now=now)


def _as_set(rule: ReminderRule) -> list[Any]:
    return [rule.on, *(getattr(rule, column) for column in SPECS[rule.kind].settings)]


def _check(rule: ReminderRule, values: Mapping[str, Any]) -> None:
    spec = SPECS[rule.kind]
    earliest, latest = TEXTED_BETWEEN
    in_hours = earliest <= values.get("at_local", latest) <= latest
    if spec.text_class is TextClass.MEMBER and not in_hours:
        raise Refused("bad_time", _("Members are texted from 9:00 AM on; choose a time until 7:30 PM."))
    if not 15 <= values.get("minutes_before", 15) <= 240:
        raise Refused("bad_minutes", _("Choose between 15 and 240 minutes before the start."))
    if spec.urgent and rule.on and "reason" not in values:
        raise Refused("no_reason", _("Say why members are texted at such an hour. It is written down."))
    steps = [getattr(rule, column) for column in STEPS if column in spec.settings]
    _check_steps([step for step in steps if step is not None])


def _check_steps(steps: list[int]) -> None:
    if not all(0 <= step <= 240 for step in steps):
        raise Refused("bad_minutes", _("Ask between 0 and 240 minutes after the start."))
    if steps != sorted(set(steps)):
        raise Refused("bad_order", _("Each step comes later than the one before it."))


def test_reminder(action: Action, kind: RuleKind, person: Person, *, now: datetime) -> None:
    """Text the longest of a rule's texts to whoever is signed in, as it reads at the first place, in their
    language; each press is one text. Refused: no_rule, no_event, and like `text_to_oneself`."""
    rule = rules_of(action).get(kind)
    if rule is None:
        raise _no_rule()
    event = next(iter(events_of(action)), None)
    if event is None:
        raise Refused("no_event", _("This action has no place that it could be about."), status=409)
    language = written_in(person.language)
    text_to_oneself(
        person,
        longest_wording(rule),
        language,
        {**merge_fields_of(rule, event, language), **merge_fields_for(event, language)},
        purpose=f"test:{rule.id}",
        tz=event.tz,
        now=now,
    )


def purpose(kind: RuleKind | str, event_id: uuid.UUID, version: int) -> str:
    """Under which purpose the outbox knows the texts of a rule for one version of an event."""
    return f"{kind}:{event_id}:{version}"


def tick_off(rule: ReminderRule, versions: Iterable[tuple[uuid.UUID, int]], now: datetime) -> None:
    """Note that a rule was worked off for these events, each as (id, version). Twice is once."""
    rows = [
        {"rule_id": rule.id, "event_id": event_id, "version": version, "planned_at": now}
        for event_id, version in versions
    ]
    if rows:
        with atomic() as session:
            session.execute(insert(PlannedReminder).on_conflict_do_nothing(), rows)


def _allow_its_cost(action: Action, rule: ReminderRule, actor: str, now: datetime) -> None:
    """Allow the rule's cost beyond the hourly limit: whoever turns it on has seen the price."""
    if not rule.on or not SPECS[rule.kind].to_members:
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
        raise _no_rule()
    return rule


def _no_rule() -> Refused:
    return Refused("no_rule", _("This action has no such reminder."), status=404)


def _take_back(rule: ReminderRule, now: datetime) -> None:
    planned = db.session.scalars(select(PlannedReminder).where(PlannedReminder.rule_id == rule.id)).all()
    for one in planned:
        drop_texts(
            purpose(rule.kind, one.event_id, one.version) + ":", CHANGED, now=now, event_id=one.event_id
        )
    if rule.on:
        # Without these the planner works the rule off again. Off, they stay: a move concerns who was told.
        db.session.execute(delete(PlannedReminder).where(PlannedReminder.rule_id == rule.id))
