"""What a claim that somebody was there amounts to, before it is stored. Reads only."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, Uuid, bindparam, func, select
from sqlalchemy.orm import Session, aliased

from mobilize.actions.models import Action, Event, EventState, Shift
from mobilize.actions.queries import EARLY, LATE, chapters_of
from mobilize.checkins.models import Method, Outcome
from mobilize.checkins.typed import Typed
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.models import Member, Membership, Rank

# Built once: building them anew costs more than asking them, and every check-in asks.
_SHIFTS = (
    select(
        Shift.id,
        Shift.starts_at,
        Shift.ends_at,
        Event.state,
        Event.starts_at.label("event_starts_at"),
        Event.ends_at.label("event_ends_at"),
        Action.elsewhere_ok,
        Action.forgotten_at,
    )
    .join(Event, Event.id == Shift.event_id)
    .join(Action, Action.id == Event.action_id)
    .where(Event.id == bindparam("event", type_=Uuid()))
    .order_by(Shift.starts_at)
)
_asked = aliased(Member)
_home = (Membership.member_id == Member.id) & (Membership.rank == Rank.HOME) & Membership.to_at.is_(None)
_found = (
    select(Member.id, Membership.site_id)
    .select_from(_asked)
    .join(Member, Member.id == func.coalesce(_asked.merged_into_id, _asked.id))
    .outerjoin(Membership, _home)
    .where(Member.gone_on.is_(None), Member.erased_at.is_(None))
    .distinct()
    .limit(3)
)
_FOUND_BY = {
    "id": _found.where(_asked.id == bindparam("sought", type_=Uuid())),
    "phone": _found.where(_asked.phone_bix == bindparam("sought", type_=LargeBinary())),
    "number": _found.where(_asked.number_bix == bindparam("sought", type_=LargeBinary())),
}


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One claim that somebody was there.

    `nonce` (16 bytes) is the sender's name for this one deed and `body` what it said, to tell a repeat from
    a different deed. Exactly one of `typed` and `member_id` says who. `clock_error_s` is how far ahead the
    sender's clock was; `happened_at` is corrected by it already.
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
class Decision:
    """`counted` still means "unless she is already in". `chapter_id` is her own, wherever she stands."""

    outcome: Outcome
    shift_id: uuid.UUID
    member_id: uuid.UUID | None = None
    chapter_id: uuid.UUID | None = None


def decide(session: Session, proof: Proof) -> Decision:
    """What the claim amounts to. Raises `Refused` 404 for no such event.

    The same work for everybody, whatever comes of it: see `docs/architecture.md`, "Uniform answers".
    """
    shifts = _shifts(session, proof.event_id)
    found = _members(session, proof)
    member, chapter = found[0] if len(found) == 1 else (None, None)
    outcome = _outcome(shifts[0], proof, len(found), chapter)
    return Decision(outcome, _nearest(shifts, proof.happened_at).id, member, chapter)


def shift_at(session: Session, event_id: uuid.UUID, at: datetime) -> uuid.UUID:
    """The shift running at a moment, else the nearest one. Raises `Refused` 404 for no such event."""
    nearest: uuid.UUID = _nearest(_shifts(session, event_id), at).id
    return nearest


def _shifts(session: Session, event_id: uuid.UUID) -> Sequence[Any]:
    """The event's shifts, each with what has to be known of the event: one round trip."""
    rows = session.execute(_SHIFTS, {"event": event_id}).all()
    if not rows:
        raise Refused("no_event", _("There is no such event."), status=404)
    return rows


def _nearest(shifts: Sequence[Any], at: datetime) -> Any:
    return min(
        shifts, key=lambda s: max((s.starts_at - at).total_seconds(), (at - s.ends_at).total_seconds(), 0)
    )


def _members(session: Session, proof: Proof) -> list[Any]:
    """Members with that number or id, still on the roster, each with her home chapter or None.

    Who was on the roster twice is found under the number of either entry.
    """
    by = proof.typed.kind if proof.typed else "id"
    sought = proof.typed.bix if proof.typed else proof.member_id
    return [tuple(row) for row in session.execute(_FOUND_BY[by], {"sought": sought})]


def _outcome(event: Any, proof: Proof, found: int, chapter: uuid.UUID | None) -> Outcome:
    # Of a forgotten action nobody can say any more who was counted already.
    if event.state is EventState.CALLED_OFF or event.forgotten_at:
        return Outcome.UNRESOLVED
    if not event.event_starts_at - EARLY <= proof.happened_at <= event.event_ends_at + LATE:
        return Outcome.OUTSIDE_HOURS
    if not found:
        return Outcome.WALKUP if proof.typed else Outcome.UNRESOLVED
    if found > 1:
        return Outcome.AMBIGUOUS
    if not event.elsewhere_ok and chapter not in chapters_of(proof.event_id):
        return Outcome.UNRESOLVED
    return Outcome.COUNTED
