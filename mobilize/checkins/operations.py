"""Checking in. Every way of being counted goes through `check_in()`; whatever comes of it is stored."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, or_, select
from sqlalchemy.orm import Session

from mobilize import audit, crypto
from mobilize.checkins.counts import report_head_count as report_head_count
from mobilize.checkins.decision import Decision, Proof, decide, shift_at
from mobilize.checkins.models import Attendance, Evidence, KnownPhone, Method, Outcome, Tier, Void, Walkup
from mobilize.checkins.queries import device_mark, known_phone, standing_ticks
from mobilize.checkins.strength import ATTENDS, strength_of
from mobilize.checkins.typed import WALKUPS_KEPT, Typed, unreadable
from mobilize.database import atomic, insert, new_id
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.tokens import hash_token, random_token


@dataclass(frozen=True)
class CheckIn:
    """What became of a claim: the stored evidence and its outcome."""

    evidence_id: uuid.UUID
    outcome: Outcome
    member_id: uuid.UUID | None


def check_in(proof: Proof, *, now: datetime) -> CheckIn:
    """Store one claim and count its member, at most once per event and shift.

    The order of decision: same nonce (the stored answer again) - called off (`unresolved`) - outside the
    event's hours - nobody by that number (`walkup`) - several (`ambiguous`) - a chapter that may not stand
    here (`unresolved`) - already in (`repeat`) - `counted`. Raises `Refused` 422 for the same nonce with
    another body, and 404 for no such event; then nothing is stored.
    """
    with atomic() as session:
        stored = _stored(session, proof)
        if stored:
            return stored
        decided = decide(session, proof)
        outcome = decided.outcome
        if outcome is Outcome.COUNTED:
            outcome = _attend(session, proof, decided)
        walkup_id = _walk_up(session, proof, now) if outcome is Outcome.WALKUP else None
        return _store(session, proof, decided, outcome, now, walkup_id=walkup_id)


def check_in_by_poster(
    event_id: uuid.UUID, typed: Typed | None, *, page: str, cookie: str | None, now: datetime
) -> tuple[CheckIn, str]:
    """A member's own check-in on her phone; the phone is remembered with what was typed, matched or not.

    Without `typed`, what this phone remembers is used. `page` is the token of the form: sent twice with the
    same number it is one deed, and six members on one page are six. Returns what became of it and the token
    for the phone's cookie: the same for a phone we know, whatever is typed on it. Raises `Refused` when
    nothing says who.
    """
    with atomic() as session:
        known = known_phone(cookie)
        typed = typed or (known.said if known else None)
        if typed is None:
            raise unreadable()
        token = remember_phone(session, known, cookie, typed, now)
        proof = Proof(
            event_id=event_id,
            nonce=crypto.fingerprint(f"{page}\x1f{typed}".encode())[:16],
            body=str(typed).encode(),
            method=Method.POSTER,
            typed=typed,
            happened_at=now,
            device=device_mark(event_id, token),
        )
        return check_in(proof, now=now), token


def take_back_ticks(proof: Proof, *, actor: str, now: datetime) -> CheckIn:
    """Take back all ticks of `proof.member_id` at the event, whoever made them, and store that this was done.

    Her own check-in, if there is one, stays. The same nonce again answers the same and touches no later tick;
    with another body it raises `Refused` 422.
    """
    with atomic() as session:
        stored = _stored(session, proof)
        if stored:
            return stored
        shift_id = shift_at(session, proof.event_id, proof.happened_at)
        decided = Decision(Outcome.UNDONE, shift_id, proof.member_id)
        done = _store(session, proof, decided, Outcome.UNDONE, now)
        for tick in standing_ticks(proof.event_id, proof.member_id):
            void(tick, "undone on the line", actor=actor, now=now)
        return done


def void(evidence_id: uuid.UUID, reason: str, *, actor: str, now: datetime) -> None:
    """Take one piece of evidence back; the attendance becomes what the rest says. Twice is once."""
    with atomic() as session:
        evidence = session.get(Evidence, evidence_id)
        if evidence is None:
            raise Refused("no_evidence", _("There is nothing to take back."), status=404)
        taken = insert(Void).values(evidence_id=evidence_id, actor=actor, reason=reason[:200], at=now)
        if session.scalar(taken.on_conflict_do_nothing().returning(Void.evidence_id)):
            audit.note(actor, "void", evidence_id, now=now)
        if evidence.member_id:
            derive_attendance(evidence.event_id, evidence.shift_id, evidence.member_id)


def derive_attendance(event_id: uuid.UUID, shift_id: uuid.UUID, member_id: uuid.UUID) -> None:
    """Make one member's attendance what her evidence, less what was taken back, amounts to."""
    mine = {"event_id": event_id, "shift_id": shift_id, "member_id": member_id}
    with atomic() as session:
        # Locked before the evidence is read: a check-in that is being stored now either is seen below, or
        # waits here until this is done and then counts anew.
        session.execute(select(Attendance.id).filter_by(**mine).with_for_update())
        standing = session.execute(
            select(Evidence.tier, Evidence.happened_at, Evidence.chapter_id)
            .filter_by(**mine)
            .outerjoin(Void)
            .where(Evidence.outcome.in_(ATTENDS), Void.evidence_id.is_(None))
            .order_by(Evidence.recorded_at, Evidence.id)
        ).all()
        if not standing:
            session.execute(delete(Attendance).filter_by(**mine))
            return
        says = {
            "chapter_id": standing[0].chapter_id,
            "tier": strength_of(row.tier for row in standing),
            "first_at": min(row.happened_at for row in standing),
        }
        row = insert(Attendance).values(id=new_id(), late=False, **mine, **says)
        session.execute(row.on_conflict_do_update(index_elements=list(mine), set_=says))


def _stored(session: Session, proof: Proof) -> CheckIn | None:
    known = session.execute(
        select(Evidence.id, Evidence.outcome, Evidence.member_id, Evidence.body_hash).where(
            Evidence.event_id == proof.event_id, Evidence.nonce == proof.nonce
        )
    ).first()
    if known is None:
        return None
    if known.body_hash != crypto.fingerprint(proof.body):
        raise Refused(
            "nonce_reused", _("This check-in was already used for something else. Load the page again.")
        )
    return CheckIn(known.id, known.outcome, known.member_id)


def _attend(session: Session, proof: Proof, decided: Decision) -> Outcome:
    """One statement, so that nobody can come between: add her, or strengthen what stands there already."""
    row = {
        "id": new_id(),
        "event_id": proof.event_id,
        "shift_id": decided.shift_id,
        "member_id": decided.member_id,
        "chapter_id": decided.chapter_id,
        "tier": proof.method.tier,
        "first_at": proof.happened_at,
        "late": False,
    }
    added = insert(Attendance).values(row)
    new, other_kind = added.excluded, added.excluded.tier != Attendance.tier
    earlier = new.first_at < Attendance.first_at
    added = added.on_conflict_do_update(
        index_elements=["event_id", "shift_id", "member_id"],
        set_={
            "tier": case((other_kind, Tier.VERIFIED.value), else_=Attendance.tier),
            "first_at": case((earlier, new.first_at), else_=Attendance.first_at),
        },
        where=or_(other_kind, earlier),
    )
    stands = session.scalar(added.returning(Attendance.id))
    return Outcome.COUNTED if stands == row["id"] else Outcome.REPEAT


def _walk_up(session: Session, proof: Proof, now: datetime) -> uuid.UUID | None:
    if proof.typed is None:
        return None
    row_id = new_id()
    row = {
        "id": row_id,
        "event_id": proof.event_id,
        "typed_enc": Walkup.typed.seal(row_id, proof.typed.text),
        "typed_bix": proof.typed.bix,
        "kind": proof.typed.kind,
        "until": now + WALKUPS_KEPT,
    }
    session.execute(insert(Walkup).values(row).on_conflict_do_nothing())
    return session.scalar(
        select(Walkup.id).where(Walkup.event_id == proof.event_id, Walkup.typed_bix == proof.typed.bix)
    )


def _store(
    session: Session,
    proof: Proof,
    decided: Decision,
    outcome: Outcome,
    now: datetime,
    walkup_id: uuid.UUID | None = None,
) -> CheckIn:
    row: dict[str, Any] = {
        "id": new_id(),
        "event_id": proof.event_id,
        "shift_id": decided.shift_id,
        "nonce": proof.nonce,
        "body_hash": crypto.fingerprint(proof.body),
        "method": proof.method,
        "tier": proof.method.tier,
        "outcome": outcome,
        "member_id": decided.member_id,
        "chapter_id": decided.chapter_id,
        "walkup_id": walkup_id,
        "gate_id": proof.gate_id,
        "device_hmac": proof.device,
        "grant_id": proof.grant_id,
        "happened_at": proof.happened_at,
        "clock_error_s": proof.clock_error_s,
        "recorded_at": now,
    }
    stored = insert(Evidence.__table__).values(row).on_conflict_do_nothing().returning(Evidence.id)
    if session.scalar(stored) is None:
        # The same deed arrived twice at once, and the other one was stored first.
        again = _stored(session, proof)
        assert again is not None  # noqa: S101 - the unique key just said so
        return again
    return CheckIn(row["id"], outcome, decided.member_id)


def remember_phone(
    session: Session, known: KnownPhone | None, cookie: str | None, typed: Typed, now: datetime
) -> str:
    """The token for this phone's cookie; from now on the phone is known by what was typed. Inside `atomic()`."""
    if known is None or cookie is None:
        cookie = random_token()
        known = KnownPhone(token_hash=hash_token(cookie))
        session.add(known)
    if known.typed_bix != typed.bix:
        known.typed, known.typed_bix = str(typed), typed.bix
    if known.used_on != now.date():
        known.used_on = now.date()
    session.flush()
    return cookie
