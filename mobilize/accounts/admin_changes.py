"""What is done to an admin waits here for a second one: asked for once, and everybody is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from mobilize.accounts.approval_models import Approval
from mobilize.accounts.approvals import Kind, is_lone_admin, open_approval, request_approval
from mobilize.accounts.authority import WAIT
from mobilize.accounts.models import AdminChange, AdminDeed, Person, RoleName, RoleTerm
from mobilize.accounts.notices import ORGANIZERS, tell
from mobilize.accounts.scope import not_over, today
from mobilize.database import atomic, db
from mobilize.languages import _, say_day

NEW_FOR = timedelta(days=7)


@dataclass(frozen=True)
class Wanted:
    """What somebody wants done to an admin: the days of a role made or extended, or another number."""

    deed: AdminDeed
    from_on: date | None = None
    last_on: date | None = None
    term: RoleTerm | None = None
    phone: str | None = None


def ask_second_admin(person: Person, wanted: Wanted, *, by: str, now: datetime) -> AdminChange:
    """Write down what is wanted, ask for a second admin, and tell every admin and organizer.

    Asking again gives the request that is open. `second_admin.agree_to_admin_change` does it.
    """
    with atomic() as session:
        session.scalar(select(Person.id).where(Person.id == person.id).with_for_update())
        change = _open_one(person, wanted, by, now)
        if change is None:
            change = AdminChange(
                deed=wanted.deed,
                person_id=person.id,
                term_id=wanted.term.id if wanted.term else None,
                from_on=wanted.from_on,
                last_on=wanted.last_on,
                made_by=by,
                made_at=now,
            )
            change.phone = wanted.phone
            session.add(change)
            session.flush()
            request_approval(Kind.ADMIN, str(change.id), in_words(person, wanted), by=by, now=now)
            tell(ORGANIZERS, "admin_asked", f"admin_asked:{change.id}:1", now=now)
        return change


def open_changes(now: datetime) -> Sequence[tuple[AdminChange, Approval]]:
    """What waits for a second admin, the oldest first."""
    query = select(AdminChange).where(AdminChange.done_at.is_(None)).order_by(AdminChange.made_at)
    waiting = [(one, open_approval(Kind.ADMIN, str(one.id), now=now)) for one in db.session.scalars(query)]
    return [(one, approval) for one, approval in waiting if approval is not None]


def new_admins(now: datetime) -> Sequence[RoleTerm]:
    """Roles of admins that were given within the last week, for everybody to look at."""
    query = select(RoleTerm).where(RoleTerm.role == RoleName.ADMIN, RoleTerm.given_at > now - NEW_FOR)
    standing = not_over(today(now)), RoleTerm.given_at <= now
    order = RoleTerm.given_at.desc()
    return db.session.scalars(
        query.where(*standing).options(joinedload(RoleTerm.person)).order_by(order)
    ).all()


def may_be_confirmed(approval: Approval, actor: str, now: datetime) -> bool:
    """May a lone admin confirm what they asked for themselves by now?"""
    return approval.asked_by == actor and is_lone_admin(actor, now) and now >= approval.asked_at + WAIT


def in_words(person: Person, wanted: Wanted) -> str:
    """What will happen, for the second admin."""
    name = person.name
    if wanted.deed is AdminDeed.MAKE:
        day = say_day(wanted.from_on) if wanted.from_on else _("today")
        return _("Make %(name)s an admin, from %(day)s on.", name=name, day=day)
    if wanted.deed is AdminDeed.EXTEND:
        last = say_day(wanted.last_on) if wanted.last_on else _("no end")
        return _("Change the days of %(name)s as admin. Last day: %(day)s.", name=name, day=last)
    if wanted.deed is AdminDeed.NUMBER:
        digits = (wanted.phone or "")[-4:]
        return _(
            "Give %(name)s, an admin, another number to sign in with. It ends in %(digits)s.",
            name=name,
            digits=digits,
        )
    return _("Reset the sign-in of %(name)s, an admin.", name=name)


def _open_one(person: Person, wanted: Wanted, by: str, now: datetime) -> AdminChange | None:
    same = [AdminChange.person_id == person.id, AdminChange.deed == wanted.deed, AdminChange.made_by == by]
    for one in db.session.scalars(select(AdminChange).where(*same, AdminChange.done_at.is_(None))):
        days = one.from_on == wanted.from_on and one.last_on == wanted.last_on
        if days and one.phone == wanted.phone and open_approval(Kind.ADMIN, str(one.id), now=now):
            return one
    return None
