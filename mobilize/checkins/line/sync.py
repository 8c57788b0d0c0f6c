"""Batches from a line's phone: each item has a nonce, is stored or shown to a person, and none is lost."""

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from flask import current_app
from pydantic import ValidationError
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from mobilize.accounts.models import LineGrant
from mobilize.actions.models import Event
from mobilize.checkins.forms import LineBatch, LineItem
from mobilize.checkins.line.queries import gates_of, listed_of
from mobilize.checkins.member.personal_links import whose
from mobilize.checkins.models import CheckInKind, Method, Outcome
from mobilize.checkins.record.attendance import derive_attendance
from mobilize.checkins.record.decision import CheckInHours
from mobilize.checkins.record.head_counts import MOST_AT_A_LINE, add_supporters, report_head_count
from mobilize.checkins.record.identifiers import read_typed_or_name
from mobilize.checkins.record.operations import CheckInRequest, Undo, check_in_all
from mobilize.checkins.record.phone_clocks import TapTime, tap_time
from mobilize.checkins.review.phone_updates import report_new_number
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.languages import _

Answer = dict[str, object]


@dataclass(frozen=True)
class _Line:
    """The sender, the time, by that phone's clock too (`sent_at`), and the members of the event's list named.
    From a phone whose grant was taken back everything is kept, and nothing counts."""

    event: Event
    event_id: uuid.UUID
    grant_id: uuid.UUID
    now: datetime
    sent_at: datetime | None
    listed: Collection[uuid.UUID]
    gates: Collection[uuid.UUID]
    taken_back: bool = False
    # Members whose attendance has to be derived before the batch is through: once, whatever it says of them.
    changed: set[uuid.UUID] = field(default_factory=set)

    @property
    def by(self) -> str:
        return f"grant:{self.grant_id}"

    def time_of(self, item: LineItem) -> TapTime:
        return tap_time(item.clock(self.sent_at), self.now)

    def is_uncertain(self, item: LineItem) -> bool:
        """Whether it lies in the event's hours cannot be known."""
        when = self.time_of(item)
        return not self.taken_back and CheckInHours.of(self.event).is_uncertain(when.at, when.span)

    def is_kept(self, item: LineItem) -> bool:
        """Whether it counts for nobody by itself, whoever is meant."""
        return self.taken_back or CheckInHours.of(self.event).takes_none or self.is_uncertain(item)

    def happened_at(self, item: LineItem) -> datetime:
        """By our clock, and never in the future."""
        return self.time_of(item).at


_Way = Callable[[Session, _Line, Sequence[Any]], list[Answer]]


def do_items(
    event: Event, grant: LineGrant, batch: LineBatch, *, now: datetime, taken_back: bool = False
) -> list[Answer]:
    """Do each item on its own and answer each: {"nonce", "stored", "outcome"}, with "why" for a person where
    it does not count. One that cannot be done is not `stored`, says by a stable "error" why, and harms no
    other. Sending the same again gives the same answers and changes nothing. With `taken_back` it is kept for
    a person, as `unresolved`.

    The batch is one transaction, stored in a few statements for each run of items of one kind; attendance is
    derived at its end, once for each member.
    """
    read = [_read(raw) for raw in batch.items]
    listed = listed_of(event.id, {item.member for item in read if isinstance(item, LineItem) and item.member})
    at_a_gate = any(isinstance(item, LineItem) and item.gate for item in read)
    gates = {gate.id for gate in gates_of(event)} if at_a_gate else ()
    line = _Line(event, event.id, grant.id, now, batch.sent_at, listed, gates, taken_back)
    answers: list[Answer] = []
    with atomic() as session:
        for do_them, items in groupby(read, key=_way_of):
            answers += do_them(session, line, list(items))
        derive_attendance(line.event_id, line.changed)
    return answers


def _read(raw: object) -> LineItem | Answer:
    """The item, or what is wrong with it."""
    try:
        return LineItem.model_validate(raw)
    except ValidationError as wrong:
        nonce = raw.get("nonce") if isinstance(raw, dict) else None
        answer = {"nonce": nonce[:32] if isinstance(nonce, str) else None, "stored": False}
        return answer | _unresolved(_what_is_wrong(wrong))


def _way_of(item: LineItem | Answer) -> _Way:
    """The way items of its kind are stored; those that follow each other are stored together."""
    if not isinstance(item, LineItem):
        return _do_each
    return _store_all if item.kind in _REQUESTS else _do_each


def _store_all(session: Session, line: _Line, items: Sequence[Any]) -> list[Answer]:
    """The outcomes of these items, in a few statements for all. Where the database refuses one, each is
    stored alone: whatever is wrong with that one, the forty behind it must not wait for it."""
    answers, requests = [Answer() for _item in items], dict[int, CheckInRequest | Undo]()
    for n, item in enumerate(items):
        try:
            requests[n] = _REQUESTS[item.kind](line, item)
        except Refused as refusal:
            answers[n] = _refused(item, refusal)
    if not requests:
        return answers
    try:
        with session.begin_nested():
            done = check_in_all(list(requests.values()), actor=line.by, now=line.now, changed=line.changed)
    except (DataError, IntegrityError):
        if len(items) == 1:
            return [_could_not(items[0])]
        return [answer for item in items for answer in _store_all(session, line, [item])]
    for n, one in zip(requests, done, strict=True):
        if isinstance(one, Refused):
            answers[n] = _refused(items[n], one)
        else:
            answers[n] = _stored(line, items[n], _reported_outcome(line, items[n], one.outcome))
    return answers


def _do_each(session: Session, line: _Line, items: Sequence[LineItem | Answer]) -> list[Answer]:
    return [_do(session, line, item) if isinstance(item, LineItem) else item for item in items]


def _do(session: Session, line: _Line, item: LineItem) -> Answer:
    try:
        with session.begin_nested():
            return _stored(line, item, _ONE[item.kind](line, item))
    except Refused as refusal:
        return _refused(item, refusal)
    except (DataError, IntegrityError):
        return _could_not(item)


def _could_not(item: LineItem) -> Answer:
    current_app.logger.error("a line's item could not be stored", exc_info=True)
    return {"nonce": item.nonce, "stored": False} | _unresolved(_("We could not save this entry."))


def _stored(line: _Line, item: LineItem, outcome: Outcome) -> Answer:
    answer: Answer = {"nonce": item.nonce, "stored": True, "outcome": outcome.value}
    if outcome is Outcome.UNRESOLVED and item.kind == "head_count" and not line.taken_back:
        return answer | {"why": _("Kept, not counted: this phone cannot tell when it was. Count again.")}
    if outcome is Outcome.UNRESOLVED and line.is_uncertain(item):
        why = _("Kept. This phone's clock was wrong, so the chair says whether they were there.")
        return answer | {"why": why}
    return answer | _not_counted(outcome)


def _refused(item: LineItem, refusal: Refused) -> Answer:
    return {"nonce": item.nonce, "stored": False, "error": refusal.code} | _unresolved(refusal.message)


def _what_is_wrong(error: ValidationError) -> str:
    if all(detail["loc"][:1] == ("n",) for detail in error.errors()):
        return _("Type a number, up to %(most)s.", most=MOST_AT_A_LINE)
    return _("We could not read this entry.")


def _unresolved(why: str) -> Answer:
    return {"outcome": "unresolved", "why": why}


def _not_counted(outcome: Outcome) -> Answer:
    if outcome is Outcome.OUTSIDE_HOURS:
        return {"why": _("Kept, but not counted: it is outside the hours of this action.")}
    if outcome is Outcome.UNRESOLVED:
        return {"why": _("Kept, but not counted: an organizer will look at it.")}
    return {}


def _reported_outcome(line: _Line, item: LineItem, outcome: Outcome) -> Outcome:
    """Whether somebody who is not on the list is a member, or was here before, is not told here: of a walk-in
    only what follows from its time, the event and the phone. So it was decided `outside_hours` too."""
    if item.kind == "walkin" and outcome is not Outcome.OUTSIDE_HOURS:
        return Outcome.UNRESOLVED if line.is_kept(item) else Outcome.WALKUP
    return Outcome.COUNTED if item.kind == "scan" and outcome is Outcome.REPEAT else outcome


def _ticked(line: _Line, item: LineItem) -> CheckInRequest:
    return _request(line, item, member_id=_on_the_list(line, item.member), duty=item.duty)


def _walked_in(line: _Line, item: LineItem) -> CheckInRequest:
    """A walk-in who is not on the list, by the number or name they give."""
    return _request(line, item, method=Method.WALKIN, typed=read_typed_or_name(item.typed or ""))


def _scanned(line: _Line, item: LineItem) -> CheckInRequest:
    """A member's own code, scanned from their phone; of whatever chapter they are."""
    code, _slash, letters = (item.personal or "").partition("/")
    member = whose(code, letters, line.happened_at(item))
    if member is None:
        raise Refused("no_code", _("This code is no member's own code. Ask for the link in their reminder."))
    return _request(line, item, method=Method.SCAN, member_id=member)


def _left(line: _Line, item: LineItem) -> CheckInRequest:
    return _request(line, item, member_id=_on_the_list(line, item.member), kind=CheckInKind.LEFT)


def _unticked(line: _Line, item: LineItem) -> Undo:
    request = _request(line, item, member_id=_on_the_list(line, item.member))
    return Undo(request, item.reason) if item.reason else Undo(request)


def _head_count(line: _Line, item: LineItem) -> Outcome:
    """A head count is one of a moment: by it, it falls into a shift and follows the one before. Where the
    moment is only the phone's own word it is kept for the chair, and displaces nothing."""
    counted = report_head_count(
        line.event,
        _number(item),
        counted_at=line.happened_at(item),
        nonce=item.nonce_bytes,
        via="line",
        by=line.by,
        now=line.now,
        counts=not line.taken_back and line.time_of(item).span is None,
        gate_id=_gate(line, item.gate),
        sure=bool(item.sure),
    )
    return Outcome.COUNTED if counted else Outcome.UNRESOLVED


def _supporters(line: _Line, item: LineItem) -> Outcome:
    """They are added up, in whatever order: as a tick, they wait for the chair where the phone's own word is
    outside the hours."""
    counted = add_supporters(
        line.event,
        _number(item),
        nonce=item.nonce_bytes,
        happened_at=line.happened_at(item),
        by=line.by,
        now=line.now,
        counts=not line.taken_back and not line.is_uncertain(item),
        sure=bool(item.sure),
    )
    return Outcome.COUNTED if counted else Outcome.UNRESOLVED


def _new_number(line: _Line, item: LineItem) -> Outcome:
    """For the office, from whichever phone it comes: nothing changes by itself."""
    member = _on_the_list(line, item.member)
    nonce = item.nonce_bytes
    report_new_number(line.event_id, member, item.typed or "", nonce=nonce, by=line.by, now=line.now)
    return Outcome.COUNTED


def _request(line: _Line, item: LineItem, *, method: Method = Method.TICK, **who: Any) -> CheckInRequest:
    when = line.time_of(item)
    return CheckInRequest(
        event_id=line.event_id,
        nonce=item.nonce_bytes,
        body=item.body,
        method=method,
        **who,
        happened_at=when.at,
        span=when.span,
        grant_id=line.grant_id,
        gate_id=_gate(line, item.gate),
        clock_error_s=(line.sent_at - line.now).total_seconds() if line.sent_at else None,
        needs_review=line.taken_back,
    )


def _on_the_list(line: _Line, member: uuid.UUID | None) -> uuid.UUID:
    """A grant reaches only the event's own list; anybody else looks like nobody."""
    if member is None or member not in line.listed:
        raise Refused("not_listed", _("This name is not on your list."), status=404)
    return member


def _gate(line: _Line, gate: uuid.UUID | None) -> uuid.UUID | None:
    """A gate of this event's site; any other is as good as none."""
    return gate if gate in line.gates else None


def _number(item: LineItem) -> int:
    if item.n is None:
        raise Refused("bad_count", _("Type a number, up to %(most)s.", most=MOST_AT_A_LINE))
    return item.n


# What is evidence, and what is not.
_REQUESTS: dict[str, Callable[[_Line, LineItem], CheckInRequest | Undo]] = {
    "tick": _ticked,
    "walkin": _walked_in,
    "scan": _scanned,
    "left": _left,
    "untick": _unticked,
}
_ONE = {"new_number": _new_number, "head_count": _head_count, "supporters": _supporters}
