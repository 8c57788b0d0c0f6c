"""What is done to an admin is done when a second admin agrees, or a lone one confirms it after a day."""

import uuid
from datetime import datetime

from sqlalchemy import select

from mobilize.accounts import approvals
from mobilize.accounts.admin_changes import AdminChange
from mobilize.accounts.approvals import Kind
from mobilize.accounts.models import AdminDeed, RoleName, RoleTerm
from mobilize.accounts.people import give_role, set_days
from mobilize.accounts.scope import THE_OFFICE, Scope, today
from mobilize.accounts.sign_in_access import Access, Way, let_in, restart
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _


def agree_to_admin_change(
    change_id: uuid.UUID, *, by: str, scope: Scope, stepped_up: bool, now: datetime
) -> Access:
    """Say yes to it, and do it in the same transaction; returns how the admin gets in.

    Refused: no_approval, what `approvals.approve` and `use` refuse, number_taken, and no_role when a role
    that was to get other days is over. Twice does it once ("not_open").
    """
    with atomic() as session:
        query = select(AdminChange).where(AdminChange.id == change_id)
        change = session.scalars(query.with_for_update()).one_or_none()
        asked = approvals.open_approval(Kind.ADMIN, str(change_id), now=now)
        if change is None or asked is None or change.done_at is not None:
            raise Refused("not_open", _("This request is no longer open."), status=409)
        _refuse_their_own(change, by)
        approvals.approve(asked.id, by=by, scope=scope, stepped_up=stepped_up, now=now)
        approvals.use(Kind.ADMIN, str(change_id), now=now)
        access = _do(change, by, asked.asked_at, now)
        change.done_at, change.phone = now, None
        session.flush()
        return access


def _do(change: AdminChange, by: str, told_at: datetime, now: datetime) -> Access:
    person, term = change.person, None
    if change.deed is AdminDeed.MAKE:
        first = max(change.from_on or today(now), today(now))
        term = give_role(person, RoleName.ADMIN, from_on=first, actor=change.made_by, now=now)
    elif change.deed is AdminDeed.EXTEND:
        held = db.session.get_one(RoleTerm, change.term_id)
        if held.to_on is not None and held.to_on <= today(now):
            raise Refused("no_role", _("There is no such role any more."), status=404)
        set_days(held, change.from_on or held.from_on, change.last_on, actor=change.made_by, now=now)
        return Access(person, Way.CODE)
    else:
        # Whose number it really is only the two who wanted it know: neither is ever that person's second.
        restart(person, change.made_by, now=now, phone=change.phone, also=by if change.phone else None)
    # Whoever agrees sees the link where no text can take it, and so counts as one who let them in.
    return let_in(person, scope=THE_OFFICE, actor=by, now=now, term=term, told_at=told_at)


def _refuse_their_own(change: AdminChange, by: str) -> None:
    """Nobody is second person to what is done to their own sign-in."""
    if by == f"person:{change.person_id}" and change.made_by != by:
        raise Refused(
            "own_request", _("This is about your own sign-in. Somebody else has to agree."), status=403
        )
