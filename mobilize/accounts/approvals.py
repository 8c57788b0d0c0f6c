"""The two-person rule: what a second person has to agree to, who that may be, and what became of it.

It binds the web only: whoever has a shell on the server is the operator, and audited. A lone admin has nobody
to ask; she confirms again after proving once more who she is.
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
from mobilize.accounts.models import RoleName, RoleTerm
from mobilize.accounts.scope import Scope, running_on, today
from mobilize.database import atomic, db, insert, new_id
from mobilize.errors import Refused
from mobilize.languages import _

LASTS = timedelta(hours=24)
_OPEN = (ApprovalState.PENDING, ApprovalState.APPROVED)


class Kind(StrEnum):
    """What wants a second person."""

    IMPORT = "import"
    CHAIRS = "chairs"
    PHONE_EXPORT = "export_phones"
    CALLING_OFF = "calling_off"
    BROADCAST = "broadcast"


@dataclass(frozen=True)
class Rule:
    """From how many people on a second person is asked. Below 25 a local may have nobody else (model.md)."""

    from_people: int = 25


# An import is asked by its shares as well: `roster.import_summary.needs_second_person`, and the yearly list
# of chairs likewise: `ChairPlan.wants_second_person`.
RULES = {
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
    """Ask for a second person's yes, good for 24 hours; asking again gives the request that is open.

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
            expires_at=now + LASTS,
        )
        session.execute(asked.on_conflict_do_nothing())
        found = session.scalars(_of(kind, ref, now).with_for_update()).one()
        if found.id == row_id:
            audit.note(by, f"approval.ask.{kind}", f"{found.id} {ref}", now=now)
        return found


def approve(approval_id: uuid.UUID, *, by: str, scope: Scope, stepped_up: bool, now: datetime) -> Approval:
    """Say yes. Twice by the same person is once.

    `stepped_up`: she has just proved again who she is; only asked of a lone admin, for her own request.
    Refused: no_approval (404, also outside `scope`), own_request, step_up, not_open (409).
    """
    with atomic() as session:
        found = _decidable(approval_id, by, scope, now)
        if found.state is ApprovalState.APPROVED and found.decided_by == by:
            return found
        if found.asked_by == by:
            _refuse_own(by, stepped_up, now)
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
    so that both happen or neither. Refused: second_person (403) without a yes, or with one already spent.
    """
    with atomic() as session:
        found = session.scalars(_of(kind, ref, now).with_for_update()).one_or_none()
        if found is None or found.state is not ApprovalState.APPROVED or found.decided_by is None:
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
    """Nobody else is admin today."""
    running = select(RoleTerm.person_id).where(RoleTerm.role == RoleName.ADMIN, running_on(today(now)))
    return {f"person:{person_id}" for person_id in db.session.scalars(running)} == {actor}


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


def _refuse_own(by: str, stepped_up: bool, now: datetime) -> None:
    if not is_lone_admin(by, now):
        raise Refused("own_request", _("You asked for this. Somebody else has to agree."), status=403)
    if not stepped_up:
        said = _("You are the only admin. Confirm that it is you, then confirm this request.")
        raise Refused("step_up", said, status=403)


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
