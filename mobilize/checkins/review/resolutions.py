"""Decisions of people about evidence that counted for nobody: tie it to a member, set it aside, reopen."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mobilize import audit
from mobilize.actions.models import Action, Event, EventState
from mobilize.checkins.line.queries import standing_ticks
from mobilize.checkins.models import (
    CheckInKind,
    Evidence,
    HeadCount,
    Match,
    Outcome,
    Resolution,
    Supporters,
    Walkup,
)
from mobilize.checkins.record.attendance import derive_attendance
from mobilize.checkins.record.operations import void
from mobilize.checkins.review.queue import LISTED
from mobilize.database import atomic, insert
from mobilize.errors import Refused
from mobilize.fast.versions import mark_changed
from mobilize.languages import _
from mobilize.roster.models import Member

LONGEST_REASON = 200


def tie(evidence_id: uuid.UUID, member_id: uuid.UUID, reason: str, *, actor: str, now: datetime) -> None:
    """Tie evidence to a member, so that it counts, and with it what else was typed alike at the event.
    An undo from a phone whose link was taken back is done with it. Twice is once; said of another member it
    is theirs from now on.

    Raises `Refused`: no_evidence, no_member, called_off, forgotten.
    """
    with atomic() as session:
        alike = _listed(session, evidence_id)
        member = session.get(Member, member_id)
        if member is None or member.erased_at is not None:
            raise Refused("no_member", _("This member is not on the roster."), status=404)
        _decide(session, alike, Resolution.COUNTS, member.merged_into_id or member.id, reason, actor, now)
        audit.note(actor, "match.tie", f"{evidence_id} {member_id}", now=now)
        if alike[0].kind is CheckInKind.UNDO:
            for tick in standing_ticks(alike[0].event_id, [member_id]):
                void(tick.id, reason or "an undo from a phone whose link had ended", actor=actor, now=now)


def settle_shared(event_id: uuid.UUID, number_index: bytes, member_id: uuid.UUID, *, now: datetime) -> None:
    """Settle the check-in of a shared number, whose member has answered by text. Without such a check-in
    nothing happens."""
    query = select(Evidence.id).join(Walkup, Walkup.id == Evidence.walkup_id)
    shared = (
        Evidence.outcome == Outcome.AMBIGUOUS,
        Walkup.event_id == event_id,
        Walkup.typed_index == number_index,
    )
    with atomic() as session:
        first = session.scalar(
            query.where(*shared, Walkup.settled_at.is_(None)).order_by(Evidence.id).limit(1)
        )
        if first is not None:
            tie(first, member_id, "answered by text", actor="phone", now=now)


def set_aside(evidence_id: uuid.UUID, reason: str, *, actor: str, now: datetime) -> None:
    """Take evidence off the list, as nobody's of ours. Raises `Refused`: no_evidence, no_reason,
    forgotten."""
    _refuse_no_reason(reason)
    with atomic() as session:
        alike = _listed(session, evidence_id)
        _decide(session, alike, Resolution.NOT_OURS, None, reason, actor, now)
        audit.note(actor, "match.not_ours", evidence_id, now=now)


def reopen(evidence_id: uuid.UUID, reason: str, *, actor: str, now: datetime) -> None:
    """Make a decision undone: the evidence waits again, and counts for nobody. Raises `Refused`: no_evidence,
    no_reason, forgotten, and "undone" for an undo that was done: who is here after all is ticked again."""
    _refuse_no_reason(reason)
    with atomic() as session:
        alike = _listed(session, evidence_id)
        match = session.get(Match, alike[0].id)
        if alike[0].kind is CheckInKind.UNDO and match and match.verdict is Resolution.COUNTS:
            raise Refused(
                "undone", _("This was undone already. If they were here after all, tick them again.")
            )
        _decide(session, alike, Resolution.OPEN, None, reason, actor, now)
        audit.note(actor, "match.reopen", evidence_id, now=now)


def settle_time(evidence_id: uuid.UUID, *, present: bool, actor: str, now: datetime) -> None:
    """Decide whether the member of a tap of uncertain time was there: it counts for them, or leaves the list.
    Repeating changes nothing, and the last decision stands.

    Raises `Refused`: no_evidence where there is no such tap, called_off, forgotten.
    """
    with atomic() as session:
        one = session.get(Evidence, evidence_id)
        if one is None or not one.time_uncertain or one.member_id is None:
            raise Refused("no_evidence", _("There is nothing to decide."), status=404)
        if present:
            tie(evidence_id, one.member_id, "time uncertain: was there", actor=actor, now=now)
        else:
            set_aside(evidence_id, "time uncertain: was not there", actor=actor, now=now)


def settle_count(table: Any, count_id: uuid.UUID, *, take: bool, actor: str, now: datetime) -> bool:
    """Count in, or leave out for good, a count that waits for review (in `table`, `HeadCount` or
    `Supporters`). False: somebody else has decided already."""
    with atomic() as session:
        kept: HeadCount | Supporters | None = session.get(table, count_id, with_for_update=True)
        if kept is None or kept.voided_at is None or kept.settled_at is not None:
            return False
        kept.settled_at = now
        mark_changed(kept.event_id)
        if take:
            kept.voided_at = None
        audit.note(actor, f"count.{'take' if take else 'leave'}", kept.id, now=now)
        return True


def _refuse_no_reason(reason: str) -> None:
    if not reason.strip():
        raise Refused("no_reason", _("Say why in a few words."))


def _listed(session: Session, evidence_id: uuid.UUID) -> Sequence[Evidence]:
    """The evidence and, where it is about something that was typed, all that was typed alike at the event."""
    one = session.get(Evidence, evidence_id)
    if one is None or one.outcome not in LISTED:
        raise Refused("no_evidence", _("There is nothing to decide."), status=404)
    event = session.get_one(Event, one.event_id)
    if session.get_one(Action, event.action_id).forgotten_at is not None:
        raise Refused("forgotten", _("This action was forgotten: only its numbers are left."))
    if one.walkup_id is None:
        return [one]
    alike = select(Evidence).where(Evidence.event_id == one.event_id, Evidence.walkup_id == one.walkup_id)
    return session.scalars(alike.order_by(Evidence.id)).all()


def _decide(
    session: Session,
    evidence: Sequence[Evidence],
    verdict: Resolution,
    member_id: uuid.UUID | None,
    reason: str,
    actor: str,
    now: datetime,
) -> None:
    """Store the decision on each of them, and derive the attendance of the members before and after it."""
    event = session.get_one(Event, evidence[0].event_id)
    if verdict is Resolution.COUNTS and event.state is EventState.CALLED_OFF:
        raise Refused("called_off", _("This event was called off: nobody is counted at it."), status=409)
    ids = [one.id for one in evidence]
    before = set(session.scalars(select(Match.member_id).where(Match.evidence_id.in_(ids))))
    words = reason.strip()[:LONGEST_REASON]
    for evidence_id in ids:
        sealed = Match.reason.seal(evidence_id, words) if words else None
        again = {"verdict": verdict, "member_id": member_id, "reason_enc": sealed, "actor": actor, "at": now}
        row = insert(Match).values(evidence_id=evidence_id, **again)
        session.execute(row.on_conflict_do_update(index_elements=["evidence_id"], set_=again))
    settled_at = None if verdict is Resolution.OPEN else now
    walkups = {one.walkup_id for one in evidence if one.walkup_id}
    session.execute(update(Walkup).where(Walkup.id.in_(walkups)).values(settled_at=settled_at))
    session.expire_all()
    mark_changed(event.id)
    derive_attendance(event.id, [whose for whose in {*before, member_id} if whose])
