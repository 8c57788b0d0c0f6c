"""The approvals page: requests for a second person, approved or declined."""

import uuid
from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.access.permissions import after_step_up, me, signed_in
from mobilize.accounts.approvals import operations
from mobilize.accounts.approvals.models import Approval, ApprovalState
from mobilize.accounts.approvals.operations import ApprovalKind
from mobilize.accounts.models import RoleName
from mobilize.accounts.routes import bp
from mobilize.accounts.security.audit_labels import names_of
from mobilize.languages import _

# The page a second person reads before they agree: its endpoint, and the name of the argument that `ref` is.
_LOOK_AT = {
    ApprovalKind.IMPORT: ("roster.show_import", "import_id"),
    ApprovalKind.CHAIRS: ("accounts.show_chairs", "change_id"),
    ApprovalKind.CALLING_OFF: ("reminders.call_off", "action_id"),
    ApprovalKind.BROADCAST: ("reminders.broadcast", "broadcast_id"),
    ApprovalKind.WEBHOOK_NAMES: ("webhooks.webhook", "webhook_id"),
}


@bp.get("/approvals")
@signed_in(RoleName.ORGANIZER)
def approvals() -> str:
    """Requests of others, and the state of one's own."""
    now, actor, scope = clock.now(), me().actor, me().scope
    waiting, own_requests = operations.waiting_for(actor, scope, now), operations.requests_of(actor, now)
    return render_template(
        "accounts/approvals.html",
        waiting=waiting,
        own_requests=own_requests,
        names=names_of([*(a.asked_by for a in waiting), *(a.decided_by or "" for a in own_requests)]),
        kind_words=kind_words(),
        state_words=state_words(),
        alone=scope.everything and operations.is_lone_admin(actor, now),
        look_at=_look_at,
        now=now,
    )


@bp.post("/approvals/<uuid:approval_id>/approve")
@signed_in(RoleName.ORGANIZER, step_up=True)
def approve(approval_id: uuid.UUID) -> Response:
    """Approve a request; a lone admin their own. Changes to an admin are approved on the page People, where
    they are carried out at once."""
    requester, now = me(), clock.now()
    with after_step_up():
        approval = operations.approve(
            approval_id, by=requester.actor, scope=requester.scope, stepped_up=True, now=now
        )
    flash(_("Agreed. It can be done once, within 24 hours of the request."), "done")
    return redirect(_look_at(approval) or url_for("accounts.approvals"), 303)


@bp.post("/approvals/<uuid:approval_id>/decline")
@signed_in(RoleName.ORGANIZER)
def decline(approval_id: uuid.UUID) -> Response:
    """Decline a request, or take one's own back."""
    operations.decline(approval_id, by=me().actor, scope=me().scope, now=clock.now())
    flash(_("Declined. Nothing was done."), "done")
    return redirect(url_for("accounts.approvals"), 303)


def kind_words() -> dict[str, str]:
    """The title of each kind of request."""
    return {
        ApprovalKind.ADMIN: _("Something about an admin"),
        ApprovalKind.IMPORT: _("A roster import that removes or changes many members"),
        ApprovalKind.CHAIRS: _("A list of chairs that starts or ends many terms"),
        ApprovalKind.PHONE_EXPORT: _("An export with phone numbers"),
        ApprovalKind.CALLING_OFF: _("Calling an event off"),
        ApprovalKind.BROADCAST: _("A text to more than 2,000 people"),
        ApprovalKind.GO_LIVE: _("Going live: texts reach everybody from then on"),
        ApprovalKind.TOKEN: _("A token with which a program reads names"),
        ApprovalKind.WEBHOOK_NAMES: _("Single check-ins, with names, to another program"),
    }


def state_words() -> dict[ApprovalState, str]:
    """The words for each state of a request."""
    return {
        ApprovalState.PENDING: _("waiting for a second person"),
        ApprovalState.APPROVED: _("agreed, not done yet"),
        ApprovalState.USED: _("agreed and done"),
        ApprovalState.DECLINED: _("declined"),
        ApprovalState.EXPIRED: _("nobody answered within 24 hours"),
    }


def _look_at(approval: Approval) -> str | None:
    if approval.kind == ApprovalKind.ADMIN:
        return url_for("accounts.people", _anchor="changes")
    if approval.kind == ApprovalKind.GO_LIVE:
        return url_for("setup.live")
    endpoint, name = _LOOK_AT.get(ApprovalKind(approval.kind), ("", ""))
    where: dict[str, Any] = {name: approval.ref}
    return url_for(endpoint, **where) if endpoint else None
