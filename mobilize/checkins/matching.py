"""A person says what a piece of evidence is: whose, nobody's, or undecided. Figures follow by themselves."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mobilize import audit
from mobilize.actions.models import Action, Event, EventState
from mobilize.checkins.attendance import derive_attendance
from mobilize.checkins.models import Evidence, HeadCount, Match, Outcome, Says, Supporters, Verdict, Walkup
from mobilize.checkins.operations import void
from mobilize.checkins.queries import standing_ticks
from mobilize.checkins.unmatched import LISTED
from mobilize.database import atomic, insert
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.models import Member

LONGEST_REASON = 200


def tie(evidence_id: uuid.UUID, member_id: uuid.UUID, reason: str, *, actor: str, now: datetime) -> None:
    """This evidence is hers, and counts; so does whatever else was typed with the same number or name there.
    An undo from a phone whose link was taken back is done with it. Twice is once; said of another member it
    is hers from now on.

    Raises `Refused`: no_evidence, no_member, called_off, forgotten.
    """
    with atomic() as session:
        found = _listed(session, evidence_id)
        member = session.get(Member, member_id)
        if member is None or member.erased_at is not None:
            raise Refused("no_member", _("This member is not on the roster."), status=404)
        _say(session, found, Verdict.COUNTS, member.merged_into_id or member.id, reason, actor, now)
        audit.note(actor, "match.tie", f"{evidence_id} {member_id}", now=now)
        if found[0].says is Says.UNDO:
            for tick in standing_ticks(found[0].event_id, [member_id]):
                void(tick.id, reason or "an undo from a phone whose link had ended", actor=actor, now=now)


def settle_shared(event_id: uuid.UUID, number_bix: bytes, member_id: uuid.UUID, *, now: datetime) -> None:
    """Whoever shares a number has answered by text whose check-in it was: it needs no person any more.
    Without such a check-in nothing happens."""
    query = select(Evidence.id).join(Walkup, Walkup.id == Evidence.walkup_id)
    shared = (
        Evidence.outcome == Outcome.AMBIGUOUS,
        Walkup.event_id == event_id,
        Walkup.typed_bix == number_bix,
    )
    with atomic() as session:
        first = session.scalar(
            query.where(*shared, Walkup.settled_at.is_(None)).order_by(Evidence.id).limit(1)
        )
        if first is not None:
            tie(first, member_id, "answered by text", actor="phone", now=now)


def set_aside(evidence_id: uuid.UUID, reason: str, *, actor: str, now: datetime) -> None:
    """It is none of ours, and leaves the list. Raises `Refused`: no_evidence, no_reason, forgotten."""
    _refuse_no_reason(reason)
    with atomic() as session:
        found = _listed(session, evidence_id)
        _say(session, found, Verdict.NOT_OURS, None, reason, actor, now)
        audit.note(actor, "match.not_ours", evidence_id, now=now)


def reopen(evidence_id: uuid.UUID, reason: str, *, actor: str, now: datetime) -> None:
    """It is undecided again, and counts for nobody. Raises `Refused`: no_evidence, no_reason, forgotten, and
    "undone" for an undo that was done: who is here after all is ticked again."""
    _refuse_no_reason(reason)
    with atomic() as session:
        found = _listed(session, evidence_id)
        said = session.get(Match, found[0].id)
        if found[0].says is Says.UNDO and said and said.verdict is Verdict.COUNTS:
            raise Refused("undone", _("This undo was done. If they were here after all, tick them again."))
        _say(session, found, Verdict.OPEN, None, reason, actor, now)
        audit.note(actor, "match.reopen", evidence_id, now=now)


def settle_time(evidence_id: uuid.UUID, *, was_there: bool, actor: str, now: datetime) -> None:
    """A person says whether the member of a tap of uncertain time was there: it counts for them, or leaves
    the list. Twice is once, and the last word stands.

    Raises `Refused`: no_evidence where there is no such tap, called_off, forgotten.
    """
    with atomic() as session:
        one = session.get(Evidence, evidence_id)
        if one is None or not one.time_uncertain or one.member_id is None:
            raise Refused("no_evidence", _("There is nothing to decide."), status=404)
        if was_there:
            tie(evidence_id, one.member_id, "time uncertain: was there", actor=actor, now=now)
        else:
            set_aside(evidence_id, "time uncertain: was not there", actor=actor, now=now)


def settle_count(table: Any, count_id: uuid.UUID, *, take: bool, actor: str, now: datetime) -> bool:
    """A count that was kept for a person (in `table`, `HeadCount` or `Supporters`) is counted in
    after all, or left out for good. False: somebody was faster."""
    with atomic() as session:
        kept: HeadCount | Supporters | None = session.get(table, count_id, with_for_update=True)
        if kept is None or kept.voided_at is None or kept.settled_at is not None:
            return False
        kept.settled_at = now
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


def _say(
    session: Session,
    found: Sequence[Evidence],
    verdict: Verdict,
    member_id: uuid.UUID | None,
    reason: str,
    actor: str,
    now: datetime,
) -> None:
    """Write the verdict on each of them, and count anew whoever it was and whoever it is."""
    event = session.get_one(Event, found[0].event_id)
    if verdict is Verdict.COUNTS and event.state is EventState.CALLED_OFF:
        raise Refused("called_off", _("This event was called off: nobody is counted at it."), status=409)
    ids = [one.id for one in found]
    before = set(session.scalars(select(Match.member_id).where(Match.evidence_id.in_(ids))))
    said = reason.strip()[:LONGEST_REASON]
    for evidence_id in ids:
        sealed = Match.reason.seal(evidence_id, said) if said else None
        again = {"verdict": verdict, "member_id": member_id, "reason_enc": sealed, "actor": actor, "at": now}
        row = insert(Match).values(evidence_id=evidence_id, **again)
        session.execute(row.on_conflict_do_update(index_elements=["evidence_id"], set_=again))
    settled_at = None if verdict is Verdict.OPEN else now
    walkups = {one.walkup_id for one in found if one.walkup_id}
    session.execute(update(Walkup).where(Walkup.id.in_(walkups)).values(settled_at=settled_at))
    session.expire_all()
    derive_attendance(event.id, [whose for whose in {*before, member_id} if whose])
