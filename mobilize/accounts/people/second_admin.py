"""Changes to an admin: a second admin approves it, or a lone admin their own after a day."""

import uuid
from datetime import datetime

from sqlalchemy import select

from mobilize.accounts.access.scope import THE_OFFICE, Scope, today
from mobilize.accounts.approvals import operations as approvals
from mobilize.accounts.approvals.operations import ApprovalKind
from mobilize.accounts.models import AdminChangeKind, RoleName, RoleTerm
from mobilize.accounts.people.admin_changes import AdminChange
from mobilize.accounts.people.operations import give_role, set_days
from mobilize.accounts.sign_in.role_links import AccessMethod, RoleAccess, let_in, restart
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _


def agree_to_admin_change(
    change_id: uuid.UUID, *, by: str, scope: Scope, stepped_up: bool, now: datetime
) -> RoleAccess:
    """Approve a change and carry it out in the same transaction; returns how the admin signs in.

    Refused: no_approval, what `operations.approve` and `use` refuse, number_taken, and no_role when a role
    that was to get other days is over. Twice does it once ("not_open").
    """
    with atomic() as session:
        query = select(AdminChange).where(AdminChange.id == change_id)
        change = session.scalars(query.with_for_update()).one_or_none()
        approval = approvals.open_approval(ApprovalKind.ADMIN, str(change_id), now=now)
        if change is None or approval is None or change.done_at is not None:
            raise Refused("not_open", _("This request is no longer open."), status=409)
        _refuse_their_own(change, by)
        approvals.approve(approval.id, by=by, scope=scope, stepped_up=stepped_up, now=now)
        approvals.use(ApprovalKind.ADMIN, str(change_id), now=now)
        access = _do(change, by, approval.asked_at, now)
        change.done_at, change.phone = now, None
        session.flush()
        return access


def _do(change: AdminChange, by: str, announced_at: datetime, now: datetime) -> RoleAccess:
    person, term = change.person, None
    if change.kind is AdminChangeKind.MAKE:
        first = max(change.from_on or today(now), today(now))
        term = give_role(person, RoleName.ADMIN, from_on=first, actor=change.made_by, now=now)
    elif change.kind is AdminChangeKind.EXTEND:
        held = db.session.get_one(RoleTerm, change.term_id)
        if held.to_on is not None and held.to_on <= today(now):
            raise Refused("no_role", _("There is no such role any more."), status=404)
        set_days(held, change.from_on or held.from_on, change.last_on, actor=change.made_by, now=now)
        return RoleAccess(person, AccessMethod.CODE)
    else:
        # Only the two who asked for it know whose number it really is: both become sponsors of that person.
        restart(person, change.made_by, now=now, phone=change.phone, also=by if change.phone else None)
    # Whoever agrees sees the link where no text can be sent, and so counts as the one who invited them.
    return let_in(person, scope=THE_OFFICE, actor=by, now=now, term=term, announced_at=announced_at)


def _refuse_their_own(change: AdminChange, by: str) -> None:
    """Refuse somebody's approval of a change to their own sign-in."""
    if by == f"person:{change.person_id}" and change.made_by != by:
        raise Refused(
            "own_request", _("This is about your own sign-in. Somebody else has to agree."), status=403
        )
