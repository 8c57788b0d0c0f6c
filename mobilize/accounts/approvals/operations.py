"""The two-person rule: requests for a second person's approval, and approving, declining and using them.

It binds the web only: whoever has a shell on the server is the operator, and audited. A second person
(`authority`, `sponsors`) is an organizer or admin of at least a day; neither of the two sponsored the other.
A lone admin has nobody to ask; they confirm again after a step-up, and a change to an admin waits for a day
before that.
"""

import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, false, func, or_, select, true, update

from mobilize import audit
from mobilize.accounts.access.authority import WAIT, RoleRank, may_agree, may_agree_to_admin
from mobilize.accounts.access.scope import Scope, authority_of, running_on, scope_of, today
from mobilize.accounts.access.sponsors import are_related, person_behind
from mobilize.accounts.approvals.models import Approval, ApprovalState
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.accounts.second_factor.operations import second_factors_since
from mobilize.database import atomic, db, insert, new_id
from mobilize.errors import Refused
from mobilize.languages import Translated, _

LASTS = timedelta(hours=24)
_OPEN = (ApprovalState.PENDING, ApprovalState.APPROVED)


class ApprovalKind(StrEnum):
    """The operations that need a second person."""

    ADMIN = "admin"
    IMPORT = "import"
    CHAIRS = "chairs"
    PHONE_EXPORT = "export_phones"
    CALLING_OFF = "calling_off"
    BROADCAST = "broadcast"
    GO_LIVE = "go_live"
    TOKEN = "token"  # noqa: S105 - the word for one
    WEBHOOK_NAMES = "webhook_names"


@dataclass(frozen=True)
class ApprovalRule:
    """`from_people`: the number of people concerned from which a second person is needed. A local with fewer
    than 25 may have nobody else. `lasts`: how long a request is open."""

    from_people: int = 25
    lasts: timedelta = LASTS


# An import is asked by its shares as well: `imports.summary.needs_second_person`, and the yearly list of
# chairs likewise: `ChairPlan.wants_second_person`.
RULES = {
    # A lone admin waits for a day before confirming it, and then has two more.
    ApprovalKind.ADMIN: ApprovalRule(from_people=1, lasts=LASTS + WAIT + LASTS),
    ApprovalKind.IMPORT: ApprovalRule(),
    ApprovalKind.CHAIRS: ApprovalRule(),
    ApprovalKind.PHONE_EXPORT: ApprovalRule(),
    ApprovalKind.CALLING_OFF: ApprovalRule(),
    ApprovalKind.BROADCAST: ApprovalRule(from_people=2_001),
    # Where there is nobody else to ask, a lone admin's step-up is enough.
    ApprovalKind.GO_LIVE: ApprovalRule(from_people=1),
    ApprovalKind.TOKEN: ApprovalRule(),
    ApprovalKind.WEBHOOK_NAMES: ApprovalRule(),
}


def needs_second_person(kind: ApprovalKind, people: int) -> bool:
    """Whether an operation on so many people needs a second person."""
    return people >= RULES[kind].from_people


def request_approval(
    kind: ApprovalKind,
    ref: str,
    summary: Translated,
    *,
    by: str,
    now: datetime,
    area_id: uuid.UUID | None = None,
) -> Approval:
    """Request a second person's approval, open for 24 hours (about an admin: 72). Asking again returns the
    request that is open.

    `ref` is the id of what is to be done, so that an approval holds for exactly that. `summary` tells the
    second person in plain words, in their language, what will happen. With `area_id` organizers of that area
    may approve it too.
    """
    with atomic() as session:
        _expire(now, Approval.kind == kind, Approval.ref == ref)
        row_id, short = new_id(), summary.map(lambda text: text[:500])
        row = insert(Approval).values(
            id=row_id,
            kind=kind,
            ref=ref,
            area_id=area_id,
            summary_enc=Approval.summary.seal_texts(row_id, short),
            asked_by=by,
            asked_at=now,
            expires_at=now + RULES[kind].lasts,
        )
        session.execute(row.on_conflict_do_nothing())
        approval = session.scalars(_of(kind, ref, now).with_for_update()).one()
        if approval.id == row_id:
            audit.note(by, f"approval.ask.{kind}", f"{approval.id} {ref}", now=now)
        return approval


def approve(approval_id: uuid.UUID, *, by: str, scope: Scope, stepped_up: bool, now: datetime) -> Approval:
    """Approve a request. Twice by the same person is once.

    `stepped_up`: they have just proved again who they are; only needed of a lone admin, for their own
    request. Refused: no_approval (404, also outside `scope`), own_request, related (one of the two sponsored
    the other), too_new (organizer or admin for less than a day; for a change to an admin: a day before the
    request), wait, step_up, not_open (409).
    """
    with atomic() as session:
        approval = _decidable(approval_id, by, scope, now)
        if approval.state is ApprovalState.APPROVED and approval.decided_by == by:
            return approval
        if approval.asked_by == by:
            _refuse_own(approval, stepped_up, now)
        else:
            _refuse_second(approval, by, now)
        if approval.state is not ApprovalState.PENDING:
            raise _not_open()
        approval.state, approval.decided_by, approval.decided_at = ApprovalState.APPROVED, by, now
        session.flush()
        alone = ".alone" if approval.asked_by == by else ""
        audit.note(by, f"approval.approve{alone}", approval.id, now=now)
        return approval


def decline(approval_id: uuid.UUID, *, by: str, scope: Scope, now: datetime) -> Approval:
    """Decline a request, or take one's own back. Refused: no_approval (404), not_open (409)."""
    with atomic() as session:
        approval = _decidable(approval_id, by, scope, now)
        if approval.state not in _OPEN:
            raise _not_open()
        approval.state, approval.decided_by, approval.decided_at = ApprovalState.DECLINED, by, now
        session.flush()
        audit.note(by, "approval.decline", approval.id, now=now)
        return approval


def use(kind: ApprovalKind, ref: str, *, now: datetime) -> str:
    """Use the approval of one thing up; returns who gave it. Call it inside the operation that does the
    thing, so that both happen or neither. Refused: second_person (403) without an approval, with one already
    used, or when the sign-in of one of the two was reset since, or they lost the role.
    """
    with atomic() as session:
        approved = _of(kind, ref, now).where(Approval.state == ApprovalState.APPROVED)
        approval = session.scalars(approved.with_for_update()).one_or_none()
        if approval is None or approval.decided_by is None or not _still_holds(approval, now):
            raise Refused("second_person", _("A second person has to agree to this first."), status=403)
        approval.state, approval.used_at = ApprovalState.USED, now
        session.flush()
        audit.note(approval.asked_by, "approval.use", approval.id, now=now)
        return approval.decided_by


@contextmanager
def second_person(kind: ApprovalKind, ref: str, *, now: datetime) -> Iterator[str]:
    """A transaction that uses the second person's approval up; yields the actor who gave it."""
    with atomic():
        yield use(kind, ref, now=now)


@contextmanager
def agreeing(
    kind: ApprovalKind, ref: str, summary: Translated, *, asked_by: str, by: str, scope: Scope, now: datetime
) -> Iterator[str]:
    """A transaction in which the second person carries out what `asked_by` prepared, which approves it."""
    with atomic():
        approval = request_approval(kind, ref, summary, by=asked_by, now=now)
        if approval.state is ApprovalState.PENDING:
            approve(approval.id, by=by, scope=scope, stepped_up=False, now=now)
        yield use(kind, ref, now=now)


def expire(now: datetime) -> int:
    """Close requests that were not answered or used in time. Returns how many; safe to repeat."""
    with atomic():
        return _expire(now)


def expired(now: datetime) -> Select[Any]:
    """SELECT of the requests that were not answered or used in time, and are not closed."""
    return select(Approval.id).where(*_is_over(now))


def open_approval(kind: ApprovalKind, ref: str, *, now: datetime) -> Approval | None:
    """The request for this one thing that is pending, or approved and not used yet."""
    return db.session.scalars(_of(kind, ref, now)).one_or_none()


def open_approvals(kind: ApprovalKind, refs: Collection[str], *, now: datetime) -> dict[str, Approval]:
    """The same for many things at once, by what they refer to; without those nobody asks about."""
    query = select(Approval).where(Approval.kind == kind, Approval.ref.in_(refs), *_is_open(now))
    return {approval.ref: approval for approval in db.session.scalars(query)}


def is_lone_admin(actor: str, now: datetime) -> bool:
    """Whether an admin has no other admin who could be their second person, today and yesterday.

    Yesterday counts, so that nobody becomes a lone admin by ending somebody else's role.
    """
    me, day = person_behind(actor), today(now)
    ended_yesterday = RoleTerm.to_on.is_(None) | (RoleTerm.to_on > day - timedelta(days=2))
    admins = select(RoleTerm.person_id).where(RoleTerm.role == RoleName.ADMIN, RoleTerm.from_on <= day)
    others = set(db.session.scalars(admins.where(ended_yesterday))) - {me}
    is_admin = db.session.scalar(admins.where(running_on(day), RoleTerm.person_id == me)) is not None
    return me is not None and is_admin and all(are_related(me, other, now=now) for other in others)


def waiting_for(actor: str, scope: Scope, now: datetime) -> Sequence[Approval]:
    """Pending requests of others that this person may answer, the oldest first."""
    return db.session.scalars(_waiting(select(Approval), actor, scope, now).order_by(Approval.id)).all()


def how_many_wait(actor: str, scope: Scope, now: datetime) -> int:
    """The number of pending requests that this person may answer, for every page's navigation."""
    return db.session.scalar(_waiting(select(func.count()), actor, scope, now)) or 0


def requests_of(actor: str, now: datetime, most: int = 20) -> Sequence[Approval]:
    """The requests that this person made, the newest first."""
    query = select(Approval).where(Approval.asked_by == actor).order_by(Approval.id.desc()).limit(most)
    return db.session.scalars(query).all()


def _of(kind: ApprovalKind, ref: str, now: datetime) -> Select[Approval]:
    return select(Approval).where(Approval.kind == kind, Approval.ref == ref, *_is_open(now))


def _is_open(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return Approval.state.in_(_OPEN), Approval.expires_at > now


def _waiting(query: Select[Any], actor: str, scope: Scope, now: datetime) -> Select[Any]:
    waits = Approval.state == ApprovalState.PENDING, Approval.expires_at > now, Approval.asked_by != actor
    return query.where(*waits, _within(scope))


def _within(scope: Scope) -> ColumnElement[bool]:
    if scope.everything:
        return true()
    return Approval.area_id.in_(scope.areas) if scope.is_organizer else false()


def _decidable(approval_id: uuid.UUID, by: str, scope: Scope, now: datetime) -> Approval:
    """The locked request; one outside the scope looks like one that does not exist."""
    query = select(Approval).where(Approval.id == approval_id, or_(_within(scope), Approval.asked_by == by))
    approval = db.session.scalars(query.with_for_update()).one_or_none()
    if approval is None:
        raise Refused("no_approval", _("There is no such request."), status=404)
    if approval.expires_at <= now:
        raise _not_open()
    return approval


def _refuse_own(approval: Approval, stepped_up: bool, now: datetime) -> None:
    if not is_lone_admin(approval.asked_by, now):
        raise Refused("own_request", _("You asked for this. Somebody else has to agree."), status=403)
    if approval.kind == ApprovalKind.ADMIN and now < approval.asked_at + WAIT:
        message = _(
            "You are the only admin. Every organizer was told of this; you can confirm it after 24 hours."
        )
        raise Refused("wait", message, status=403)
    if not stepped_up:
        message = _("You are the only admin. Confirm that it is you, then confirm this request.")
        raise Refused("step_up", message, status=403)


def _refuse_second(approval: Approval, by: str, now: datetime) -> None:
    """Refuse a second person who is related to the first, or too new."""
    asker, second = person_behind(approval.asked_by), person_behind(by)
    person = db.session.get(Person, second) if second else None
    if person is None:
        raise Refused("no_approval", _("There is no such request."), status=404)
    if asker is not None and are_related(asker, person.id, now=now):
        message = _("One of you gave the other the role, or reset the sign-in. Somebody else has to agree.")
        raise Refused("related", message, status=403)
    authority = authority_of(person, now)
    if not may_agree(authority, now=now):
        message = _("Your role or your sign-in is new. You can agree to something after 24 hours.")
        raise Refused("too_new", message, status=403)
    factors = second_factors_since(person, now=now)
    if approval.kind == ApprovalKind.ADMIN and not may_agree_to_admin(
        authority, factors, asked_at=approval.asked_at
    ):
        message = _("Only somebody who was admin, with the same passkey or app, a day before this can agree.")
        raise Refused("too_new", message, status=403)


def _still_holds(approval: Approval, now: datetime) -> bool:
    """Whether an approval is still valid: both still hold the role, the second one where it was asked for,
    and neither's sign-in was reset."""
    asker = RoleRank.ADMIN if approval.kind == ApprovalKind.ADMIN else RoleRank.CHAIR
    decider = RoleRank.ORGANIZER if approval.area_id else RoleRank.ADMIN
    decided_by, decided_at = approval.decided_by or "", approval.decided_at or approval.asked_at
    return (
        _stood(approval.asked_by, approval.asked_at, asker, now)
        and _stood(decided_by, decided_at, decider, now)
        and _sees_area(decided_by, approval.area_id, now)
    )


def _sees_area(actor: str, area_id: uuid.UUID | None, now: datetime) -> bool:
    person_id = person_behind(actor)
    if area_id is None or person_id is None:
        return True
    return scope_of(db.session.get_one(Person, person_id), today(now)).sees_area(area_id)


def _stood(actor: str, since: datetime, rank: RoleRank, now: datetime) -> bool:
    """Whether an actor still holds the rank, with a sign-in that was not reset since that moment."""
    person = db.session.get(Person, person_behind(actor)) if person_behind(actor) else None
    if person is None:
        return actor == "shell"
    authority = authority_of(person, now)
    return authority.rank >= rank and authority.trusted_from <= since


def _not_open() -> Refused:
    return Refused("not_open", _("This request is no longer open."), status=409)


def _is_over(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return Approval.state.in_(_OPEN), Approval.expires_at <= now


def _expire(now: datetime, *which: ColumnElement[bool]) -> int:
    closed = db.session.execute(
        update(Approval)
        .where(*_is_over(now), *which)
        .values(state=ApprovalState.EXPIRED)
        .execution_options(synchronize_session=False)
    )
    return int(closed.rowcount)  # type: ignore[attr-defined]
