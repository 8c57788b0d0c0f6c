"""The tab of an action's texts: its plan, and the list of what people wrote about it."""

import uuid

from flask import render_template, request

from mobilize import clock, settings
from mobilize.accounts.access.permissions import me, signed_in
from mobilize.accounts.approvals.operations import ApprovalKind, open_approval
from mobilize.accounts.models import RoleName
from mobilize.reminders.broadcasts.queries import BroadcastProgress, broadcasts_of
from mobilize.reminders.plan.queries import StepState, plan_of
from mobilize.reminders.routes import bp
from mobilize.reminders.rules.operations import set_default_rules
from mobilize.reminders.rules.queries import may_change, usual_and_off
from mobilize.reminders.rules.views import action_in_scope

_UNSENT = (BroadcastProgress.DRAFT, BroadcastProgress.WAITS, BroadcastProgress.AGREED)


@bp.get("/actions/<uuid:action_id>/reminders")
@signed_in(RoleName.ORGANIZER)
def plan(action_id: uuid.UUID) -> str:
    """Who gets what when: reminders and what people wrote, sent and to come."""
    action, now, scope = action_in_scope(action_id), clock.now(), me().scope
    set_default_rules(now)
    written = broadcasts_of(action, scope, now=now)
    usual = usual_and_off(action, now)
    return render_template(
        "reminders/plan.html",
        action=action,
        plan=plan_of(action, written.broadcasts, now),
        unsent=[one for one in written.broadcasts if one.progress in _UNSENT],
        written=written,
        calling_off=open_approval(ApprovalKind.CALLING_OFF, str(action.id), now=now),
        usual=usual,
        may_change=may_change(action, scope),
        states=StepState,
        now=now,
        ignores_windows=settings().is_demo,
    )


@bp.get("/actions/<uuid:action_id>/texts")
@signed_in(RoleName.ORGANIZER)
def broadcasts(action_id: uuid.UUID) -> str:
    """What people wrote about it: how far each text is, who wrote it, when, and its price."""
    action, page = action_in_scope(action_id), request.args.get("page", 1, int)
    now = clock.now()
    listed = broadcasts_of(action, me().scope, page=page, now=now)
    may_write = not action.called_off_at and action.ends_at > now
    return render_template("reminders/broadcasts.html", action=action, written=listed, may_write=may_write)
