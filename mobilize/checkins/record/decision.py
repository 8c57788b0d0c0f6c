"""The decision about a check-in: a pure function of the request and of the look-up (`lookup.py`)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from mobilize.actions.models import Event, EventState
from mobilize.actions.queries import EARLY, LATE
from mobilize.checkins.models import CheckInKind, Duty, Method, Outcome
from mobilize.checkins.record.identifiers import Identifier
from mobilize.checkins.record.phone_clocks import Span

# Whoever arrives this long before the next shift comes for that one.
EARLY_FOR_THE_NEXT = timedelta(minutes=15)
MOST_BY_ONE_TICKET = 6


@dataclass(frozen=True, kw_only=True)
class CheckInRequest:
    """One request to count a member as present, or on a strike day that they leave, or what duty they do.

    `nonce` (16 bytes) is the idempotency key the sender chose, and `body` what was sent, to tell a repeat
    from another request. Exactly one of `typed` and `member_id` says who. `clock_error_s` is how far ahead
    the sender's clock was; `happened_at` is corrected by it already. `span`: the earliest and the latest that
    can have been, where it is not known. With `needs_review` it is stored as `unresolved` where it would have
    counted. `ticket` marks one reading of the line's rotating code.
    """

    event_id: uuid.UUID
    nonce: bytes
    body: bytes
    method: Method
    happened_at: datetime
    typed: Identifier | None = None
    member_id: uuid.UUID | None = None
    grant_id: uuid.UUID | None = None
    gate_id: uuid.UUID | None = None
    device: bytes | None = None
    ticket: bytes | None = None
    clock_error_s: float | None = None
    span: Span | None = None
    needs_review: bool = False
    kind: CheckInKind = CheckInKind.HERE
    duty: Duty | None = None

    @property
    def needs_recount(self) -> bool:
        """More than "is here": the attendance of its member is derived anew from all evidence."""
        return self.kind is not CheckInKind.HERE or self.duty is not None

    @property
    def is_self_service(self) -> bool:
        """Sent by members themselves, where no answer may take longer for a member than for a stranger."""
        return self.method in (Method.POSTER, Method.LINK, Method.TEXT, Method.ROTATING)


@dataclass(frozen=True)
class Decision:
    """The outcome of a request, before it is stored: `counted` still means "unless they are in already".
    `chapter_id` is the member's home, wherever they stand. `method` replaces the one of the request
    where it is not None; `ticket_place` is the place it takes.
    `time_uncertain`: whether it lies in the event's hours cannot be known; of what is `unresolved` also
    that this alone keeps it from counting."""

    outcome: Outcome
    shift_id: uuid.UUID
    member_id: uuid.UUID | None = None
    chapter_id: uuid.UUID | None = None
    method: Method | None = None
    ticket_place: int | None = None
    time_uncertain: bool = False


class CheckInHours(NamedTuple):
    """The hours of check-in at an event, from `opens_at` to `closes_at`. `takes_none`: it was called off, or
    its action is forgotten."""

    takes_none: bool
    opens_at: datetime
    closes_at: datetime

    @classmethod
    def of(cls, event: Event) -> "CheckInHours":
        """The opening of a stored event."""
        return _opening(event.state, event.action.forgotten_at, event.starts_at, event.ends_at)

    def outcome_at(self, at: datetime, span: Span | None) -> Outcome | None:
        """`unresolved` or `outside_hours`; None where it depends on who is meant."""
        # Of a forgotten action nobody can say any more who was counted already.
        if self.takes_none:
            return Outcome.UNRESOLVED
        earliest, latest = span or (at, at)
        is_inside = earliest <= self.closes_at and latest >= self.opens_at
        return None if is_inside else Outcome.OUTSIDE_HOURS

    def is_uncertain(self, at: datetime, span: Span | None) -> bool:
        """Whether the phone's clock says outside the hours, and it may have been within them."""
        if span is None or self.opens_at <= at <= self.closes_at:
            return False
        return self.outcome_at(at, span) is None


def _opening(
    state: EventState, forgotten_at: datetime | None, starts_at: datetime, ends_at: datetime
) -> CheckInHours:
    return CheckInHours(
        state is EventState.CALLED_OFF or forgotten_at is not None, starts_at - EARLY, ends_at + LATE
    )


class Lookup(NamedTuple):
    """A row of the look-up for a request: one for each shift of the event.

    `members` is how many it may mean (None: nobody; two stand for any more), `member_id` one of them:
    those still on the roster, and who was on it twice is found under the number of either entry. `stored_*`
    is the evidence that is stored under the request's nonce already. `places_taken` is the last place of the
    request's ticket that is taken, `own_place` the member's own. `chapter_belongs`: the member's chapter is
    one of the event's.
    """

    shift_id: uuid.UUID
    starts_at: datetime
    ends_at: datetime
    state: EventState
    event_starts_at: datetime
    event_ends_at: datetime
    elsewhere_ok: bool
    forgotten_at: datetime | None
    members: int | None
    member_id: uuid.UUID | None
    chapter_id: uuid.UUID | None
    chapter_belongs: bool
    stored_id: uuid.UUID | None
    stored_outcome: Outcome
    stored_member_id: uuid.UUID | None
    stored_body: bytes | None
    stored_at: datetime | None
    places_taken: int | None
    own_place: int | None


def decide(rows: Sequence[Lookup], request: CheckInRequest) -> Decision:
    """The outcome of a request, from its rows of the look-up."""
    members = rows[0].members or 0
    one = rows[0] if members == 1 else None
    outcome, uncertain = _outcome(rows[0], request, members, one)
    member, chapter = (one.member_id, one.chapter_id) if one else (None, None)
    by_ticket: tuple[Method | None, int | None] = None, None
    if request.ticket is not None and request.method is Method.ROTATING:
        by_ticket = _by_ticket(rows[0], member)
    return Decision(outcome, _shift_for(rows, request), member, chapter, *by_ticket, uncertain)


def _outcome(
    event: Lookup, request: CheckInRequest, members: int, one: Lookup | None
) -> tuple[Outcome, bool]:
    """By the first rule that holds (drawn in `docs/check-in.md`), and whether the time is uncertain."""
    opening = _opening(event.state, event.forgotten_at, event.event_starts_at, event.event_ends_at)
    by_time = opening.outcome_at(request.happened_at, request.span)
    if by_time is not None:
        return by_time, False
    uncertain = opening.is_uncertain(request.happened_at, request.span)
    if members > 1:
        return Outcome.AMBIGUOUS, uncertain
    if one is None and request.typed:
        return Outcome.WALKUP, uncertain
    # Whoever settles an uncertain time says only that they were there: it is the last thing asked about.
    if one is None or request.needs_review or not (one.elsewhere_ok or one.chapter_belongs):
        return Outcome.UNRESOLVED, False
    if uncertain:
        return Outcome.UNRESOLVED, True
    return Outcome.OUT if request.kind is CheckInKind.LEFT else Outcome.COUNTED, False


def _by_ticket(row: Lookup, member: uuid.UUID | None) -> tuple[Method, int | None]:
    """One reading of the code verifies six, a family or a car full; whoever comes by it after them is as good
    as by the poster.

    What waits for a person (a number that matches nobody, a time outside the hours) takes a place too: when
    they say whose it is, it is as verified as any. What is undone keeps its place: the undo takes the ticket
    off the phone, which reads the code again, and that reading has six of its own.
    """
    if member is not None and row.own_place is not None:
        return Method.ROTATING, None
    taken = row.places_taken or 0
    return (Method.ROTATING, taken + 1) if taken < MOST_BY_ONE_TICKET else (Method.POSTER, None)


def shift_of(shifts: Sequence[Any], at: datetime) -> uuid.UUID:
    """Of these shifts the one running at a moment, else the nearest one."""
    shift_id: uuid.UUID = min(shifts, key=lambda shift: _away(shift, at)).shift_id
    return shift_id


def _shift_for(shifts: Sequence[Any], request: CheckInRequest) -> uuid.UUID:
    """Somebody who comes just before a shift begins is early for that one, and does not come to the one that
    ends."""
    comes = request.kind is CheckInKind.HERE
    return shift_of(shifts, request.happened_at + EARLY_FOR_THE_NEXT if comes else request.happened_at)


def _away(shift: Any, at: datetime) -> float:
    return max((shift.starts_at - at).total_seconds(), (at - shift.ends_at).total_seconds(), 0)
