"""Batches of requests, looked up, decided and stored together: fifty in the same few steps as one.

Concurrent requests of one process are such a group (`fast.group_commit`), and so is what a line's phone sends
at once. Each is answered only when the statement or transaction that stores it is through.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Flask, current_app

from mobilize.checkins.models import Method, Outcome
from mobilize.checkins.record.decision import CheckInRequest, Decision, Lookup, decide, shift_of
from mobilize.checkins.record.lookup import look_up
from mobilize.checkins.record.persistence import StatementRow, remember, row_of, store
from mobilize.database import AWAY, inside_atomic, is_refused_as_read_only, start_afresh
from mobilize.errors import Refused
from mobilize.fast.group_commit import GroupCommit
from mobilize.fast.statements import retried
from mobilize.keys import crypto
from mobilize.languages import _
from mobilize.observability import metrics

MOST_IN_A_BATCH = 50
_STORED = {method: metrics.CHECK_INS.labels(method) for method in Method}


@dataclass(frozen=True)
class CheckInResult:
    """The stored evidence of a request, its outcome, and when it first came."""

    evidence_id: uuid.UUID
    outcome: Outcome
    member_id: uuid.UUID | None
    recorded_at: datetime


@dataclass(frozen=True)
class BatchItem:
    """A request, when it came, and what is to be remembered of its phone. With an `outcome` it is
    stored as that, whatever is known, and counts nobody."""

    request: CheckInRequest
    now: datetime
    phone: StatementRow | None = None
    outcome: Outcome | None = None


# An item's place in the batch, and the row to be stored.
_Pending = tuple[int, StatementRow]
# Called once some items of a batch are stored, before the next ones are.
AfterStoring = Callable[[Sequence[BatchItem]], None]
# None: no such event. A look-up: what is stored under this nonce already, perhaps of another request.
BatchResult = CheckInResult | Lookup | None


def submit(item: BatchItem) -> CheckInResult:
    """Store one request: inside `atomic()` as part of that, else for good before this returns, together with
    whatever other threads bring at the same moment. Raises `Refused`."""
    if inside_atomic():
        return to_result(item.request, process([item])[0])
    start_afresh()
    return to_result(item.request, _group_commit().submit(item))


def process(
    items: Sequence[BatchItem], after_storing: AfterStoring = lambda _stored: None
) -> list[BatchResult]:
    """A result for each item, in their order. Concurrent inserts are caught by the unique constraints.

    Items of one member are stored in their order, `after_storing` called between them.
    """
    results: list[BatchResult] = [None] * len(items)
    pending: list[_Pending] = []
    lookups = look_up([item.request for item in items])
    for n, (item, rows) in enumerate(zip(items, lookups, strict=True)):
        if rows and rows[0].stored_id:
            results[n] = rows[0]
            if item.phone:
                remember(item.phone)
        elif rows:
            row = row_of(item.request, _decision(rows, item), item.now)
            pending.append((n, row | (item.phone or {})))
    while pending:
        some, pending = _without_conflicts(pending)
        outcomes = store([row for _n, row in some])
        if outcomes is None:  # one of these requests arrived twice at once, or somebody took a ticket's place
            for n, _row in some:
                results[n] = _retry(items[n], after_storing, alone=len(some) == 1)
            continue
        for (n, row), outcome in zip(some, outcomes, strict=True):
            results[n] = CheckInResult(row["evidence_id"], outcome, row["member_id"], row["recorded_at"])
        _count([items[n] for n, _row in some])
        after_storing([items[n] for n, _row in some])
    return results


def _decision(rows: Sequence[Lookup], item: BatchItem) -> Decision:
    if item.outcome is None:
        return decide(rows, item.request)
    return Decision(item.outcome, shift_of(rows, item.request.happened_at), item.request.member_id)


def _count(stored: Sequence[BatchItem]) -> None:
    for method, n in Counter(item.request.method for item in stored).items():
        _STORED[method].inc(n)


def to_result(request: CheckInRequest, result: BatchResult) -> CheckInResult:
    """The result the sender gets. Raises `Refused` 404 for no such event, 422 for another body under the same
    nonce."""
    if result is None:
        raise Refused("no_event", _("There is no such event."), status=404)
    if isinstance(result, CheckInResult):
        return result
    if result.stored_id is None or result.stored_at is None:
        raise RuntimeError("a unique key says that it is stored, and it is not there")
    if result.stored_body != crypto.fingerprint(request.body):
        raise Refused(
            "nonce_reused", _("This check-in was already used for something else. Load the page again.")
        )
    return CheckInResult(result.stored_id, result.stored_outcome, result.stored_member_id, result.stored_at)


def _retry(item: BatchItem, after_storing: AfterStoring, *, alone: bool) -> BatchResult:
    """With a ticket, whose place may be gone, it is decided anew: each time one place fewer is left."""
    if not alone:
        return process([item], after_storing)[0]
    rows = look_up([item.request])[0]
    if rows and rows[0].stored_id is None and item.request.ticket:
        return process([item], after_storing)[0]
    return rows[0] if rows else None


def _without_conflicts(pending: list[_Pending]) -> tuple[list[_Pending], list[_Pending]]:
    """Items no two of which touch the same row, and the rest: one statement writes a row once."""
    now: list[_Pending] = []
    later: list[_Pending] = []
    touched: set[object] = set()
    for one in pending:
        row = one[1]
        keys = {
            (row["event_id"], row["nonce"]),
            (row["event_id"], row["member_id"] or one[0]),
            (row["event_id"], row.get("walkup_typed_index", one[0])),
            (row["event_id"], row["ticket_hmac"] or one[0]),
            row.get("phone_token_hash", one[0]),
        }
        (later if touched & keys else now).append(one)
        touched |= keys
    return now, later


def _group_commit() -> GroupCommit[BatchItem, BatchResult]:
    """One group at a time for each application of this process."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    group_commit: GroupCommit[BatchItem, BatchResult] | None = app.extensions.get("mobilize check-ins")
    if group_commit is None:
        new = GroupCommit[BatchItem, BatchResult](_process_batch, limit=MOST_IN_A_BATCH, is_for_all=_is_away)
        group_commit = app.extensions.setdefault("mobilize check-ins", new)
    return group_commit


def _process_batch(items: list[BatchItem]) -> list[BatchResult]:
    return retried(lambda: process(items))


def _is_away(error: Exception) -> bool:
    lost = isinstance(error, AWAY)
    return lost or is_refused_as_read_only(error)
