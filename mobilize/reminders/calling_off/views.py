"""The page that calls an action off: the consequences, the second person, and the call list."""

import uuid

from flask import abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.access.permissions import after_step_up, me, signed_in
from mobilize.accounts.approvals.operations import ApprovalKind, needs_second_person, open_approval
from mobilize.accounts.models import RoleName
from mobilize.actions.visibility import number_of_events
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders.calling_off import operations
from mobilize.reminders.routes import bp
from mobilize.reminders.rules.queries import may_change
from mobilize.reminders.rules.views import action_in_scope


@bp.get("/actions/<uuid:action_id>/call-off")
@signed_in(RoleName.ORGANIZER)
def call_off(action_id: uuid.UUID) -> str:
    """Before: what it does. Afterwards: who was told, and whom to call."""
    return _page(action_id)


@bp.post("/actions/<uuid:action_id>/call-off")
@signed_in(RoleName.ORGANIZER, step_up=True)
def call_off_now(action_id: uuid.UUID) -> Response | tuple[str, int]:
    """Call it off; above 24 people the first press asks a second person, whose press does it."""
    action = action_in_scope(action_id)
    if not may_change(action, me().scope):
        abort(403)
    try:
        with after_step_up():
            done = operations.call_off(action, scope=me().scope, actor=me().actor, now=clock.now())
    except Refused as refusal:
        return _page(action_id, refusal), refusal.status
    if done:
        flash(_("It is called off. Everybody who had a text about it is being texted now."), "done")
    else:
        flash(_("A second person has been asked. It happens when they agree on this page."), "note")
    return redirect(url_for("reminders.call_off", action_id=action_id), 303)


def _page(action_id: uuid.UUID, refusal: Refused | None = None) -> str:
    action, now = action_in_scope(action_id), clock.now()
    off = action.called_off_at is not None
    people = operations.members_concerned(action)
    approval = None if off else open_approval(ApprovalKind.CALLING_OFF, str(action.id), now=now)
    return render_template(
        "reminders/call_off.html",
        action=action,
        off=off,
        refusal=refusal,
        number=number_of_events(action, me().scope),
        people=people,
        wants_second=needs_second_person(ApprovalKind.CALLING_OFF, people),
        approval=approval,
        is_own=approval is not None and approval.asked_by == me().actor,
        may_change=may_change(action, me().scope),
        notices=operations.notice_counts(action) if off else None,
        to_call=operations.call_list(action, me().scope, now) if off else [],
    )
