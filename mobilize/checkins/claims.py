"""Claims asked about, decided and stored together: fifty in the same few steps as one.

Concurrent requests of one process are such a group (`mobilize.together`), and so is what a line's phone sends
at once. Each is answered only when the statement or transaction that stores it is through.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Flask, current_app
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mobilize import crypto
from mobilize.checkins.decision import Decision, Known, Proof, ask, decide, shift_of
from mobilize.checkins.models import Outcome
from mobilize.checkins.storing import Row, remember, row_of, store
from mobilize.database import inside_atomic, start_afresh
from mobilize.direct import Wire, on_wire
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.together import Together

MOST_TOGETHER = 50


@dataclass(frozen=True)
class CheckIn:
    """What became of a claim: the stored evidence and its outcome."""

    evidence_id: uuid.UUID
    outcome: Outcome
    member_id: uuid.UUID | None


@dataclass(frozen=True)
class Claim:
    """A proof, when it came, and what is to be remembered of the phone it came from. With an `outcome` it is
    stored as that, whatever is known, and counts nobody."""

    proof: Proof
    now: datetime
    phone: Row | None = None
    outcome: Outcome | None = None


# A claim's place among the others, and the row to be stored.
_Undecided = tuple[int, Row]
# No such event; or what stands under this nonce already, which may be another deed.
Settled = CheckIn | Known | None


def settle(claim: Claim) -> CheckIn:
    """Store one claim: inside `atomic()` as part of that, else for good before this returns, together with
    whatever other threads bring at the same moment. Raises `Refused`."""
    if inside_atomic():
        return told(claim.proof, on_wire(lambda wire: settle_on(wire, [claim]))[0])
    start_afresh()
    return told(claim.proof, _together().do(claim))


def settle_on(wire: Wire, claims: Sequence[Claim]) -> list[Settled]:
    """What becomes of each. Whoever comes between the question and the answer is met by the unique keys."""
    settled: list[Settled] = [None] * len(claims)
    undecided: list[_Undecided] = []
    for n, (claim, known) in enumerate(zip(claims, ask(wire, [c.proof for c in claims]), strict=True)):
        if known and known[0].stored_id:
            settled[n] = known[0]
            if claim.phone:
                remember(wire, claim.phone)
        elif known:
            row = row_of(claim.proof, _decided(wire, known, claim), claim.now)
            undecided.append((n, row | (claim.phone or {})))
    while undecided:
        some, undecided = _apart(undecided)
        outcomes = store(wire, [row for _n, row in some])
        if outcomes is None:  # one of these deeds arrived twice at once, or somebody took a ticket's place
            for n, _row in some:
                settled[n] = _again(wire, claims[n], alone=len(some) == 1)
            continue
        for (n, row), outcome in zip(some, outcomes, strict=True):
            settled[n] = CheckIn(row["evidence_id"], outcome, row["member_id"])
    return settled


def _decided(wire: Wire, known: Sequence[Known], claim: Claim) -> Decision:
    if claim.outcome is None:
        return decide(wire, known, claim.proof)
    return Decision(claim.outcome, shift_of(known, claim.proof.happened_at), claim.proof.member_id)


def told(proof: Proof, settled: Settled) -> CheckIn:
    """The answer to the one who sent it. Raises `Refused` 404 for no such event, 422 for another deed under
    the same nonce."""
    if settled is None:
        raise Refused("no_event", _("There is no such event."), status=404)
    if isinstance(settled, CheckIn):
        return settled
    if settled.stored_id is None:
        raise RuntimeError("a unique key says that it is stored, and it is not there")
    if settled.stored_body != crypto.fingerprint(proof.body):
        raise Refused(
            "nonce_reused", _("This check-in was already used for something else. Load the page again.")
        )
    return CheckIn(settled.stored_id, settled.stored_outcome, settled.stored_member_id)


def _again(wire: Wire, claim: Claim, *, alone: bool) -> Settled:
    """With a ticket, whose place may be gone, it is decided anew: each time one place fewer is left."""
    if not alone:
        return settle_on(wire, [claim])[0]
    known = ask(wire, [claim.proof])[0]
    if known and known[0].stored_id is None and claim.proof.ticket:
        return settle_on(wire, [claim])[0]
    return known[0] if known else None


def _apart(undecided: list[_Undecided]) -> tuple[list[_Undecided], list[_Undecided]]:
    """Those no two of which touch the same row, and the rest: one statement writes a row once."""
    now: list[_Undecided] = []
    later: list[_Undecided] = []
    touched: set[object] = set()
    for one in undecided:
        row = one[1]
        keys = {
            (row["event_id"], row["nonce"]),
            (row["event_id"], row["member_id"] or one[0]),
            (row["event_id"], row.get("walkup_typed_bix", one[0])),
            (row["event_id"], row["ticket_hmac"] or one[0]),
            row.get("phone_token_hash", one[0]),
        }
        (later if touched & keys else now).append(one)
        touched |= keys
    return now, later


def _together() -> Together[Claim, Settled]:
    """One group at a time for each application of this process."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    found = app.extensions.get("mobilize check-ins")
    if found is None:
        made = Together[Claim, Settled](_settle_for_good, most=MOST_TOGETHER, is_for_all=_is_away)
        found = app.extensions.setdefault("mobilize check-ins", made)
    together: Together[Claim, Settled] = found
    return together


def _settle_for_good(claims: list[Claim]) -> list[Settled]:
    return on_wire(lambda wire: settle_on(wire, claims))


def _is_away(error: Exception) -> bool:
    return isinstance(error, OperationalError | InterfaceError | PoolTimeout)
