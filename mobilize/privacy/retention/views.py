"""The pages of retention: when each action is forgotten, legal holds, forgetting one action now."""

import uuid

from flask import abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.access.permissions import after_step_up, me, require_step_up, signed_in
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.privacy.forms import ForgetForm, HoldForm
from mobilize.privacy.queries import all_actions, kept_actions
from mobilize.privacy.retention import forgetting, legal_holds
from mobilize.privacy.retention.legal_holds import running_holds
from mobilize.privacy.routes import bp


@bp.get("/privacy")
@signed_in(RoleName.ORGANIZER)
def retention() -> str:
    """The retention page. The office changes it; organizers read it."""
    return _page()


@bp.post("/privacy/holds")
@signed_in(RoleName.ADMIN, step_up=True)
def place_hold() -> Response | tuple[str, int]:
    """Place a legal hold on one action or on all."""
    form = HoldForm()
    try:
        action_id = form.action_id
        with after_step_up():
            legal_holds.place_hold(action_id, form.reason.data, by=me().actor, now=clock.now())
    except Refused as refusal:
        return _page(form.reason.data, refusal.message), refusal.status
    flash(_("On hold. Nothing of it is forgotten until somebody releases it."), "done")
    return redirect(url_for("privacy.retention"), 303)


@bp.post("/privacy/holds/<uuid:hold_id>/release")
@signed_in(RoleName.ADMIN, step_up=True)
def release_hold(hold_id: uuid.UUID) -> Response:
    """Release a legal hold."""
    with after_step_up():
        legal_holds.release_hold(hold_id, by=me().actor, now=clock.now())
    flash(_("Released. What is due is forgotten within minutes."), "done")
    return redirect(url_for("privacy.retention"), 303)


@bp.get("/privacy/forget/<uuid:action_id>")
@signed_in(RoleName.ADMIN)
def forget(action_id: uuid.UUID) -> str:
    """The page that says what forgetting does."""
    return _confirm(_action(action_id))


@bp.post("/privacy/forget/<uuid:action_id>")
@signed_in(RoleName.ADMIN, step_up=True)
def forget_now(action_id: uuid.UUID) -> Response | tuple[str, int]:
    """Forget an action, when the box is ticked."""
    action = _action(action_id)
    if not ForgetForm().validate():
        return _confirm(action, _("Tick the box first.")), 422
    try:
        forgetting.refuse_forgetting(action.id, now=clock.now())
        require_step_up()  # it takes many transactions
        forgetting.forget_action(action.id, by=me().actor, now=clock.now())
    except Refused as refusal:
        return _confirm(action, refusal.message), refusal.status
    flash(_("Forgotten. The numbers stay; who it was is gone."), "done")
    return redirect(url_for("privacy.retention"), 303)


def _page(reason: str = "", problem: str = "") -> str:
    return render_template(
        "privacy/retention.html",
        kept=kept_actions(all_actions(), me().scope),
        holds=running_holds(),
        problem=problem,
        may_change=me().scope.everything,
        reason=reason,
    )


def _confirm(action: Action, problem: str = "") -> str:
    return render_template("privacy/forget.html", action=action, problem=problem)


def _action(action_id: uuid.UUID) -> Action:
    return db.session.get(Action, action_id) or abort(404)
