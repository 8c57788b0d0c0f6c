"""Attendance is what the evidence says: the one place where it is worked out anew."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, or_, select

from mobilize.checkins.models import Attendance, Evidence, Match, Outcome, Says, Verdict, Void
from mobilize.checkins.strength import ATTENDS, strength_of
from mobilize.database import atomic, insert, new_id
from mobilize.roster.models import Membership, Rank


def derive_attendance(event_id: uuid.UUID, member_id: uuid.UUID) -> None:
    """Make one member's attendance at an event, in each of its shifts, what her evidence amounts to: less
    what was taken back, and with what a person said is hers."""
    mine = {"event_id": event_id, "member_id": member_id}
    with atomic() as session:
        # Locked before the evidence is read: a check-in that is being stored now either is seen below, or
        # waits here until this is done and then counts anew.
        session.execute(select(Attendance.id).filter_by(**mine).with_for_update())
        standing = session.execute(_standing(event_id, member_id)).all()
        came = [row for row in standing if row.says is Says.HERE]
        shifts = {row.shift_id for row in came}
        session.execute(delete(Attendance).filter_by(**mine).where(Attendance.shift_id.not_in(shifts)))
        for shift_id in shifts:
            says = _says([row for row in came if row.shift_id == shift_id], standing)
            says["chapter_id"] = says["chapter_id"] or session.scalar(_home(member_id))
            row = insert(Attendance).values(id=new_id(), late=False, shift_id=shift_id, **mine, **says)
            keys = [*mine, "shift_id"]
            session.execute(row.on_conflict_do_update(index_elements=keys, set_=says))


def _standing(event_id: uuid.UUID, member_id: uuid.UUID) -> Any:
    """Evidence that she came or left: her own, and what a person matched to her."""
    own = and_(
        Evidence.member_id == member_id,
        Evidence.outcome.in_((*ATTENDS, Outcome.OUT)),
        Match.verdict.is_(None),
    )
    matched = and_(Match.member_id == member_id, Match.verdict == Verdict.COUNTS)
    ids = (
        select(Match.evidence_id)
        .join(Evidence, Evidence.id == Match.evidence_id)
        .where(Match.member_id == member_id, Evidence.event_id == event_id)
    )
    return (
        select(Evidence.shift_id, Evidence.tier, Evidence.happened_at, Evidence.chapter_id, Evidence.says,
               Evidence.duty, Evidence.method)
        .outerjoin(Void, Void.evidence_id == Evidence.id)
        .outerjoin(Match, Match.evidence_id == Evidence.id)
        .where(or_(Evidence.member_id == member_id, Evidence.id.in_(ids)), Evidence.event_id == event_id)
        .where(or_(own, matched), Void.evidence_id.is_(None), Evidence.says != Says.UNDO)
        .order_by(Evidence.recorded_at, Evidence.id)
    )  # fmt: skip


def _says(came: Sequence[Any], standing: Sequence[Any]) -> dict[str, Any]:
    """What stands in a shift's row, from the evidence that she came to it, and all of hers at the event."""
    duties = [row.duty for row in sorted(came, key=lambda row: row.happened_at) if row.duty]
    return {
        "chapter_id": next((row.chapter_id for row in came if row.chapter_id), None),
        "tier": strength_of(row.tier for row in came),
        "observed": any(row.method.is_observed for row in came),
        "first_at": min(row.happened_at for row in came),
        "out_at": _left_after(max(row.happened_at for row in came), standing),
        "duty": duties[-1] if duties else None,
    }


def _left_after(last_seen: datetime, standing: Sequence[Any]) -> datetime | None:
    left = [r.happened_at for r in standing if r.says is Says.LEFT and r.happened_at >= last_seen]
    return min(left, default=None)


def _home(member_id: uuid.UUID) -> Any:
    return select(Membership.site_id).where(
        Membership.member_id == member_id, Membership.rank == Rank.HOME, Membership.to_at.is_(None)
    )
