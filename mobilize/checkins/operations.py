"""Checking in. Every way of being counted goes through `check_in()`; whatever comes of it is stored."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from mobilize import audit, crypto
from mobilize.checkins.attendance import derive_attendance
from mobilize.checkins.claims import CheckIn as CheckIn
from mobilize.checkins.claims import Claim, Settled, settle, settle_on, told
from mobilize.checkins.counts import report_head_count as report_head_count
from mobilize.checkins.decision import Decision, Proof, ask, shift_of
from mobilize.checkins.known_phones import phone_row, recall
from mobilize.checkins.models import Evidence, Method, Outcome, Says, Void
from mobilize.checkins.queries import device_mark, standing_ticks
from mobilize.checkins.storing import Row, row_of, store
from mobilize.checkins.strength import ATTENDS
from mobilize.checkins.typed import Typed, unreadable
from mobilize.database import atomic, insert
from mobilize.direct import Wire, on_wire
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.tokens import random_token


def check_in(proof: Proof, *, now: datetime, phone: Row | None = None) -> CheckIn:
    """Store one claim and count its member, at most once per event and shift.

    The order of decision: same nonce (the stored answer again) - called off (`unresolved`) - outside the
    event's hours, whenever within its `span` it was - nobody by that number (`walkup`) - several
    (`ambiguous`) - a time that only may lie in the hours, or a chapter that may not stand here
    (`unresolved`) - she leaves (`out`) - already in (`repeat`) - `counted`. Raises `Refused` 422 for the same
    nonce with another body, and 404 for no such event; then nothing is stored.

    `phone` (of `known_phones.phone_row`) is remembered with it. Inside `atomic()` all this is part of that
    transaction; else it is stored for good before this returns. What a member says herself of leaving shows
    in her attendance a little later: see `settling`.
    """
    claim = Claim(proof, now, phone)
    if not proof.is_seldom or proof.is_her_own:
        return settle(claim)
    with atomic():
        done = settle(claim)
        if done.member_id and done.outcome in (*ATTENDS, Outcome.OUT):
            derive_attendance(proof.event_id, done.member_id)
        return done


def check_in_all(proofs: Sequence[Proof], *, now: datetime) -> list[CheckIn | Refused]:
    """`check_in()` for each of them, in a few statements for all; what it would raise is the answer instead.

    None may be `is_seldom`. All are stored in one transaction; when one of them cannot be stored at all, the
    driver's error is raised, and none is.
    """
    claims = [Claim(proof, now) for proof in proofs]
    with atomic():
        settled = on_wire(lambda wire: settle_on(wire, claims))
    return [_answer(proof, one) for proof, one in zip(proofs, settled, strict=True)]


def _answer(proof: Proof, settled: Settled) -> CheckIn | Refused:
    try:
        return told(proof, settled)
    except Refused as refusal:
        return refusal


def check_in_by_poster(
    event_id: uuid.UUID,
    typed: Typed | None,
    *,
    page: str,
    cookie: str | None,
    now: datetime,
    method: Method = Method.POSTER,
    for_a_person: bool = False,
    says: Says = Says.HERE,
) -> tuple[CheckIn, str]:
    """A member's own check-in on her phone; the phone is remembered with what was typed, matched or not.

    Without `typed`, what this phone remembers is used. `page` is the token of the form: sent twice with the
    same number it is one deed, and six members on one page are six; with a ticket of the line's changing code
    it is that, and `method` says so. `for_a_person` as in `Proof`. Returns what became of it and the token
    for the phone's cookie: the same for a phone we know, whatever is typed on it. Raises `Refused` when
    nothing says who.
    """
    known = recall(cookie) if cookie else None
    typed = typed or (known.said if known else None)
    if typed is None:
        raise unreadable()
    token = cookie if cookie and known else random_token()
    leaving = "/left" if says is Says.LEFT else ""
    proof = Proof(
        event_id=event_id,
        nonce=crypto.fingerprint(f"{page}\x1f{typed}{leaving}".encode())[:16],
        body=f"{typed}{leaving}".encode(),
        method=method,
        typed=typed,
        happened_at=now,
        device=device_mark(event_id, token),
        for_a_person=for_a_person,
        says=says,
    )
    return check_in(proof, now=now, phone=phone_row(known, token, typed, now)), token


def take_back_ticks(
    proof: Proof, *, actor: str, now: datetime, reason: str = "undone on the line"
) -> CheckIn:
    """Take back all ticks of `proof.member_id` at the event, whoever made them, and store that this was done.

    Her own check-in, if there is one, stays. The same nonce again answers the same and touches no later tick;
    with another body it raises `Refused` 422.
    """
    with atomic():
        done, new = on_wire(lambda wire: _note(wire, proof, Outcome.UNDONE, now))
        for tick in standing_ticks(proof.event_id, proof.member_id) if new else ():
            void(tick, reason, actor=actor, now=now)
        return done


def keep_undo(proof: Proof, *, now: datetime) -> CheckIn:
    """An undo from a phone whose link was taken back: kept as `unresolved`, for a person to do or to leave.
    The same nonce again is the same; with another body it raises `Refused` 422."""
    kept = replace(proof, says=Says.UNDO, for_a_person=True)
    with atomic():
        return on_wire(lambda wire: _note(wire, kept, Outcome.UNRESOLVED, now))[0]


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
            derive_attendance(evidence.event_id, evidence.member_id)


def _note(wire: Wire, proof: Proof, outcome: Outcome, now: datetime) -> tuple[CheckIn, bool]:
    """Stored as it is, counting nobody; and whether that is new."""
    [known] = ask(wire, [proof])
    if known and known[0].stored_id is None:
        shift_id = shift_of(known, proof.happened_at)
        row = row_of(proof, Decision(outcome, shift_id, proof.member_id), now)
        if store(wire, [row]) is not None:
            return CheckIn(row["evidence_id"], outcome, proof.member_id), True
        [known] = ask(wire, [proof])
    return told(proof, known[0] if known else None), False
