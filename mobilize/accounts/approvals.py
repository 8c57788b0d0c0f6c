"""The two-person rule: what a second person has to agree to, who that may be, and what became of it.

It binds the web only: whoever has a shell on the server is the operator, and audited. Who may be somebody's
second person, `authority` and `sponsors` say: an organizer or admin of at least a day, whom neither made nor
restarted. A lone admin has nobody to ask; they confirm again after proving once more who they are, and what
is done to an admin waits for a day before that.
"""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, false, func, or_, select, true, update

from mobilize import audit
from mobilize.accounts.approval_models import Approval, ApprovalState
from mobilize.accounts.authority import WAIT, Rank, may_agree, may_agree_to_admin
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.accounts.scope import Scope, running_on, standing_of, today
from mobilize.accounts.second_steps import second_steps_since
from mobilize.accounts.sponsors import are_related, person_behind
from mobilize.database import atomic, db, insert, new_id
from mobilize.errors import Refused
from mobilize.languages import _

LASTS = timedelta(hours=24)
_OPEN = (ApprovalState.PENDING, ApprovalState.APPROVED)


class Kind(StrEnum):
    """What wants a second person."""

    ADMIN = "admin"
    IMPORT = "import"
    CHAIRS = "chairs"
    PHONE_EXPORT = "export_phones"
    CALLING_OFF = "calling_off"
    BROADCAST = "broadcast"


@dataclass(frozen=True)
class Rule:
    """From how many people on a second person is asked. Below 25 a local may have nobody else (model.md)."""

    from_people: int = 25
    lasts: timedelta = LASTS


# An import is asked by its shares as well: `roster.import_summary.needs_second_person`, and the yearly list
# of chairs likewise: `ChairPlan.wants_second_person`.
RULES = {
    # A lone admin waits for a day before confirming it, and then has two more.
    Kind.ADMIN: Rule(from_people=1, lasts=LASTS + WAIT + LASTS),
    Kind.IMPORT: Rule(),
    Kind.CHAIRS: Rule(),
    Kind.PHONE_EXPORT: Rule(),
    Kind.CALLING_OFF: Rule(),
    Kind.BROADCAST: Rule(from_people=2_001),
}


def needs_second_person(kind: Kind, people: int) -> bool:
    """Whether doing this to so many people wants a second person."""
    return people >= RULES[kind].from_people


def request_approval(
    kind: Kind, ref: str, summary: str, *, by: str, now: datetime, area_id: uuid.UUID | None = None
) -> Approval:
    """Ask for a second person's yes, good for 24 hours (of an admin: 72); asking again gives the request that
    is open.

    `ref` is the id of what is to be done, so that a yes holds for exactly that. `summary` tells the second
    person in plain words what will happen. With `area_id` organizers of that area may agree, else the office.
    """
    with atomic() as session:
        _expire(now, Approval.kind == kind, Approval.ref == ref)
        row_id = new_id()
        asked = insert(Approval).values(
            id=row_id,
            kind=kind,
            ref=ref,
            area_id=area_id,
            summary_enc=Approval.summary.seal(row_id, summary[:500]),
            state=ApprovalState.PENDING,
            asked_by=by,
            asked_at=now,
            expires_at=now + RULES[kind].lasts,
        )
        session.execute(asked.on_conflict_do_nothing())
        found = session.scalars(_of(kind, ref, now).with_for_update()).one()
        if found.id == row_id:
            audit.note(by, f"approval.ask.{kind}", f"{found.id} {ref}", now=now)
        return found


def approve(approval_id: uuid.UUID, *, by: str, scope: Scope, stepped_up: bool, now: datetime) -> Approval:
    """Say yes. Twice by the same person is once.

    `stepped_up`: they have just proved again who they are; only asked of a lone admin, for their own request.
    Refused: no_approval (404, also outside `scope`), own_request, related (whoever asked made or restarted
    them, or they whoever asked), too_new (organizer or admin for less than a day; of what is done to an
    admin: a day before the request), wait, step_up, not_open (409).
    """
    with atomic() as session:
        found = _decidable(approval_id, by, scope, now)
        if found.state is ApprovalState.APPROVED and found.decided_by == by:
            return found
        if found.asked_by == by:
            _refuse_own(found, stepped_up, now)
        else:
            _refuse_second(found, by, now)
        if found.state is not ApprovalState.PENDING:
            raise _not_open()
        found.state, found.decided_by, found.decided_at = ApprovalState.APPROVED, by, now
        session.flush()
        alone = ".alone" if found.asked_by == by else ""
        audit.note(by, f"approval.approve{alone}", found.id, now=now)
        return found


def decline(approval_id: uuid.UUID, *, by: str, scope: Scope, now: datetime) -> Approval:
    """Say no, or take one's own request back. Refused: no_approval (404), not_open (409)."""
    with atomic() as session:
        found = _decidable(approval_id, by, scope, now)
        if found.state not in _OPEN:
            raise _not_open()
        found.state, found.decided_by, found.decided_at = ApprovalState.DECLINED, by, now
        session.flush()
        audit.note(by, "approval.decline", found.id, now=now)
        return found


def use(kind: Kind, ref: str, *, now: datetime) -> str:
    """Spend the yes for this one thing; returns who gave it. Call it inside the operation that does it,
    so that both happen or neither. Refused: second_person (403) without a yes, with one already spent, or
    when one of the two was restarted since, or has lost the role.
    """
    with atomic() as session:
        found = session.scalars(_of(kind, ref, now).with_for_update()).one_or_none()
        if found is None or found.decided_by is None or not _still_holds(found, now):
            raise Refused("second_person", _("A second person has to agree to this first."), status=403)
        found.state, found.used_at = ApprovalState.USED, now
        session.flush()
        audit.note(found.asked_by, "approval.use", found.id, now=now)
        return found.decided_by


@contextmanager
def second_person(kind: Kind, ref: str, *, now: datetime) -> Iterator[str]:
    """What is done inside is done with the second person's yes, in one transaction; gives who she is."""
    with atomic():
        yield use(kind, ref, now=now)


@contextmanager
def agreeing(
    kind: Kind, ref: str, summary: str, *, asked_by: str, by: str, scope: Scope, now: datetime
) -> Iterator[str]:
    """The second person does the thing herself: her doing it is her yes to whoever prepared it."""
    with atomic():
        found = request_approval(kind, ref, summary, by=asked_by, now=now)
        if found.state is ApprovalState.PENDING:
            approve(found.id, by=by, scope=scope, stepped_up=False, now=now)
        yield use(kind, ref, now=now)


def expire(now: datetime) -> int:
    """Close what nobody answered or used within a day. Returns how many; safe to repeat."""
    with atomic():
        return _expire(now)


def open_approval(kind: Kind, ref: str, *, now: datetime) -> Approval | None:
    """The request for this one thing that waits, or was agreed to and is not used yet."""
    return db.session.scalars(_of(kind, ref, now)).one_or_none()


def is_lone_admin(actor: str, now: datetime) -> bool:
    """Is there no other admin who could be this one's second person, and was there none yesterday?

    The day before counts, since nobody becomes alone by ending another one's role.
    """
    me, day = person_behind(actor), today(now)
    ended_yesterday = RoleTerm.to_on.is_(None) | (RoleTerm.to_on > day - timedelta(days=2))
    admins = select(RoleTerm.person_id).where(RoleTerm.role == RoleName.ADMIN, RoleTerm.from_on <= day)
    others = set(db.session.scalars(admins.where(ended_yesterday))) - {me}
    is_admin = db.session.scalar(admins.where(running_on(day), RoleTerm.person_id == me).limit(1)) is not None
    return me is not None and is_admin and all(are_related(me, other, now=now) for other in others)


def waiting_for(actor: str, scope: Scope, now: datetime) -> Sequence[Approval]:
    """What others ask for and this person may answer, the oldest first."""
    return db.session.scalars(_waiting(select(Approval), actor, scope, now).order_by(Approval.id)).all()


def how_many_wait(actor: str, scope: Scope, now: datetime) -> int:
    """Their number, for every page's navigation."""
    return db.session.scalar(_waiting(select(func.count(Approval.id)), actor, scope, now)) or 0


def asked_by(actor: str, now: datetime, most: int = 20) -> Sequence[Approval]:
    """What this person asked for, the newest first."""
    query = select(Approval).where(Approval.asked_by == actor).order_by(Approval.id.desc()).limit(most)
    return db.session.scalars(query).all()


def _of(kind: Kind, ref: str, now: datetime) -> Select[Approval]:
    open_ones = Approval.state.in_(_OPEN), Approval.expires_at > now
    return select(Approval).where(Approval.kind == kind, Approval.ref == ref, *open_ones)


def _waiting(query: Select[Any], actor: str, scope: Scope, now: datetime) -> Select[Any]:
    waits = Approval.state == ApprovalState.PENDING, Approval.expires_at > now, Approval.asked_by != actor
    return query.where(*waits, _within(scope))


def _within(scope: Scope) -> ColumnElement[bool]:
    if scope.everything:
        return true()
    return Approval.area_id.in_(scope.areas) if scope.is_organizer else false()


def _decidable(approval_id: uuid.UUID, by: str, scope: Scope, now: datetime) -> Approval:
    """The request, alone; one outside the scope looks like one that is not there."""
    query = select(Approval).where(Approval.id == approval_id, or_(_within(scope), Approval.asked_by == by))
    found = db.session.scalars(query.with_for_update()).one_or_none()
    if found is None:
        raise Refused("no_approval", _("There is no such request."), status=404)
    if found.expires_at <= now:
        raise _not_open()
    return found


def _refuse_own(found: Approval, stepped_up: bool, now: datetime) -> None:
    if not is_lone_admin(found.asked_by, now):
        raise Refused("own_request", _("You asked for this. Somebody else has to agree."), status=403)
    if found.kind == Kind.ADMIN and now < found.asked_at + WAIT:
        said = _(
            "You are the only admin. Every organizer was told of this; you can confirm it after 24 hours."
        )
        raise Refused("wait", said, status=403)
    if not stepped_up:
        said = _("You are the only admin. Confirm that it is you, then confirm this request.")
        raise Refused("step_up", said, status=403)


def _refuse_second(found: Approval, by: str, now: datetime) -> None:
    """A second person is one whom the first did not make, and who could be one before it was asked for."""
    asker, second = person_behind(found.asked_by), person_behind(by)
    person = db.session.get(Person, second) if second else None
    if person is None:
        raise Refused("no_approval", _("There is no such request."), status=404)
    if asker is not None and are_related(asker, person.id, now=now):
        said = _("One of you gave the other the role, or reset the sign-in. Somebody else has to agree.")
        raise Refused("related", said, status=403)
    standing = standing_of(person, now)
    if not may_agree(standing, now=now):
        said = _("Your role or your sign-in is new. You can agree to something after 24 hours.")
        raise Refused("too_new", said, status=403)
    steps = second_steps_since(person, now=now)
    if found.kind == Kind.ADMIN and not may_agree_to_admin(standing, steps, asked_at=found.asked_at):
        said = _("Only somebody who was admin, with the same passkey or app, a day before this can agree.")
        raise Refused("too_new", said, status=403)


def _still_holds(found: Approval, now: datetime) -> bool:
    """A yes dies when one of the two is restarted or loses the role: another may stand behind the name."""
    if found.state is not ApprovalState.APPROVED:
        return False
    asker = Rank.ADMIN if found.kind == Kind.ADMIN else Rank.CHAIR
    decider = Rank.ORGANIZER if found.area_id else Rank.ADMIN
    decided_at = found.decided_at or found.asked_at
    return _stood(found.asked_by, found.asked_at, asker, now) and _stood(
        found.decided_by or "", decided_at, decider, now
    )


def _stood(actor: str, since: datetime, rank: Rank, now: datetime) -> bool:
    """Is whoever did something then still in office, with nothing changed about how they sign in?"""
    person = db.session.get(Person, person_behind(actor)) if person_behind(actor) else None
    if person is None:
        return actor == "shell"
    standing = standing_of(person, now)
    return standing.rank >= rank and standing.trusted_from <= since


def _not_open() -> Refused:
    return Refused("not_open", _("This request is no longer open."), status=409)


def _expire(now: datetime, *which: ColumnElement[bool]) -> int:
    over = Approval.state.in_(_OPEN), Approval.expires_at <= now, *which
    closed = db.session.execute(
        update(Approval)
        .where(*over)
        .values(state=ApprovalState.EXPIRED)
        .execution_options(synchronize_session=False)
    )
    return int(closed.rowcount)  # type: ignore[attr-defined]
