"""What a claim that somebody was there amounts to, before it is stored. Reads only."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

from sqlalchemy import Integer, LargeBinary, Uuid, bindparam, cast, func, select, true, union_all
from sqlalchemy.orm import Session, aliased

from mobilize.actions.models import Action, Event, EventChapter, EventState, Shift
from mobilize.actions.queries import EARLY, LATE
from mobilize.checkins.models import Duty, Evidence, Method, Outcome, Says
from mobilize.checkins.phone_clocks import Span
from mobilize.checkins.typed import Typed
from mobilize.direct import Ready, Wire, given
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.models import Member, Membership, Rank

# Whoever arrives this long before the next shift comes for that one.
EARLY_FOR_THE_NEXT = timedelta(minutes=15)
# An event has fewer.
MOST_SHIFTS = 100
MOST_BY_ONE_TICKET = 6


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One claim that somebody was there, or on a strike day that she leaves, or what she does elsewhere.

    `nonce` (16 bytes) is the sender's name for this one deed and `body` what it said, to tell a repeat from
    a different deed. Exactly one of `typed` and `member_id` says who. `clock_error_s` is how far ahead the
    sender's clock was; `happened_at` is corrected by it already. `span`: the earliest and the latest that can
    have been, where it is not known. With `for_a_person` it is kept as `unresolved` where it would have
    counted. `ticket` marks one reading of the line's changing code.
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
    ticket: bytes | None = None
    clock_error_s: float | None = None
    span: Span | None = None
    for_a_person: bool = False
    says: Says = Says.HERE
    duty: Duty | None = None

    @property
    def is_seldom(self) -> bool:
        """It says more than "she is here": what it makes of her attendance is worked out anew."""
        return self.says is not Says.HERE or self.duty is not None

    @property
    def is_her_own(self) -> bool:
        """Said on a public page or by text, where no answer may take longer for a member than for anybody."""
        return self.method in (Method.POSTER, Method.LINK, Method.TEXT, Method.ROTATING)


@dataclass(frozen=True)
class Decision:
    """`counted` still means "unless she is already in". `chapter_id` is her own, wherever she stands.
    `method` is what it amounts to, the proof's own where that is None; `ticket_place` the one it takes.
    `time_uncertain`: whether it lies in the event's hours cannot be known; of what is `unresolved` also
    that this alone keeps it from counting."""

    outcome: Outcome
    shift_id: uuid.UUID
    member_id: uuid.UUID | None = None
    chapter_id: uuid.UUID | None = None
    method: Method | None = None
    ticket_place: int | None = None
    time_uncertain: bool = False


class Opening(NamedTuple):
    """What decides on a claim by its time alone, whoever is meant: `takes_none` at an event that was called
    off, or of a forgotten action; else check-in is open from `opens_at` to `closes_at`."""

    takes_none: bool
    opens_at: datetime
    closes_at: datetime

    @classmethod
    def of(cls, event: Event) -> "Opening":
        """An event's opening, as the rules apply it."""
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
        """By the phone's word it is outside the hours, and it may have been within them."""
        if span is None or self.opens_at <= at <= self.closes_at:
            return False
        return self.outcome_at(at, span) is None


def _opening(
    state: EventState, forgotten_at: datetime | None, starts_at: datetime, ends_at: datetime
) -> Opening:
    return Opening(
        state is EventState.CALLED_OFF or forgotten_at is not None, starts_at - EARLY, ends_at + LATE
    )


class Known(NamedTuple):
    """What the database knows about a claim, one row for each shift of the event and member it may mean.

    `stored_*` is the evidence that stands under the claim's nonce already. Members are those still on the
    roster; who was on it twice is found under the number of either entry. `places_taken` is the last place of
    the claim's ticket that is taken, `own_place` the member's own.
    """

    shift_id: uuid.UUID
    starts_at: datetime
    ends_at: datetime
    state: EventState
    event_starts_at: datetime
    event_ends_at: datetime
    elsewhere_ok: bool
    forgotten_at: datetime | None
    member_id: uuid.UUID | None
    chapter_id: uuid.UUID | None
    stored_id: uuid.UUID | None
    stored_outcome: Outcome
    stored_member_id: uuid.UUID | None
    stored_body: bytes | None
    places_taken: int | None
    own_place: int | None


def ask(wire: Wire, proofs: Sequence[Proof]) -> list[list[Known]]:
    """Everything the decisions rest on, for each of the proofs, in one round trip. Nothing for no such event.

    The same question for everybody, whatever comes of it: see `docs/architecture.md`, "Uniform answers".
    """
    asked = [_question(n, proof) for n, proof in enumerate(proofs)]
    answers: list[list[Known]] = [[] for _proof in proofs]
    for n, *row in wire.run_for(_ASK_ALL, asked) if wire.takes_many else _one_by_one(wire, asked):
        answers[n].append(Known(*row))
    return answers


def _one_by_one(wire: Wire, asked: Sequence[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for one in asked:
        by = next((by for by in _SOUGHT_BY if one[by]), _SOUGHT_BY[0])
        yield from wire.run(_ASK_ONE[by], one)


def _question(n: int, proof: Proof) -> dict[str, Any]:
    typed = proof.typed
    # A name a captain wrote down finds nobody.
    return {
        "n": n,
        "event": proof.event_id,
        "nonce": proof.nonce,
        "member": None if typed else proof.member_id,
        "number": typed.bix if typed and typed.kind == "number" else None,
        "phone": typed.bix if typed and typed.kind == "phone" else None,
        "ticket": proof.ticket,
    }


def decide(wire: Wire, known: Sequence[Known], proof: Proof) -> Decision:
    """What the claim amounts to."""
    found = {row.member_id: row.chapter_id for row in known if row.member_id}
    member, chapter = next(iter(found.items())) if len(found) == 1 else (None, None)
    outcome, uncertain = _outcome(wire, known[0], proof, len(found), chapter)
    by_ticket: tuple[Method | None, int | None] = None, None
    if proof.ticket is not None and proof.method is Method.ROTATING:
        by_ticket = _by_ticket(known[0], member)
    return Decision(outcome, _shift_for(known, proof), member, chapter, *by_ticket, uncertain)


def _by_ticket(known: Known, member: uuid.UUID | None) -> tuple[Method, int | None]:
    """One reading of the code verifies six, a family or a car full; whoever comes by it after them is as good
    as by the poster.

    What waits for a person (a number that matches nobody, a time outside the hours) takes a place too: when
    they say whose it is, it is as verified as any. What is undone keeps its place: the undo takes the ticket
    off the phone, which reads the code again, and that reading has six of its own.
    """
    if member is not None and known.own_place is not None:
        return Method.ROTATING, None
    taken = known.places_taken or 0
    return (Method.ROTATING, taken + 1) if taken < MOST_BY_ONE_TICKET else (Method.POSTER, None)


def shift_at(session: Session, event_id: uuid.UUID, at: datetime) -> uuid.UUID:
    """The shift running at a moment, else the nearest one. Raises `Refused` 404 for no such event."""
    shifts = session.execute(_SHIFTS, {"event": event_id}).all()
    if not shifts:
        raise Refused("no_event", _("There is no such event."), status=404)
    return shift_of(shifts, at)


def shift_of(shifts: Sequence[Any], at: datetime) -> uuid.UUID:
    """Of these shifts the one running at a moment, else the nearest one."""
    nearest = shifts[0] if len(shifts) == 1 else min(shifts, key=lambda shift: _away(shift, at))
    found: uuid.UUID = nearest.shift_id
    return found


def _shift_for(shifts: Sequence[Any], proof: Proof) -> uuid.UUID:
    """Who comes just before a shift begins is early for that one, and does not come to the one that ends."""
    comes = proof.says is Says.HERE and len(shifts) > 1
    return shift_of(shifts, proof.happened_at + EARLY_FOR_THE_NEXT if comes else proof.happened_at)


def _away(shift: Any, at: datetime) -> float:
    return max((shift.starts_at - at).total_seconds(), (at - shift.ends_at).total_seconds(), 0)


def _outcome(
    wire: Wire, event: Known, proof: Proof, found: int, chapter: uuid.UUID | None
) -> tuple[Outcome, bool]:
    """By the first rule that holds (drawn in `docs/check-in.md`), and whether the time is uncertain."""
    opening = _opening(event.state, event.forgotten_at, event.event_starts_at, event.event_ends_at)
    by_time = opening.outcome_at(proof.happened_at, proof.span)
    if by_time is not None:
        return by_time, False
    uncertain = opening.is_uncertain(proof.happened_at, proof.span)
    if found > 1:
        return Outcome.AMBIGUOUS, uncertain
    if not found and proof.typed:
        return Outcome.WALKUP, uncertain
    # Whoever settles an uncertain time says only that they were there: it is the last thing asked about.
    if not found or proof.for_a_person or not _may_stand_here(wire, event, proof, chapter):
        return Outcome.UNRESOLVED, False
    if uncertain:
        return Outcome.UNRESOLVED, True
    return Outcome.OUT if proof.says is Says.LEFT else Outcome.COUNTED, False


def _may_stand_here(wire: Wire, event: Known, proof: Proof, chapter: uuid.UUID | None) -> bool:
    return event.elsewhere_ok or (chapter,) in wire.run(_CHAPTERS, {"event": proof.event_id})


def _asking_all() -> Any:
    """PostgreSQL: for each of the `given` questions its answers.

    Every part is LATERAL with a LIMIT, which leaves the planner nothing but one step in an index for each
    question, also when it plans at six with empty tables.
    """
    rows = given(_ASKED)
    event, stored = (part(rows.c).lateral() for part in (_event, _stored))
    found = _sought_by_all(rows).lateral()
    return _answering(rows.c, event, found, stored).select_from(rows.join(event, true()))


def _asking_one(by: str) -> Any:
    """SQLite: one question, of a member sought by this alone. It would read the whole roster for an empty
    number where its statistics say that hardly anybody has one."""
    asks = SimpleNamespace(**{name: bindparam(name, type_=kind) for name, kind in _ASKED.items()})
    event, stored = (part(asks).subquery() for part in (_event, _stored))
    found = _members().where(Member.id.in_(_entry(asks, by))).limit(3).subquery()
    return _answering(asks, event, found, stored).select_from(event)


def _answering(asks: Any, event: Any, found: Any, stored: Any) -> Any:
    n = cast(asks.n, Integer).label("n")
    return (
        select(n, *event.c, *found.c, *stored.c, _last_place(asks), _last_place(asks, found.c.id))
        .outerjoin(found, true())
        .outerjoin(stored, true())
        .order_by(n, event.c.starts_at)
    )


def _event(asks: Any) -> Any:
    return (
        select(*_SHIFT)
        .select_from(Event)
        .join(Shift, Shift.event_id == Event.id)
        .join(Action, Action.id == Event.action_id)
        .where(Event.id == asks.event)
        .limit(MOST_SHIFTS)
    )


def _stored(asks: Any) -> Any:
    stored = select(
        Evidence.id.label("stored_id"),
        Evidence.outcome,
        Evidence.member_id.label("stored_member_id"),
        Evidence.body_hash,
    )
    return stored.where(Evidence.event_id == asks.event, Evidence.nonce == asks.nonce).limit(1)


def _last_place(asks: Any, member_id: Any = None) -> Any:
    """The last place of the ticket that is taken, or the one this member took. Without a ticket, no look."""
    one = aliased(Evidence)
    those = one.event_id == asks.event, one.ticket_hmac == asks.ticket, one.ticket_place.is_not(None)
    last = select(func.max(one.ticket_place)).where(*those)
    return (last if member_id is None else last.where(one.member_id == member_id)).scalar_subquery()


def _sought_by_all(rows: Any) -> Any:
    """Members a question may mean. It has one of the three; the others are NULL and cost nothing."""
    entries = [_entry(rows.c, by).correlate(rows) for by in _SOUGHT_BY]
    found = union_all(*entries).subquery()
    member = _members().where(Member.id == found.c.id).limit(1).lateral()
    return select(*member.c).select_from(found.join(member, true())).distinct().limit(3)


def _entry(asks: Any, by: str) -> Any:
    """The roster's entry with this number; where two were merged, the one that stands."""
    entry = aliased(Member)
    column = {"number": entry.number_bix, "phone": entry.phone_bix, "member": entry.id}[by]
    return select(func.coalesce(entry.merged_into_id, entry.id).label("id")).where(
        column == getattr(asks, by)
    )


def _members() -> Any:
    """Members as they stand on the roster now, each with her home chapter."""
    home = select(Membership.site_id).where(
        Membership.member_id == Member.id, Membership.rank == Rank.HOME, Membership.to_at.is_(None)
    )
    return select(Member.id, home.scalar_subquery().label("chapter_id")).where(
        Member.gone_on.is_(None), Member.erased_at.is_(None)
    )


_SHIFT = (
    Shift.id.label("shift_id"),
    Shift.starts_at,
    Shift.ends_at,
    Event.state,
    Event.starts_at.label("event_starts_at"),
    Event.ends_at.label("event_ends_at"),
    Action.elsewhere_ok,
    Action.forgotten_at,
)
_SHIFTS = (
    select(*_SHIFT)
    .join(Event, Event.id == Shift.event_id)
    .join(Action, Action.id == Event.action_id)
    .where(Event.id == bindparam("event", type_=Uuid()))
    .order_by(Shift.starts_at)
)
_CHAPTERS = Ready(
    lambda: select(EventChapter.site_id).where(
        EventChapter.event_id == bindparam("event", type_=Uuid()), EventChapter.gone_at.is_(None)
    )
)
_SOUGHT_BY = ("number", "phone", "member")
_ASKED: dict[str, Any] = {
    "n": Integer(), "event": Uuid(), "nonce": LargeBinary(),
    "number": LargeBinary(), "phone": LargeBinary(), "member": Uuid(), "ticket": LargeBinary(),
}  # fmt: skip
_ASK_ALL = Ready(_asking_all)
_ASK_ONE = {by: Ready(partial(_asking_one, by)) for by in _SOUGHT_BY}
