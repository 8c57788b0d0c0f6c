"""What the line page sends: deeds with a name of their own, each stored or shown to a person, none lost."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from flask import current_app
from pydantic import ValidationError
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from mobilize.accounts.models import LineGrant
from mobilize.actions.models import Event
from mobilize.actions.queries import EARLY, LATE
from mobilize.checkins.counts import MOST_AT_A_LINE, add_supporters, report_head_count
from mobilize.checkins.forms import LineBatch, LineItem
from mobilize.checkins.gates import gates_of
from mobilize.checkins.models import Method, Outcome, Says
from mobilize.checkins.new_numbers import report_new_number
from mobilize.checkins.operations import Proof, check_in, check_in_all, keep_undo, take_back_ticks
from mobilize.checkins.personal import whose
from mobilize.checkins.phone_clocks import TapTime, tap_time
from mobilize.checkins.queries import listed_of
from mobilize.checkins.typed import read_typed_or_name
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.languages import _

Answer = dict[str, object]
# Stored with one commit: a commit for each makes a full queue take twenty times as long, and a single one
# would keep another captain's phone waiting.
TOGETHER = 50


@dataclass(frozen=True)
class _Line:
    """Who sends, when, by that phone's clock too (`sent_at`), and whom of the event's list it names. From a
    phone whose grant was taken back everything is kept, and nothing counts."""

    event: Event
    event_id: uuid.UUID
    grant_id: uuid.UUID
    now: datetime
    sent_at: datetime | None
    listed: Collection[uuid.UUID]
    taken_back: bool = False

    @property
    def by(self) -> str:
        return f"grant:{self.grant_id}"

    def time_of(self, item: LineItem) -> TapTime:
        return tap_time(item.clock(self.sent_at), self.now)

    def is_uncertain(self, item: LineItem) -> bool:
        """Whether it lies in the event's hours cannot be known."""
        when, event = self.time_of(item), self.event
        is_inside = event.starts_at - EARLY <= when.at <= event.ends_at + LATE
        return when.span is not None and not is_inside and not self.taken_back

    def happened_at(self, item: LineItem) -> datetime:
        """By our clock, and never in the future."""
        return self.time_of(item).at


def do_items(
    event: Event, grant: LineGrant, batch: LineBatch, *, now: datetime, taken_back: bool = False
) -> list[Answer]:
    """Do each item on its own and answer each: {"nonce", "stored", "outcome"}, with "why" for a person where
    it does not count. One that cannot be done is not `stored` and harms no other. Sending the same again
    gives the same answers and changes nothing. With `taken_back` it is kept for a person, as `unresolved`.
    """
    read = [_read(raw) for raw in batch.items]
    listed = listed_of(event.id, {item.member for item in read if isinstance(item, LineItem) and item.member})
    line = _Line(event, event.id, grant.id, now, batch.sent_at, listed, taken_back)
    answers: list[Answer] = []
    for start in range(0, len(read), TOGETHER):
        with atomic() as session:
            for are_check_ins, items in groupby(read[start : start + TOGETHER], key=_is_check_in):
                do_them = _check_in_all if are_check_ins else _do_each
                answers += do_them(session, line, list(items))
    return answers


def _read(raw: object) -> LineItem | Answer:
    """The item, or what is wrong with it."""
    try:
        return LineItem.model_validate(raw)
    except ValidationError as wrong:
        nonce = raw.get("nonce") if isinstance(raw, dict) else None
        answer = {"nonce": nonce[:32] if isinstance(nonce, str) else None, "stored": False}
        return answer | _unresolved(_what_is_wrong(wrong))


def _is_check_in(item: LineItem | Answer) -> bool:
    """One of those that can be stored together."""
    return isinstance(item, LineItem) and item.kind in _PROOFS and item.duty is None


def _check_in_all(session: Session, line: _Line, items: Sequence[Any]) -> list[Answer]:
    """These check-ins, in a few statements for all. Where the database refuses one, each is done alone."""
    answers, proofs = [Answer() for _item in items], dict[int, Proof]()
    for n, item in enumerate(items):
        try:
            proofs[n] = _PROOFS[item.kind](line, item)
        except Refused as refusal:
            answers[n] = _refused(item, refusal)
    try:
        with session.begin_nested():
            done = check_in_all(list(proofs.values()), now=line.now)
    except (DataError, IntegrityError):
        return _do_each(session, line, items)
    for n, one in zip(proofs, done, strict=True):
        if isinstance(one, Refused):
            answers[n] = _refused(items[n], one)
        else:
            answers[n] = _stored(line, items[n], _said(items[n], one.outcome))
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
        # Whatever is wrong with this one, the forty behind it must not wait for it.
        current_app.logger.error("a line's item could not be stored", exc_info=True)
        return {"nonce": item.nonce, "stored": False} | _unresolved(_("We could not store this entry."))


def _stored(line: _Line, item: LineItem, outcome: Outcome) -> Answer:
    answer: Answer = {"nonce": item.nonce, "stored": True, "outcome": outcome.value}
    if outcome is Outcome.UNRESOLVED and line.is_uncertain(item):
        why = _("Kept. This phone's clock was wrong, so the chair says whether they were there.")
        return answer | {"why": why}
    return answer | _not_counted(outcome)


def _refused(item: LineItem, refusal: Refused) -> Answer:
    return {"nonce": item.nonce, "stored": False} | _unresolved(refusal.message)


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


def _check_in(line: _Line, item: LineItem) -> Outcome:
    return _said(item, check_in(_PROOFS[item.kind](line, item), now=line.now).outcome)


def _said(item: LineItem, outcome: Outcome) -> Outcome:
    """Whether somebody who is not on the list is a member is not told here."""
    return Outcome.WALKUP if item.kind == "walkin" else outcome


def _ticked(line: _Line, item: LineItem) -> Proof:
    return _proof(line, item, member_id=_on_the_list(line, item.member), duty=item.duty)


def _walked_in(line: _Line, item: LineItem) -> Proof:
    """Somebody who is not on the list, by what she says."""
    return _proof(line, item, typed=read_typed_or_name(item.typed or ""))


def _scanned(line: _Line, item: LineItem) -> Proof:
    """The member's own code, seen on her phone; of whatever chapter she is."""
    code, _slash, letters = (item.personal or "").partition("/")
    member = whose(code, letters, line.happened_at(item))
    if member is None:
        raise Refused("no_code", _("This code is nobody's own code. Ask for the link in her reminder."))
    return _proof(line, item, method=Method.SCAN, member_id=member)


def _left(line: _Line, item: LineItem) -> Outcome:
    proof = _proof(line, item, member_id=_on_the_list(line, item.member), says=Says.LEFT)
    return check_in(proof, now=line.now).outcome


def _untick(line: _Line, item: LineItem) -> Outcome:
    proof = _proof(line, item, member_id=_on_the_list(line, item.member))
    if line.taken_back:
        return keep_undo(proof, now=line.now).outcome
    reason = item.reason or "undone on the line"
    return take_back_ticks(proof, actor=line.by, now=line.now, reason=reason).outcome


def _head_count(line: _Line, item: LineItem) -> Outcome:
    report_head_count(
        line.event,
        _number(item),
        counted_at=line.happened_at(item),
        nonce=item.nonce_bytes,
        via="line",
        by=line.by,
        now=line.now,
        counts=not line.taken_back,
        gate_id=_gate(line.event, item.gate),
    )
    return Outcome.UNRESOLVED if line.taken_back else Outcome.COUNTED


def _supporters(line: _Line, item: LineItem) -> Outcome:
    add_supporters(
        line.event_id,
        _number(item),
        nonce=item.nonce_bytes,
        happened_at=line.happened_at(item),
        by=line.by,
        now=line.now,
        counts=not line.taken_back,
    )
    return Outcome.UNRESOLVED if line.taken_back else Outcome.COUNTED


def _new_number(line: _Line, item: LineItem) -> Outcome:
    """For the office, from whichever phone it comes: nothing changes by itself."""
    member = _on_the_list(line, item.member)
    nonce = item.nonce_bytes
    report_new_number(line.event_id, member, item.typed or "", nonce=nonce, by=line.by, now=line.now)
    return Outcome.COUNTED


def _proof(line: _Line, item: LineItem, *, method: Method = Method.TICK, **who: Any) -> Proof:
    when = line.time_of(item)
    return Proof(
        event_id=line.event_id,
        nonce=item.nonce_bytes,
        body=item.body,
        method=method,
        **who,
        happened_at=when.at,
        span=when.span,
        grant_id=line.grant_id,
        gate_id=_gate(line.event, item.gate) if item.gate else None,
        clock_error_s=(line.sent_at - line.now).total_seconds() if line.sent_at else None,
        for_a_person=line.taken_back,
    )


def _on_the_list(line: _Line, member: uuid.UUID | None) -> uuid.UUID:
    """A grant reaches only the event's own list; anybody else looks like nobody."""
    if member is None or member not in line.listed:
        raise Refused("not_listed", _("This name is not on your list."), status=404)
    return member


def _gate(event: Event, gate: uuid.UUID | None) -> uuid.UUID | None:
    """A gate of this event's site; any other is as good as none."""
    return gate if gate in {one.id for one in gates_of(event)} else None


def _number(item: LineItem) -> int:
    if item.n is None:
        raise Refused("bad_count", _("Type a number, up to %(most)s.", most=MOST_AT_A_LINE))
    return item.n


_PROOFS = {"tick": _ticked, "walkin": _walked_in, "scan": _scanned}
_ONE = dict.fromkeys(_PROOFS, _check_in) | {
    "untick": _untick,
    "left": _left,
    "new_number": _new_number,
    "head_count": _head_count,
    "supporters": _supporters,
}
