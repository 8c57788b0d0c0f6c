"""Operations that write drafts: a text to many, a statement; reminders on, off and at another time; reports
put together anew."""

import uuid
from datetime import datetime
from functools import partial
from typing import Any

from flask import abort

from mobilize import clock
from mobilize.accounts.models import Person
from mobilize.accounts.tokens.access import TokenAccess
from mobilize.accounts.tokens.models import ApiScope
from mobilize.actions.models import Action
from mobilize.actions.visibility import visible_action
from mobilize.api.endpoint import reading, writing
from mobilize.api.fields import RequestBody, example
from mobilize.api.idempotency import KeptAnswer, Result, done_once
from mobilize.api.planning.confirmations import refuse_part, to_be_confirmed
from mobilize.api.planning.forms import NothingMore, RuleSwitch, TextPlan
from mobilize.api.reading.figures_views import report_out
from mobilize.api.schemas import ChangedOut, PreparedOut, ReportOut, RuleOut, RuleSizeOut, RulesOut
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import LANGUAGES, _
from mobilize.reminders.broadcasts.operations import call_back_broadcast, write_broadcast
from mobilize.reminders.broadcasts.queries import may_see
from mobilize.reminders.models import Broadcast, ReminderRule
from mobilize.reminders.plan.queries import shown_rules
from mobilize.reminders.rules.estimates import estimate
from mobilize.reminders.rules.forms import FIELDS
from mobilize.reminders.rules.kinds import SPECS
from mobilize.reminders.rules.operations import change_rule, set_default_rules
from mobilize.reminders.rules.queries import may_change, rules_of
from mobilize.turnout.models import ReportKind
from mobilize.turnout.reports.operations import put_together, sees_report
from mobilize.turnout.statements import operations as statements

_ACTION = "/actions/<uuid:action_id>"
_PLAN = ApiScope.PLAN


class ReportWanted(
    RequestBody,
    json_schema_extra=example({"kind": "chapter", "place_id": "0190c0de-0000-7000-8000-000000000001"}),
):
    """Which report."""

    kind: ReportKind
    place_id: uuid.UUID


@writing(f"{_ACTION}/texts", _PLAN, tag="Plan", body=TextPlan, answer=PreparedOut, status=202)
def write_text(access: TokenAccess, action_id: uuid.UUID, key: str, body: TextPlan) -> KeptAnswer:
    """Write a text about an action. It is kept for two days; the token's maker looks at whom it reaches and
    what it costs, and sends it."""
    action = visible_action(action_id, access.scope)
    return done_once(access, key, partial(_write_text, access, action, body))


@writing("/broadcasts/<uuid:broadcast_id>/call-back", _PLAN, tag="Plan", body=NothingMore, answer=ChangedOut)
def call_back_text(access: TokenAccess, broadcast_id: uuid.UUID, key: str, body: NothingMore) -> KeptAnswer:
    """Stop a text to many, by the `id` that `write_text` answered: how many do not leave any more. What is
    out stays out."""
    broadcast = db.session.get(Broadcast, broadcast_id)
    if broadcast is None or not may_see(broadcast, access.scope):
        abort(404)
    return done_once(access, key, partial(_call_back, access, broadcast))


@writing(f"{_ACTION}/reminders", _PLAN, tag="Plan", body=RuleSwitch, answer=RuleOut, prepared=PreparedOut)
def switch_reminder(access: TokenAccess, action_id: uuid.UUID, key: str, body: RuleSwitch) -> KeptAnswer:
    """Turn one of an action's reminders off, or set when it goes out while it is off. On, and when what is on
    goes out, a person decides, who sees its price: that is prepared."""
    action = visible_action(action_id, access.scope)
    return done_once(access, key, partial(_switch_reminder, access, action, body))


@reading(f"{_ACTION}/reminders", _PLAN, tag="Plan", answer=RulesOut)
def reminders(access: TokenAccess, action_id: uuid.UUID) -> RulesOut:
    """An action's reminders: when they go out, to how many phones, at what price."""
    action, now = visible_action(action_id, access.scope), clock.now()
    set_default_rules(now)
    return RulesOut(reminders=[_rule_with_size(action, rule, now) for rule in shown_rules(action).values()])


@writing(f"{_ACTION}/statement", _PLAN, tag="Plan", body=NothingMore, answer=PreparedOut, status=202)
def draft_statement(access: TokenAccess, action_id: uuid.UUID, key: str, body: NothingMore) -> KeptAnswer:
    """Freeze the counts of this moment for the office, which signs and publishes them. For a token of the
    whole union."""
    action = visible_action(action_id, access.scope)
    return done_once(access, key, partial(_draft_statement, access, action))


@writing(f"{_ACTION}/reports", ApiScope.FIGURES, tag="Figures", body=ReportWanted, answer=ReportOut)
def make_report(access: TokenAccess, action_id: uuid.UUID, key: str, body: ReportWanted) -> KeptAnswer:
    """Put a report together anew: its next version where a figure has moved, else the last one."""
    action = visible_action(action_id, access.scope)
    return done_once(access, key, partial(_make_report, access, action, body))


def _write_text(access: TokenAccess, action: Action, body: TextPlan) -> Result:
    if body.language is not None and body.language not in LANGUAGES:
        raise Refused("no_language", _("There is no such language here."))
    written = write_broadcast(
        action,
        body.text.translated.map(lambda text: " ".join(text.split())),
        body.audience,
        audience_filter=body.members,
        places=body.place_ids,
        language=body.language,
        urgent_reason=body.urgent_reason,
        scope=access.scope,
        actor=access.maker,
        now=clock.now(),
    )
    return to_be_confirmed(access, written.id, "reminders.broadcast", id=written.id, broadcast_id=written.id)


def _call_back(access: TokenAccess, broadcast: Broadcast) -> Result:
    how: dict[str, Any] = {"actor": access.actor, "now": clock.now()}
    return ChangedOut(changed=call_back_broadcast(broadcast.id, any_author=True, **how)), 200


def _switch_reminder(access: TokenAccess, action: Action, body: RuleSwitch) -> Result:
    refuse_part(may_change(action, access.scope))
    if body.settings.keys() - SPECS[body.kind].settings.keys():
        raise Refused("no_such_setting", _("This reminder has no such setting."))
    set_default_rules(clock.now())
    if body.on:
        return _prepare_reminder(access, action, body)
    change_rule(action, body.kind, body.settings, on=False, actor=access.actor, now=clock.now())
    return _rule(rules_of(action)[body.kind]), 200


def _prepare_reminder(access: TokenAccess, action: Action, body: RuleSwitch) -> Result:
    """Its page with these settings typed in. What could not be set is declined: it is set, off, and taken
    back."""
    with db.session.begin_nested() as attempt:
        change_rule(action, body.kind, body.settings, on=False, actor=access.actor, now=clock.now())
        attempt.rollback()
    fields = {FIELDS[column].name: value for column, value in body.settings.items()}
    if body.at_local:
        fields["at_local"] = body.at_local
    return to_be_confirmed(
        access, action.id, "reminders.rule", action_id=action.id, reminder=body.kind, **fields
    )


def _rule(rule: ReminderRule) -> RuleOut:
    return RuleOut(kind=rule.kind, on=rule.on, **_times(rule))


def _rule_with_size(action: Action, rule: ReminderRule, now: datetime) -> RuleSizeOut:
    size = estimate(action, rule, now)
    return RuleSizeOut(
        kind=rule.kind,
        on=rule.on,
        **_times(rule),
        phones=size.phones,
        segments=size.segments,
        cost_cents=size.cost_cents,
        starts_at=size.starts_at,
        done_at=size.done_at,
    )


def _times(rule: ReminderRule) -> dict[str, Any]:
    """Its settings, without the reason."""
    own = SPECS[rule.kind].settings
    times = {
        column: getattr(rule, column) if column in own else None for column in FIELDS if column != "reason"
    }
    at = times["at_local"]
    return times | {"at_local": f"{at:%H:%M}" if at else None}


def _draft_statement(access: TokenAccess, action: Action) -> Result:
    refuse_part(access.scope.everything)
    person = db.session.get_one(Person, access.person_id)
    draft = statements.prepare(action, person, clock.now())
    return to_be_confirmed(access, action.id, "turnout.statements", id=draft.id, action_id=action.id)


def _make_report(access: TokenAccess, action: Action, body: ReportWanted) -> Result:
    if not sees_report(access.scope, action.id, body.kind, body.place_id):
        raise Refused("no_place", _("There is no such place."))
    report = put_together(action, body.kind, body.place_id, by=access.actor, now=clock.now())
    return report_out(report), 200
