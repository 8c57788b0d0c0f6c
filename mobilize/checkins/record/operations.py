"""Check-in operations. Every way of being counted goes through `check_in()`, which always stores a row."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from mobilize import audit
from mobilize.backup import journal
from mobilize.checkins.line.queries import device_mark, standing_ticks
from mobilize.checkins.models import OWN_PHONE, CheckInKind, Evidence, Method, Outcome, Void
from mobilize.checkins.record.attendance import ATTENDS, derive_attendance, drop_unfounded
from mobilize.checkins.record.batching import (
    AfterStoring,
    BatchItem,
    BatchResult,
    process,
    submit,
    to_result,
)
from mobilize.checkins.record.batching import CheckInResult as CheckInResult
from mobilize.checkins.record.decision import CheckInRequest
from mobilize.checkins.record.head_counts import report_head_count as report_head_count
from mobilize.checkins.record.identifiers import Identifier, unreadable
from mobilize.checkins.record.known_phones import phone_row, recall
from mobilize.checkins.record.persistence import StatementRow
from mobilize.database import atomic, db, insert
from mobilize.errors import Refused
from mobilize.fast.versions import mark_changed
from mobilize.keys import crypto
from mobilize.keys.tokens import random_token
from mobilize.languages import _


def check_in(request: CheckInRequest, *, now: datetime, phone: StatementRow | None = None) -> CheckInResult:
    """Store one request and count its member, at most once per event and shift.

    The order of decision, drawn in `docs/check-in.md`: same nonce (the stored answer again) - called off, or
    the action forgotten (`unresolved`) - outside the hours, whenever it may have been
    (`outside_hours`) - nobody by that number (`walkup`) - several (`ambiguous`) - it needs a review
    (`unresolved`) - a chapter that may not stand here (`unresolved`) - a time that only may lie in the hours
    (`unresolved`) - they leave (`out`) - in already (`repeat`) - else `counted`. Raises `Refused` 422 for the
    same nonce with another body, and 404 for no such event; then nothing is stored.

    `phone` (of `known_phones.phone_row`) is stored with it. Inside `atomic()` all this is part of that
    transaction; else it is stored for good before this returns. That a member leaves, by their own word,
    shows in their attendance a little later: see `deferred_attendance`.
    """
    item = BatchItem(request, now, phone)
    if not request.needs_recount or request.is_self_service:
        return submit(item)
    with atomic():
        done = submit(item)
        derive_attendance(request.event_id, _changed(request, done))
        return done


@dataclass(frozen=True)
class Undo:
    """All ticks of `request.member_id` at the event are taken back, whoever made them. With `needs_review` it
    is kept as `unresolved`, for a person to do or to leave."""

    request: CheckInRequest
    reason: str = "undone on the line"

    def item(self, now: datetime) -> BatchItem:
        if self.request.needs_review:
            undo = replace(self.request, kind=CheckInKind.UNDO)
            return BatchItem(undo, now, outcome=Outcome.UNRESOLVED)
        return BatchItem(self.request, now, outcome=Outcome.UNDONE)


def check_in_all(
    requests: Sequence[CheckInRequest | Undo], *, actor: str, now: datetime, changed: set[uuid.UUID]
) -> list[CheckInResult | Refused]:
    """`check_in()` or an undo for several requests of one event, in a few statements for all; a refusal is
    returned instead of raised.

    Part of the caller's transaction, who derives the attendance of `changed` (members are added to it) before
    that ends, once for all that is stored in it. When one of them cannot be stored at all, the driver's error
    is raised, and none is.
    """
    items = [
        request.item(now) if isinstance(request, Undo) else BatchItem(request, now) for request in requests
    ]
    reasons = {undo.request.nonce: undo.reason for undo in requests if isinstance(undo, Undo)}
    with atomic():
        results = process(items, _taking_back(reasons, actor, now, changed))
    answers = [_answer(item.request, result) for item, result in zip(items, results, strict=True)]
    for item, answer in zip(items, answers, strict=True):
        if isinstance(answer, CheckInResult):
            changed.update(_changed(item.request, answer))
    return answers


def _taking_back(
    reasons: Mapping[bytes, str], actor: str, now: datetime, changed: set[uuid.UUID]
) -> AfterStoring:
    """The consequence of an undo once it is stored; one that was stored before touches no later tick."""
    # Members whose ticks were all taken back, and who were not ticked again since.
    unticked: set[uuid.UUID | None] = set()

    def take_back(stored: Sequence[BatchItem]) -> None:
        undos = [item.request for item in stored if item.outcome is Outcome.UNDONE]
        undone = {undo.member_id: reasons[undo.nonce] for undo in undos if undo.member_id}
        due = {member: why for member, why in undone.items() if member not in unticked}
        if due:
            _void_ticks(undos[0].event_id, due, actor, now)
        unticked.difference_update(item.request.member_id for item in stored)
        unticked.update(undone)
        changed.update(undone)

    return take_back


def _changed(request: CheckInRequest, done: CheckInResult) -> list[uuid.UUID]:
    """The member whose attendance is to be derived, where the statement that stores the request does not."""
    attends = request.needs_recount and done.outcome in (*ATTENDS, Outcome.OUT)
    return [done.member_id] if attends and done.member_id else []


def _answer(request: CheckInRequest, settled: BatchResult) -> CheckInResult | Refused:
    try:
        return to_result(request, settled)
    except Refused as refusal:
        return refusal


def check_in_by_poster(
    event_id: uuid.UUID,
    typed: Identifier | None,
    *,
    page: str,
    cookie: str | None,
    now: datetime,
    ticket: str | None = None,
    needs_review: bool = False,
    kind: CheckInKind = CheckInKind.HERE,
) -> tuple[CheckInResult, str]:
    """A member's own check-in on their phone; the phone is remembered with what was typed, matched or not.

    Without `typed`, what this phone remembers is used. `page` is the token of the form: sent twice with the
    same number it is one check-in, and six members on one page are six; so it is with the `ticket` for having
    read the line's rotating code, whatever the page. `needs_review` as in `CheckInRequest`. Returns the
    result and the token for the phone's cookie: the same for a remembered phone, whatever is typed on it.
    Raises `Refused` when nothing says who.
    """
    phone = recall(cookie) if cookie else None
    typed = typed or (phone.last_typed if phone else None)
    if typed is None:
        raise unreadable()
    token = cookie if cookie and phone else random_token()
    leaving = "/left" if kind is CheckInKind.LEFT else ""
    request = CheckInRequest(
        event_id=event_id,
        nonce=crypto.fingerprint(f"{ticket or page}\x1f{typed}{leaving}".encode())[:16],
        body=f"{typed}{leaving}".encode(),
        method=Method.ROTATING if ticket else Method.POSTER,
        ticket=device_mark(event_id, ticket) if ticket else None,
        typed=typed,
        happened_at=now,
        device=device_mark(event_id, token),
        needs_review=needs_review,
        kind=kind,
    )
    return check_in(request, now=now, phone=phone_row(phone, token, typed, now)), token


def void(evidence_id: uuid.UUID, reason: str, *, actor: str, now: datetime) -> None:
    """Take one piece of evidence back; the attendance becomes what the rest says. Twice is once."""
    with atomic() as session:
        evidence = session.get(Evidence, evidence_id)
        if evidence is None:
            raise Refused("no_evidence", _("There is nothing to undo."), status=404)
        _void(evidence.event_id, [(evidence_id, reason)], actor, now)
        if evidence.member_id:
            derive_attendance(evidence.event_id, [evidence.member_id])


def take_back_own(event_id: uuid.UUID, evidence_ids: Sequence[uuid.UUID], *, now: datetime) -> None:
    """Take back what was sent from a member's own phone, each once. The answer must be as quick for a member
    as for a stranger, so that the attendance follows a little later: see `deferred_attendance`."""
    _void(event_id, [(one, "a slip, undone on the same phone") for one in evidence_ids], OWN_PHONE, now)


def _void_ticks(event_id: uuid.UUID, reasons: Mapping[uuid.UUID, str], actor: str, now: datetime) -> None:
    ticks = standing_ticks(event_id, reasons)
    if ticks:
        _void(event_id, [(tick.id, reasons[tick.member_id]) for tick in ticks], actor, now)
        drop_unfounded(event_id, reasons)


def _void(event_id: uuid.UUID, taken: Sequence[tuple[uuid.UUID, str]], actor: str, now: datetime) -> None:
    """Each once, however often it is taken back."""
    rows = [
        {"evidence_id": one, "actor": actor, "reason_enc": Void.reason.seal(one, why[:200]), "at": now}
        for one, why in taken
    ]
    with atomic() as session:
        new = insert(Void.__table__).on_conflict_do_nothing().returning(Void.evidence_id)
        voided = session.scalars(new, rows).all()
        audit.note_all(actor, "void", voided, now=now)
        mark_changed(event_id)
        if voided:
            _journal_voids(event_id, dict(taken), actor, now)


def repeat_voids(event_id: uuid.UUID, reasons: Mapping[bytes, str], *, actor: str, now: datetime) -> bool:
    """Take evidence back again, by its nonces, that was taken back in minutes which a restore has lost. False
    while some of it is not here: phones that send it again may still bring it."""
    named = Evidence.event_id == event_id, Evidence.nonce.in_(list(reasons))
    with atomic() as session:
        rows = session.scalars(select(Evidence).where(*named)).all()
        if rows:
            _void(event_id, [(row.id, reasons[row.nonce]) for row in rows], actor, now)
            derive_attendance(event_id, {row.member_id for row in rows if row.member_id})
        return len(rows) == len(reasons)


def _journal_voids(event_id: uuid.UUID, reasons: Mapping[uuid.UUID, str], actor: str, now: datetime) -> None:
    """By nonce: phones send again what a restore has lost, under the same one, and it gets another id."""
    if not journal.is_kept():
        return
    nonces = db.session.execute(select(Evidence.id, Evidence.nonce).where(Evidence.id.in_(reasons)))
    taken = [[nonce.hex(), reasons[one][:200]] for one, nonce in nonces]
    journal.note("void", {"event": str(event_id), "taken": taken, "by": actor}, now=now)
