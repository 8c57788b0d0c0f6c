"""Derivation of attendance from evidence, voids and matches."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import reduce
from typing import Any

from sqlalchemy import and_, delete, exists, func, or_, select

from mobilize.checkins.models import Attendance, CheckInKind, Evidence, Match, Outcome, Resolution, Tier, Void
from mobilize.database import atomic, insert, new_id
from mobilize.fast.versions import mark_changed
from mobilize.roster.models import Membership, MembershipRank


def derive_attendance(event_id: uuid.UUID, members: Collection[uuid.UUID]) -> None:
    """Make these members' attendance at an event, in each of its shifts, what their evidence amounts to:
    without what was taken back, and with what a person tied to them. A few statements, however many they
    are."""
    if not members:
        return
    conditions = Attendance.event_id == event_id, Attendance.member_id.in_(members)
    with atomic() as session:
        # Locked before the evidence is read: a check-in that is being stored now either is seen below, or
        # waits here until this is done and then counts anew. In one order: two of these never deadlock.
        rows = select(Attendance.id, Attendance.member_id, Attendance.shift_id).where(*conditions)
        stored = session.execute(rows.order_by(Attendance.member_id).with_for_update()).all()
        valid = defaultdict(list)
        for row in session.execute(_valid_evidence(event_id, members)):
            valid[row.whose].append(row)
        values = {key: value for whose, of in valid.items() for key, value in _by_shift(whose, of).items()}
        gone = [row.id for row in stored if (row.member_id, row.shift_id) not in values]
        if gone:
            session.execute(delete(Attendance).where(Attendance.id.in_(gone)))
        _store(event_id, values)
        mark_changed(event_id)


def drop_unfounded(event_id: uuid.UUID, members: Collection[uuid.UUID]) -> None:
    """Take out the attendance of those of `members` for whom no evidence stands any more, where the rest is
    derived later: who is ticked again meanwhile is counted, and no repeat."""
    here = Evidence.event_id == event_id, ~exists().where(Void.evidence_id == Evidence.id)
    own = exists().where(*here, Evidence.member_id == Attendance.member_id, Evidence.outcome.in_(ATTENDS))
    matched = exists().where(*here, Match.evidence_id == Evidence.id, Match.member_id == Attendance.member_id)
    conditions = Attendance.event_id == event_id, Attendance.member_id.in_(members)
    with atomic() as session:
        session.execute(
            delete(Attendance).where(*conditions, ~own, ~matched).execution_options(synchronize_session=False)
        )
        mark_changed(event_id)


def _by_shift(member_id: uuid.UUID, valid: Sequence[Any]) -> dict[tuple[uuid.UUID, uuid.UUID], Any]:
    """(member, shift) -> the values of that row."""
    came = defaultdict(list)
    for row in valid:
        if row.kind is CheckInKind.HERE:
            came[row.shift_id].append(row)
    return {(member_id, shift_id): _values(rows, valid) for shift_id, rows in came.items()}


def _store(event_id: uuid.UUID, values: dict[tuple[uuid.UUID, uuid.UUID], dict[str, Any]]) -> None:
    if not values:
        return
    with atomic() as session:
        nowhere = {member for (member, _shift), one in values.items() if one["chapter_id"] is None}
        homes: dict[Any, Any] = dict(session.execute(_homes(nowhere)).all()) if nowhere else {}
        rows = [
            {"id": new_id(), "late": False, "event_id": event_id, "shift_id": shift, "member_id": member}
            | one
            | {"chapter_id": one["chapter_id"] or homes.get(member)}
            for (member, shift), one in values.items()
        ]
        row = insert(Attendance).values(rows)
        anew = {name: row.excluded[name] for name in next(iter(values.values()))}
        keys = ["event_id", "member_id", "shift_id"]
        session.execute(row.on_conflict_do_update(index_elements=keys, set_=anew))


def _valid_evidence(event_id: uuid.UUID, members: Collection[uuid.UUID]) -> Any:
    """Evidence that they came or left: their own, and what a person matched to them; `whose` it is."""
    own = and_(
        Evidence.member_id.in_(members),
        Evidence.outcome.in_((*ATTENDS, Outcome.OUT)),
        Match.verdict.is_(None),
    )
    matched = and_(Match.member_id.in_(members), Match.verdict == Resolution.COUNTS)
    ids = (
        select(Match.evidence_id)
        .join(Evidence, Evidence.id == Match.evidence_id)
        .where(Match.member_id.in_(members), Evidence.event_id == event_id)
    )
    whose = func.coalesce(Match.member_id, Evidence.member_id).label("whose")
    return (
        select(Evidence.shift_id, Evidence.tier, Evidence.happened_at, Evidence.chapter_id, Evidence.kind,
               Evidence.duty, Evidence.method, whose)
        .outerjoin(Void, Void.evidence_id == Evidence.id)
        .outerjoin(Match, Match.evidence_id == Evidence.id)
        .where(or_(Evidence.member_id.in_(members), Evidence.id.in_(ids)), Evidence.event_id == event_id)
        .where(or_(own, matched), Void.evidence_id.is_(None), Evidence.kind != CheckInKind.UNDO)
        .order_by(Evidence.recorded_at, Evidence.id)
    )  # fmt: skip


def _values(came: Sequence[Any], valid: Sequence[Any]) -> dict[str, Any]:
    """The values of a shift's row, from a member's evidence for that shift and for the whole event."""
    duties = [row.duty for row in sorted(came, key=lambda row: row.happened_at) if row.duty]
    return {
        "chapter_id": next((row.chapter_id for row in came if row.chapter_id), None),
        "tier": strength_of(row.tier for row in came),
        "observed": any(row.method.is_observed for row in came),
        "first_at": min(row.happened_at for row in came),
        "out_at": _left_after(max(row.happened_at for row in came), valid),
        "duty": duties[-1] if duties else None,
    }


def _left_after(last_came: datetime, valid: Sequence[Any]) -> datetime | None:
    left = [r.happened_at for r in valid if r.kind is CheckInKind.LEFT and r.happened_at >= last_came]
    return min(left, default=None)


def _homes(members: Collection[uuid.UUID]) -> Any:
    return select(Membership.member_id, Membership.site_id).where(
        Membership.member_id.in_(members), Membership.rank == MembershipRank.HOME, Membership.to_at.is_(None)
    )


# Outcomes that make attendance; the others are listed for a person.
ATTENDS = (Outcome.COUNTED, Outcome.REPEAT)


def combined(one: Tier, other: Tier) -> Tier:
    """The tier of two pieces of evidence for the same member: the same tier stays. Of two tiers, one is
    verified already, or a self-report and somebody who vouches agree: verified."""
    return one if one is other else Tier.VERIFIED


def strength_of(tiers: Iterable[Tier]) -> Tier:
    """The tier of all the evidence of one attendance, in whatever order it came."""
    return reduce(combined, tiers)
