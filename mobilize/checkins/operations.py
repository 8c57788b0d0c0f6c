"""Checking in. Every way of being counted goes through `check_in()`; whatever comes of it is stored."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from mobilize import audit, crypto
from mobilize.checkins.attendance import derive_attendance, drop_unfounded
from mobilize.checkins.claims import CheckIn as CheckIn
from mobilize.checkins.claims import Claim, Settled, settle, settle_on, told
from mobilize.checkins.counts import report_head_count as report_head_count
from mobilize.checkins.decision import Proof
from mobilize.checkins.known_phones import phone_row, recall
from mobilize.checkins.models import Evidence, Method, Outcome, Says, Void
from mobilize.checkins.queries import device_mark, standing_ticks
from mobilize.checkins.storing import Row
from mobilize.checkins.strength import ATTENDS
from mobilize.checkins.typed import Typed, unreadable
from mobilize.database import atomic, insert
from mobilize.direct import on_wire
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.tokens import random_token

# A database takes only so many values in one statement.
MOST_VOIDED_AT_ONCE = 500


def check_in(proof: Proof, *, now: datetime, phone: Row | None = None) -> CheckIn:
    """Store one claim and count its member, at most once per event and shift.

    The order of decision: same nonce (the stored answer again) - called off (`unresolved`) - outside the
    event's hours, whenever within its `span` it was - nobody by that number (`walkup`) - several
    (`ambiguous`) - `for_a_person`, then a chapter that may not stand here, then a time that only may lie in
    the hours (`unresolved`) - they leave (`out`) - already in (`repeat`) - `counted`. Raises `Refused` 422
    for the same nonce with another body, and 404 for no such event; then nothing is stored.

    `phone` (of `known_phones.phone_row`) is remembered with it. Inside `atomic()` all this is part of that
    transaction; else it is stored for good before this returns. What a member says herself of leaving shows
    in her attendance a little later: see `settling`.
    """
    claim = Claim(proof, now, phone)
    if not proof.is_seldom or proof.is_her_own:
        return settle(claim)
    with atomic():
        done = settle(claim)
        derive_attendance(proof.event_id, _changed(proof, done))
        return done


def check_in_all(
    proofs: Sequence[Proof], *, now: datetime, changed: set[uuid.UUID]
) -> list[CheckIn | Refused]:
    """`check_in()` for each of them, in a few statements for all; what it would raise is the answer instead.

    Part of the caller's transaction, who derives the attendance of `changed` (members are added to it) before
    that ends, once for all that is stored in it. When one of them cannot be stored at all, the driver's error
    is raised, and none is.
    """
    answers = _settle_all([Claim(proof, now) for proof in proofs])
    for proof, one in zip(proofs, answers, strict=True):
        if isinstance(one, CheckIn):
            changed.update(_changed(proof, one))
    return answers


def _changed(proof: Proof, done: CheckIn) -> list[uuid.UUID]:
    """Whose attendance is to be derived: what is seldom says more than storing it makes of it."""
    attends = proof.is_seldom and done.outcome in (*ATTENDS, Outcome.OUT)
    return [done.member_id] if attends and done.member_id else []


def _settle_all(claims: Sequence[Claim]) -> list[CheckIn | Refused]:
    with atomic():
        settled = on_wire(lambda wire: settle_on(wire, claims))
    return [_answer(claim.proof, one) for claim, one in zip(claims, settled, strict=True)]


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
    ticket: str | None = None,
    for_a_person: bool = False,
    says: Says = Says.HERE,
) -> tuple[CheckIn, str]:
    """A member's own check-in on her phone; the phone is remembered with what was typed, matched or not.

    Without `typed`, what this phone remembers is used. `page` is the token of the form: sent twice with the
    same number it is one deed, and six members on one page are six; so it is with the `ticket` for having
    read the line's changing code, whatever the page. `for_a_person` as in `Proof`. Returns what became of it
    and the token for the phone's cookie: the same for a phone we know, whatever is typed on it. Raises
    `Refused` when nothing says who.
    """
    known = recall(cookie) if cookie else None
    typed = typed or (known.said if known else None)
    if typed is None:
        raise unreadable()
    token = cookie if cookie and known else random_token()
    leaving = "/left" if says is Says.LEFT else ""
    proof = Proof(
        event_id=event_id,
        nonce=crypto.fingerprint(f"{ticket or page}\x1f{typed}{leaving}".encode())[:16],
        body=f"{typed}{leaving}".encode(),
        method=Method.ROTATING if ticket else Method.POSTER,
        ticket=device_mark(event_id, ticket) if ticket else None,
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
        changed: set[uuid.UUID] = set()
        [done] = take_back_all([(proof, reason)], actor=actor, now=now, changed=changed)
        derive_attendance(proof.event_id, changed)
    if isinstance(done, Refused):
        raise done
    return done


def take_back_all(
    undos: Sequence[tuple[Proof, str]], *, actor: str, now: datetime, changed: set[uuid.UUID]
) -> list[CheckIn | Refused]:
    """`take_back_ticks()` for each of these and its reason, all of one event, in a few statements for all;
    what it would raise is the answer instead. `changed` as in `check_in_all()`."""
    claims = [Claim(proof, now, outcome=Outcome.UNDONE) for proof, _reason in undos]
    with atomic():
        settled = on_wire(lambda wire: settle_on(wire, claims))
        reasons: dict[uuid.UUID | None, str] = {}
        for (proof, reason), one in zip(undos, settled, strict=True):
            if isinstance(one, CheckIn):  # else it was stored before, and later ticks stay
                reasons.setdefault(proof.member_id, reason)
        _void_ticks(undos[0][0].event_id, reasons, actor, now)
        undone = [member for member in reasons if member]
        drop_unfounded(undos[0][0].event_id, undone)
        changed.update(undone)
    return [_answer(proof, one) for (proof, _reason), one in zip(undos, settled, strict=True)]


def keep_undos(proofs: Sequence[Proof], *, now: datetime) -> list[CheckIn | Refused]:
    """Undos from a phone whose link was taken back: kept as `unresolved`, for a person to do or to leave.
    The same nonce again is the same; with another body it is refused, 422."""
    kept = [replace(proof, says=Says.UNDO, for_a_person=True) for proof in proofs]
    return _settle_all([Claim(proof, now, outcome=Outcome.UNRESOLVED) for proof in kept])


def void(evidence_id: uuid.UUID, reason: str, *, actor: str, now: datetime) -> None:
    """Take one piece of evidence back; the attendance becomes what the rest says. Twice is once."""
    with atomic() as session:
        evidence = session.get(Evidence, evidence_id)
        if evidence is None:
            raise Refused("no_evidence", _("There is nothing to take back."), status=404)
        _void([(evidence_id, reason)], actor, now)
        if evidence.member_id:
            derive_attendance(evidence.event_id, [evidence.member_id])


def _void_ticks(
    event_id: uuid.UUID, reasons: Mapping[uuid.UUID | None, str], actor: str, now: datetime
) -> None:
    members = [member for member in reasons if member]
    ticks = standing_ticks(event_id, members) if members else []
    for start in range(0, len(ticks), MOST_VOIDED_AT_ONCE):
        some = ticks[start : start + MOST_VOIDED_AT_ONCE]
        _void([(tick.id, reasons[tick.member_id]) for tick in some], actor, now)


def _void(taken: Sequence[tuple[uuid.UUID, str]], actor: str, now: datetime) -> None:
    """Each once, however often it is taken back."""
    rows = [
        {"evidence_id": one, "actor": actor, "reason_enc": Void.reason.seal(one, why[:200]), "at": now}
        for one, why in taken
    ]
    with atomic() as session:
        new = insert(Void).values(rows).on_conflict_do_nothing().returning(Void.evidence_id)
        audit.note_all(actor, "void", session.scalars(new).all(), now=now)
