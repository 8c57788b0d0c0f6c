"""What will be forgotten when; legal holds; forgetting one action now."""

import uuid

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.entrance import after_step_up, me, require_step_up, signed_in
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.privacy import operations
from mobilize.privacy.blueprint import bp
from mobilize.privacy.holds import running_holds
from mobilize.privacy.queries import all_actions, kept_actions


@bp.get("/privacy")
@signed_in(RoleName.ORGANIZER)
def retention() -> str:
    """The office changes it; organizers read it."""
    return _page()


@bp.post("/privacy/holds")
@signed_in(RoleName.ADMIN, step_up=True)
def place_hold() -> Response | tuple[str, int]:
    """Stop forgetting, for one action or for all."""
    chosen = request.form.get("action", "")
    try:
        action_id = None if chosen == "all" else _uuid(chosen)
        with after_step_up():
            operations.place_hold(action_id, request.form.get("reason", ""), by=me().actor, now=clock.now())
    except Refused as refusal:
        return _page(problem=refusal.message), refusal.status
    flash(_("Held. Nothing of it is forgotten until somebody releases it."), "done")
    return redirect(url_for("privacy.retention"), 303)


@bp.post("/privacy/holds/<uuid:hold_id>/release")
@signed_in(RoleName.ADMIN, step_up=True)
def release_hold(hold_id: uuid.UUID) -> Response:
    """Let forgetting go on."""
    with after_step_up():
        operations.release_hold(hold_id, by=me().actor, now=clock.now())
    flash(_("Released. What is due is forgotten within minutes."), "done")
    return redirect(url_for("privacy.retention"), 303)


@bp.get("/privacy/forget/<uuid:action_id>")
@signed_in(RoleName.ADMIN)
def forget(action_id: uuid.UUID) -> str:
    """What forgetting does, before it is done."""
    return _confirm(_action(action_id))


@bp.post("/privacy/forget/<uuid:action_id>")
@signed_in(RoleName.ADMIN, step_up=True)
def forget_now(action_id: uuid.UUID) -> Response | tuple[str, int]:
    """Forget it, when the box says that she means it."""
    action = _action(action_id)
    if request.form.get("sure") != "yes":
        return _confirm(action, _("Tick the box first.")), 422
    try:
        operations.refuse_forgetting(action.id, now=clock.now())
        require_step_up()  # it takes many transactions
        operations.forget_action(action.id, by=me().actor, now=clock.now())
    except Refused as refusal:
        return _confirm(action, refusal.message), refusal.status
    flash(_("Forgotten. The numbers stay; who it was is gone."), "done")
    return redirect(url_for("privacy.retention"), 303)


def _page(problem: str = "") -> str:
    return render_template(
        "privacy/retention.html",
        kept=kept_actions(all_actions(), me().scope),
        holds=running_holds(),
        problem=problem,
        may_change=me().scope.everything,
        reason=request.form.get("reason", ""),
    )


def _confirm(action: Action, problem: str = "") -> str:
    return render_template("privacy/forget.html", action=action, problem=problem)


def _action(action_id: uuid.UUID) -> Action:
    return db.session.get(Action, action_id) or abort(404)


def _uuid(written: str) -> uuid.UUID:
    try:
        return uuid.UUID(written)
    except ValueError:
        raise Refused("no_action", _("Choose an action, or all of them."), status=422) from None
