"""Checking in. Every way of being counted goes through `check_in()`, and leaves a row whatever comes of it."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mobilize import crypto
from mobilize.actions.models import Event, EventState, Shift
from mobilize.actions.queries import EARLY, LATE, chapters_of
from mobilize.checkins.models import (
    Attendance,
    Evidence,
    HeadCount,
    KnownPhone,
    Method,
    Outcome,
    Supporters,
    Void,
    Walkup,
)
from mobilize.checkins.strength import ATTENDS, combined, strength_of
from mobilize.checkins.typed import WALKUPS_KEPT, Typed
from mobilize.database import atomic, insert, new_id
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.models import Member, Membership, Rank
from mobilize.tokens import hash_token, random_token

MOST_AT_A_LINE = 20_000


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One claim that somebody was there.

    `nonce` (16 bytes) is the sender's name for this one deed and `body` what it said, to tell a repeat from
    a different deed. Exactly one of `typed` and `member_id` says who.
    """

    event_id: uuid.UUID
    nonce: bytes
    body: bytes
    method: Method
    happened_at: datetime
    typed: Typed | None = None
    member_id: uuid.UUID | None = None
    grant_id: uuid.UUID | None = None
    gate_id: uuid.UUID | None = None
    device: bytes | None = None
    clock_error_s: float | None = None


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
        event = _event(session, proof.event_id)
        shift = _shift_at(event.shifts, proof.happened_at)
        outcome, member, chapter = _decide(session, proof, event)
        if outcome is Outcome.COUNTED:
            outcome = _attend(session, proof, shift, member, chapter)
        walkup_id = _walk_up(session, proof, now) if outcome is Outcome.WALKUP else None
        row = _evidence(proof, shift.id, outcome, member, chapter, walkup_id, now)
        if session.execute(insert(Evidence).values(row).on_conflict_do_nothing()).rowcount == 0:  # type: ignore[attr-defined]
            # The same deed arrived twice at once, and the other one was stored first.
            again = _stored(session, proof)
            assert again is not None  # noqa: S101 - the unique key just said so
            return again
        return CheckIn(row["id"], outcome, member)


def void(evidence_id: uuid.UUID, reason: str, *, actor: str, now: datetime) -> None:
    """Take one piece of evidence back; the attendance becomes what the rest says. Twice is once."""
    with atomic() as session:
        evidence = session.get(Evidence, evidence_id)
        if evidence is None:
            raise Refused("no_evidence", _("There is nothing to take back."), status=404)
        taken = insert(Void).values(evidence_id=evidence_id, actor=actor, reason=reason[:200], at=now)
        session.execute(taken.on_conflict_do_nothing())
        if evidence.member_id:
            derive_attendance(evidence.event_id, evidence.shift_id, evidence.member_id)


def derive_attendance(event_id: uuid.UUID, shift_id: uuid.UUID, member_id: uuid.UUID) -> None:
    """Make one member's attendance what her evidence, less what was taken back, amounts to."""
    of_hers = Evidence.event_id == event_id, Evidence.shift_id == shift_id, Evidence.member_id == member_id
    with atomic() as session:
        standing = session.execute(
            select(Evidence.tier, Evidence.happened_at, Evidence.chapter_id)
            .outerjoin(Void)
            .where(*of_hers, Evidence.outcome.in_(ATTENDS), Void.evidence_id.is_(None))
            .order_by(Evidence.happened_at)
        ).all()
        mine = {"event_id": event_id, "shift_id": shift_id, "member_id": member_id}
        there = session.scalar(select(Attendance).filter_by(**mine).with_for_update())
        if there and not standing:
            session.delete(there)
        elif standing:
            first = standing[0]
            there = there or Attendance(**mine, chapter_id=first.chapter_id, late=False)
            there.tier, there.first_at = strength_of(row.tier for row in standing), first.happened_at
            session.add(there)


def remember_phone(token: str | None, typed: Typed, *, now: datetime) -> str:
    """Remember what was typed on this phone, whether or not it matched anybody; returns its cookie's token.

    The same number on a phone we know keeps its token; another number gets a new one.
    """
    said = f"{typed.kind}:{typed.text}"
    today = now.date()
    with atomic() as session:
        known = session.scalar(select(KnownPhone).where(KnownPhone.token_hash == hash_token(token or "")))
        if token and known and known.typed_bix == typed.bix:
            known.used_on = today
            return token
        fresh = random_token()
        phone = KnownPhone(token_hash=hash_token(fresh), typed_bix=typed.bix, used_on=today)
        phone.typed = said
        session.add(phone)
    return fresh


def report_head_count(
    event: Event, n: int, *, counted_at: datetime, nonce: bytes, via: str, by: str, now: datetime
) -> None:
    """A number somebody counted at the line. The same nonce again changes nothing.

    Raises `Refused` for a number nobody can have counted.
    """
    if not 0 <= n <= MOST_AT_A_LINE:
        raise Refused("bad_count", _("A head count is a number from 0 to %(most)s.", most=MOST_AT_A_LINE))
    row = {
        "id": new_id(),
        "event_id": event.id,
        "shift_id": _shift_at(event.shifts, counted_at).id,
        "nonce": nonce,
        "n": n,
        "counted_at": counted_at,
        "recorded_at": now,
        "via": via,
        "by": by,
    }
    with atomic() as session:
        session.execute(insert(HeadCount).values(row).on_conflict_do_nothing())


def add_supporters(
    event_id: uuid.UUID, delta: int, *, nonce: bytes, happened_at: datetime, by: str, now: datetime
) -> None:
    """Parents and community came (or, below zero, were counted too many). The same nonce again changes nothing."""
    if not -MOST_AT_A_LINE <= delta <= MOST_AT_A_LINE:
        raise Refused("bad_count", _("A head count is a number from 0 to %(most)s.", most=MOST_AT_A_LINE))
    row = {"id": new_id(), "event_id": event_id, "nonce": nonce, "delta": delta}
    row |= {"happened_at": happened_at, "recorded_at": now, "by": by}
    with atomic() as session:
        session.execute(insert(Supporters).values(row).on_conflict_do_nothing())


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
            "nonce_reused", _("This check-in was already used for something else. Reload the page.")
        )
    return CheckIn(known.id, known.outcome, known.member_id)


def _event(session: Session, event_id: uuid.UUID) -> Event:
    event = session.get(Event, event_id)
    if event is None:
        raise Refused("no_event", _("There is no such event."), status=404)
    return event


def _shift_at(shifts: list[Shift], at: datetime) -> Shift:
    """The shift running at a moment, else the nearest one."""
    return min(
        shifts, key=lambda s: max((s.starts_at - at).total_seconds(), (at - s.ends_at).total_seconds(), 0)
    )


def _decide(
    session: Session, proof: Proof, event: Event
) -> tuple[Outcome, uuid.UUID | None, uuid.UUID | None]:
    """(outcome, member, her chapter); `counted` still means "unless she is already in"."""
    # The same work for everybody, whatever comes of it: see trust.md, "Uniform answers".
    found = _members(session, proof)
    member, chapter = found[0] if len(found) == 1 else (None, None)
    if event.state is EventState.CALLED_OFF:
        return Outcome.UNRESOLVED, member, chapter
    if not event.starts_at - EARLY <= proof.happened_at <= event.ends_at + LATE:
        return Outcome.OUTSIDE_HOURS, member, chapter
    if not found:
        return (Outcome.WALKUP if proof.typed else Outcome.UNRESOLVED), None, None
    if len(found) > 1:
        return Outcome.AMBIGUOUS, None, None
    if not event.action.elsewhere_ok and chapter not in chapters_of(event.id):
        return Outcome.UNRESOLVED, member, chapter
    return Outcome.COUNTED, member, chapter


def _members(session: Session, proof: Proof) -> list[Any]:
    """Members with that number or id, still on the roster, each with her home chapter or None."""
    home = (Membership.member_id == Member.id) & (Membership.rank == Rank.HOME) & Membership.to_at.is_(None)
    query = select(Member.id, Membership.site_id).outerjoin(Membership, home).where(Member.gone_on.is_(None))
    if proof.typed is None:
        query = query.where(Member.id == proof.member_id)
    elif proof.typed.kind == "phone":
        query = query.where(Member.phone_bix == proof.typed.bix)
    else:
        query = query.where(Member.number_bix == proof.typed.bix)
    return [tuple(row) for row in session.execute(query.limit(3))]


def _attend(session: Session, proof: Proof, shift: Shift, member: Any, chapter: Any) -> Outcome:
    row = {
        "id": new_id(),
        "event_id": proof.event_id,
        "shift_id": shift.id,
        "member_id": member,
        "chapter_id": chapter,
        "tier": proof.method.tier,
        "first_at": proof.happened_at,
        "late": False,
    }
    added = session.execute(insert(Attendance).values(row).on_conflict_do_nothing())
    if added.rowcount:  # type: ignore[attr-defined]
        return Outcome.COUNTED
    _strengthen(session, proof, shift, member)
    return Outcome.REPEAT


def _strengthen(session: Session, proof: Proof, shift: Shift, member: uuid.UUID) -> None:
    mine = (Attendance.event_id == proof.event_id) & (Attendance.shift_id == shift.id)
    mine &= Attendance.member_id == member
    there = session.execute(select(Attendance.tier, Attendance.first_at).where(mine).with_for_update()).one()
    tier, first = combined(there.tier, proof.method.tier), min(there.first_at, proof.happened_at)
    if (tier, first) != (there.tier, there.first_at):
        session.execute(update(Attendance).where(mine).values(tier=tier, first_at=first))


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


def _evidence(
    proof: Proof,
    shift_id: uuid.UUID,
    outcome: Outcome,
    member: uuid.UUID | None,
    chapter: uuid.UUID | None,
    walkup_id: uuid.UUID | None,
    now: datetime,
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "event_id": proof.event_id,
        "shift_id": shift_id,
        "nonce": proof.nonce,
        "body_hash": crypto.fingerprint(proof.body),
        "method": proof.method,
        "tier": proof.method.tier,
        "outcome": outcome,
        "member_id": member,
        "chapter_id": chapter,
        "walkup_id": walkup_id,
        "gate_id": proof.gate_id,
        "device_hmac": proof.device,
        "grant_id": proof.grant_id,
        "happened_at": proof.happened_at,
        "clock_error_s": proof.clock_error_s,
        "recorded_at": now,
    }
