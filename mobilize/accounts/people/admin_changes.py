"""Changes to an admin that wait for a second admin: requesting one, and the lists on the page People."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from mobilize.accounts.access.authority import WAIT
from mobilize.accounts.access.scope import not_over, today
from mobilize.accounts.approvals.models import Approval
from mobilize.accounts.approvals.operations import (
    ApprovalKind,
    is_lone_admin,
    open_approval,
    request_approval,
)
from mobilize.accounts.models import AdminChange, AdminChangeKind, Person, RoleName, RoleTerm
from mobilize.accounts.people.notices import ORGANIZERS, notify_roles
from mobilize.database import atomic, db
from mobilize.languages import _, in_every_language, say_day

NEW_FOR = timedelta(days=7)


@dataclass(frozen=True)
class AdminChangeRequest:
    """The change to an admin that somebody asks for: a new role, its days, a reset, or another number."""

    kind: AdminChangeKind
    from_on: date | None = None
    last_on: date | None = None
    term: RoleTerm | None = None
    phone: str | None = None


def ask_second_admin(person: Person, request: AdminChangeRequest, *, by: str, now: datetime) -> AdminChange:
    """Store the request, ask for a second admin's approval, and notify every admin and organizer.

    Asking again gives the request that is open. `second_admin.agree_to_admin_change` does it.
    """
    with atomic() as session:
        session.scalar(select(Person.id).where(Person.id == person.id).with_for_update())
        change = _open_one(person, request, by, now)
        if change is None:
            change = AdminChange(
                kind=request.kind,
                person_id=person.id,
                term_id=request.term.id if request.term else None,
                from_on=request.from_on,
                last_on=request.last_on,
                made_by=by,
                made_at=now,
            )
            change.phone = request.phone
            session.add(change)
            session.flush()
            summary = in_every_language(lambda _code: in_words(person, request))
            request_approval(ApprovalKind.ADMIN, str(change.id), summary, by=by, now=now)
            notify_roles(ORGANIZERS, "admin_asked", f"admin_asked:{change.id}:1", now=now)
        return change


def open_changes(now: datetime) -> Sequence[tuple[AdminChange, Approval]]:
    """The changes that wait for a second admin, the oldest first."""
    query = select(AdminChange).where(AdminChange.done_at.is_(None)).order_by(AdminChange.made_at)
    waiting = [
        (one, open_approval(ApprovalKind.ADMIN, str(one.id), now=now)) for one in db.session.scalars(query)
    ]
    return [(one, approval) for one, approval in waiting if approval is not None]


def new_admins(now: datetime) -> Sequence[RoleTerm]:
    """The roles of admins from the last week, for every admin and organizer to read."""
    query = select(RoleTerm).where(RoleTerm.role == RoleName.ADMIN, RoleTerm.granted_at > now - NEW_FOR)
    conditions = not_over(today(now)), RoleTerm.granted_at <= now
    order = RoleTerm.granted_at.desc()
    return db.session.scalars(
        query.where(*conditions).options(joinedload(RoleTerm.person)).order_by(order)
    ).all()


def may_be_confirmed(approval: Approval, actor: str, now: datetime) -> bool:
    """Whether a lone admin may confirm their own request by now."""
    return approval.asked_by == actor and is_lone_admin(actor, now) and now >= approval.asked_at + WAIT


def in_words(person: Person, request: AdminChangeRequest) -> str:
    """The change in words, for the second admin."""
    name = person.name
    if request.kind is AdminChangeKind.MAKE:
        day = say_day(request.from_on) if request.from_on else _("today")
        return _("Make %(name)s an admin, from %(day)s on.", name=name, day=day)
    if request.kind is AdminChangeKind.EXTEND:
        last = say_day(request.last_on) if request.last_on else _("no end")
        return _("Change the days of %(name)s as admin. Last day: %(day)s.", name=name, day=last)
    if request.kind is AdminChangeKind.NUMBER:
        digits = (request.phone or "")[-4:]
        return _(
            "Give %(name)s, an admin, another number to sign in with. It ends in %(digits)s.",
            name=name,
            digits=digits,
        )
    return _("Reset the sign-in of %(name)s, an admin.", name=name)


def _open_one(person: Person, request: AdminChangeRequest, by: str, now: datetime) -> AdminChange | None:
    same = [AdminChange.person_id == person.id, AdminChange.kind == request.kind, AdminChange.made_by == by]
    for one in db.session.scalars(select(AdminChange).where(*same, AdminChange.done_at.is_(None))):
        days = one.from_on == request.from_on and one.last_on == request.last_on
        if days and one.phone == request.phone and open_approval(ApprovalKind.ADMIN, str(one.id), now=now):
            return one
    return None
