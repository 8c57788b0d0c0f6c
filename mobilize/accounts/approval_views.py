"""What waits for a second person: said in plain words, agreed to or declined."""

import uuid
from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts import approvals as operations
from mobilize.accounts.approval_models import Approval, ApprovalState
from mobilize.accounts.approvals import Kind
from mobilize.accounts.audit_words import names_of
from mobilize.accounts.entrance import after_step_up, me, signed_in
from mobilize.accounts.models import RoleName
from mobilize.accounts.views import bp
from mobilize.languages import _

# Where a second person looks before she agrees: endpoint, and the name of what `ref` is there.
_LOOK_AT = {
    Kind.IMPORT: ("roster.show_import", "import_id"),
    Kind.CHAIRS: ("accounts.show_chairs", "change_id"),
    Kind.CALLING_OFF: ("reminders.call_off", "action_id"),
    Kind.BROADCAST: ("reminders.broadcast", "broadcast_id"),
}


@bp.get("/approvals")
@signed_in(RoleName.ORGANIZER)
def approvals() -> str:
    """What others ask for, and what became of what she asked for."""
    now, actor, scope = clock.now(), me().actor, me().scope
    waiting, mine = operations.waiting_for(actor, scope, now), operations.asked_by(actor, now)
    return render_template(
        "accounts/approvals.html",
        waiting=waiting,
        mine=mine,
        names=names_of([*(a.asked_by for a in waiting), *(a.decided_by or "" for a in mine)]),
        kind_words=kind_words(),
        state_words=state_words(),
        alone=scope.everything and operations.is_lone_admin(actor, now),
        look_at=_look_at,
        now=now,
    )


@bp.post("/approvals/<uuid:approval_id>/approve")
@signed_in(RoleName.ORGANIZER, step_up=True)
def approve(approval_id: uuid.UUID) -> Response:
    """Say yes, having just proved who they are; a lone admin to their own request. What is about an admin is
    agreed to on the page People, where it is done at once."""
    visitor, now = me(), clock.now()
    with after_step_up():
        found = operations.approve(
            approval_id, by=visitor.actor, scope=visitor.scope, stepped_up=True, now=now
        )
    flash(_("Agreed. It can be done within 24 hours of being asked for, once."), "done")
    return redirect(_look_at(found) or url_for("accounts.approvals"), 303)


@bp.post("/approvals/<uuid:approval_id>/decline")
@signed_in(RoleName.ORGANIZER)
def decline(approval_id: uuid.UUID) -> Response:
    """Say no."""
    operations.decline(approval_id, by=me().actor, scope=me().scope, now=clock.now())
    flash(_("Declined. Nothing was done."), "done")
    return redirect(url_for("accounts.approvals"), 303)


def kind_words() -> dict[str, str]:
    """What is asked for, as a title."""
    return {
        Kind.ADMIN: _("Something about an admin"),
        Kind.IMPORT: _("A roster import that takes off or changes many members"),
        Kind.CHAIRS: _("A list of chairs that ends or begins many terms"),
        Kind.PHONE_EXPORT: _("An export with phone numbers"),
        Kind.CALLING_OFF: _("Calling an event off"),
        Kind.BROADCAST: _("A text to more than 2,000 people"),
    }


def state_words() -> dict[ApprovalState, str]:
    """What became of a request."""
    return {
        ApprovalState.PENDING: _("waiting for a second person"),
        ApprovalState.APPROVED: _("agreed, not done yet"),
        ApprovalState.USED: _("agreed and done"),
        ApprovalState.DECLINED: _("declined"),
        ApprovalState.EXPIRED: _("nobody answered within 24 hours"),
    }


def _look_at(found: Approval) -> str | None:
    if found.kind == Kind.ADMIN:
        return url_for("accounts.people", _anchor="changes")
    endpoint, name = _LOOK_AT.get(Kind(found.kind), ("", ""))
    where: dict[str, Any] = {name: found.ref}
    return url_for(endpoint, **where) if endpoint else None
