"""What came in and counted for nobody, as a list for a person to work off."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from mobilize.actions.models import Event
from mobilize.actions.queries import chapters_of
from mobilize.checkins.models import (
    Attendance,
    Duty,
    Evidence,
    HeadCount,
    Match,
    Method,
    Outcome,
    Says,
    Supporters,
    Verdict,
    Void,
    Walkup,
)
from mobilize.database import db
from mobilize.phones import shown
from mobilize.roster.models import Member, Membership
from mobilize.roster.names import PersonName, fold

LISTED = (Outcome.WALKUP, Outcome.AMBIGUOUS, Outcome.OUTSIDE_HOURS, Outcome.UNRESOLVED)
SHOWN, SETTLED_SHOWN = 100, 50
# A list of more would be longer to read than typing a number.
CANDIDATES = 12


@dataclass(frozen=True)
class Item:
    """One thing to decide. `id` is that of its first evidence; what was typed alike stands behind it too.

    `typed` is what somebody wrote, None where it was not kept or is forgotten. `member` is whom the evidence
    itself names; `verdict` what a person said of it, of `tied_to` and for `reason`. `time_uncertain`: all
    that is asked is whether they were there.
    """

    id: uuid.UUID
    event: Event
    at: datetime
    outcome: Outcome
    method: Method
    says: Says
    duty: Duty | None
    typed: str | None
    kind: str
    number: int
    member: Member | None
    verdict: Verdict | None = None
    tied_to: Member | None = None
    reason: str = ""
    time_uncertain: bool = False
    candidates: list[tuple[uuid.UUID, PersonName]] = field(default_factory=list)


@dataclass(frozen=True)
class KeptCount:
    """A head count, or supporters, that wait for a person: from a phone whose link was taken
    back, or of uncertain time."""

    id: uuid.UUID
    event: Event
    n: int
    at: datetime
    supporters: bool


def unmatched(events: Sequence[Event]) -> list[Item]:
    """What waits for a person at these events, by place and time, at most a hundred. The caller has them in
    scope, and asks it of every member before she is shown."""
    open_ = [item for item in _items(events) if item.verdict in (None, Verdict.OPEN)]
    shown_now = sorted(open_, key=lambda item: (item.event.place, item.at))[:SHOWN]
    names: dict[uuid.UUID, list[Member]] = {}
    return [_with_candidates(item, names) for item in shown_now]


def settled(events: Sequence[Event]) -> list[Item]:
    """What a person has decided at these events, the last one first."""
    done = [item for item in _items(events) if item.verdict not in (None, Verdict.OPEN)]
    return sorted(done, key=lambda item: item.at, reverse=True)[:SETTLED_SHOWN]


def kept_counts(events: Sequence[Event]) -> list[KeptCount]:
    """Counts that nobody has settled yet."""
    by_id = {event.id: event for event in events}
    found = []
    for table, number, at in (
        (HeadCount, HeadCount.n, HeadCount.counted_at), (Supporters, Supporters.delta, Supporters.happened_at)
    ):  # fmt: skip
        waits = table.voided_at.is_not(None), table.settled_at.is_(None)
        rows = db.session.execute(select(table.id, table.event_id, number, at).where(*waits)).all()
        found += [KeptCount(i, by_id[e], n, t, table is Supporters) for i, e, n, t in rows if e in by_id]
    return sorted(found, key=lambda kept: kept.at)


def _items(events: Sequence[Event]) -> Iterable[Item]:
    by_id = {event.id: event for event in events}
    together: defaultdict[uuid.UUID, list[Any]] = defaultdict(list)
    for row in _rows(by_id):
        together[row.Evidence.walkup_id or row.Evidence.id].append(row)
    members = _members(row for rows in together.values() for row in rows)
    there = _attended(by_id)
    for rows in together.values():
        item = _item(rows, by_id, members)
        if item.member is None or item.says is not Says.HERE or item.verdict is not None:
            yield item
        elif (item.event.id, item.member.id) not in there:
            yield item  # whoever was counted all the same needs nobody's word


def _rows(events: Collection[uuid.UUID]) -> Iterable[Any]:
    """Every listed piece of evidence that was not taken back, the earliest first."""
    query = (
        select(Evidence, Match, Walkup)
        .outerjoin(Match, Match.evidence_id == Evidence.id)
        .outerjoin(Walkup, Walkup.id == Evidence.walkup_id)
        .outerjoin(Void, Void.evidence_id == Evidence.id)
        .where(Evidence.outcome.in_(LISTED), Void.evidence_id.is_(None))
        .order_by(Evidence.happened_at, Evidence.id)
    )
    ids = list(events)
    for start in range(0, len(ids), 500):  # a database takes only so many values in one statement
        yield from db.session.execute(query.where(Evidence.event_id.in_(ids[start : start + 500])))


def _members(rows: Iterable[Any]) -> dict[uuid.UUID, Member]:
    ids = {member for row in rows for member in (row.Evidence.member_id, row.Match and row.Match.member_id)}
    wanted = [member for member in ids if member]
    found = select(Member).where(Member.id.in_(wanted), Member.erased_at.is_(None))
    return {member.id: member for member in db.session.scalars(found)} if wanted else {}


def _attended(events: Collection[uuid.UUID]) -> set[tuple[uuid.UUID, uuid.UUID | None]]:
    """Who was counted at these events among those listed there."""
    listed = select(Evidence.member_id).where(
        Evidence.outcome.in_(LISTED),
        Evidence.member_id.is_not(None),
        Evidence.event_id == Attendance.event_id,
    )
    rows = select(Attendance.event_id, Attendance.member_id).where(Attendance.member_id.in_(listed))
    return {(event, member) for event, member in db.session.execute(rows) if event in events}


def _item(rows: list[Any], events: dict[uuid.UUID, Event], members: dict[uuid.UUID, Member]) -> Item:
    first, walkup = rows[0].Evidence, rows[0].Walkup
    said = next((row.Match for row in rows if row.Match), None)
    typed = walkup.typed if walkup else None
    return Item(
        id=first.id,
        event=events[first.event_id],
        at=first.happened_at,
        outcome=first.outcome,
        method=first.method,
        says=first.says,
        duty=first.duty,
        typed=shown(typed) if typed and walkup.kind == "phone" else typed,
        kind=walkup.kind if walkup else "",
        number=len(rows),
        member=members.get(first.member_id),
        verdict=said.verdict if said else None,
        tied_to=members.get(said.member_id) if said else None,
        reason=(said.reason or "") if said else "",
        time_uncertain=first.time_uncertain and first.outcome is Outcome.UNRESOLVED,
    )


def _with_candidates(item: Item, listed: dict[uuid.UUID, list[Member]]) -> Item:
    """Whom it may mean: who has this number now, or of the event's chapters who is called like that."""
    if item.member is None and item.kind:
        bix = db.session.scalar(
            select(Walkup.typed_bix)
            .join(Evidence, Evidence.walkup_id == Walkup.id)
            .where(Evidence.id == item.id)
        )
        found = _by_number(bix) if item.kind != "name" else _called(item, listed)
        item.candidates.extend((member.id, member.person) for member in found[:CANDIDATES])
    return item


def _by_number(bix: bytes | None) -> Sequence[Member]:
    key = (Member.phone_bix == bix) | (Member.number_bix == bix)
    here = key, Member.erased_at.is_(None), Member.gone_on.is_(None), Member.merged_into_id.is_(None)
    return db.session.scalars(select(Member).where(*here).order_by(Member.id)).all() if bix else []


def _called(item: Item, listed: dict[uuid.UUID, list[Member]]) -> list[Member]:
    words = fold(item.typed or "").split()
    if not words:
        return []
    if item.event.id not in listed:
        belong = select(Membership.member_id).where(
            Membership.site_id.in_(chapters_of(item.event.id)), Membership.to_at.is_(None)
        )
        there = Member.id.in_(belong), Member.gone_on.is_(None), Member.erased_at.is_(None)
        listed[item.event.id] = list(db.session.scalars(select(Member).where(*there)))
    return [m for m in listed[item.event.id] if all(word in m.person.searched_in for word in words)]
