"""The review queue: evidence and counts that counted for nobody and wait for a person."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from mobilize.actions.models import Event
from mobilize.checkins.line.queries import members_of_chapters
from mobilize.checkins.models import (
    Attendance,
    CheckInKind,
    Duty,
    Evidence,
    HeadCount,
    Match,
    Method,
    Outcome,
    Resolution,
    Supporters,
    Void,
    Walkup,
)
from mobilize.database import db
from mobilize.phones import format_phone
from mobilize.roster.models import Member
from mobilize.roster.names import PersonName, fold

LISTED = (Outcome.WALKUP, Outcome.AMBIGUOUS, Outcome.OUTSIDE_HOURS, Outcome.UNRESOLVED)
MOST_OPEN, MOST_SETTLED = 100, 50
# A list of more would be longer to read than typing a number.
CANDIDATES = 12


@dataclass(frozen=True)
class ReviewItem:
    """One thing to decide. `id` is that of its first evidence; what was typed alike belongs to it too.

    `typed` is what somebody wrote, None where it was not kept or is forgotten. `member` is whom the evidence
    itself names; `verdict` what a person decided, for `tied_to` and with `reason`. `clock_was_wrong`: `at` is
    a guess; `time_uncertain`: that is the only question.
    """

    id: uuid.UUID
    event: Event
    at: datetime
    outcome: Outcome
    method: Method
    check_in_kind: CheckInKind
    duty: Duty | None
    typed: str | None
    kind: str
    number: int
    member: Member | None
    verdict: Resolution | None = None
    tied_to: Member | None = None
    reason: str = ""
    clock_was_wrong: bool = False
    time_uncertain: bool = False
    candidates: list[tuple[uuid.UUID, PersonName]] = field(default_factory=list)


@dataclass(frozen=True)
class KeptCount:
    """A head count, or supporters, that wait for review: from a phone whose link was taken back, or of
    uncertain time."""

    id: uuid.UUID
    event: Event
    n: int
    at: datetime
    supporters: bool


def unmatched(events: Sequence[Event]) -> list[ReviewItem]:
    """The open items of these events, by place and time, at most `MOST_OPEN`. The caller has the events in
    scope, and checks the scope of every member it shows."""
    open_ = [item for item in _items(events) if item.verdict in (None, Resolution.OPEN)]
    first = sorted(open_, key=lambda item: (item.event.place, item.at))[:MOST_OPEN]
    names: dict[uuid.UUID, list[Member]] = {}
    return [_with_candidates(item, names) for item in first]


def settled(events: Sequence[Event]) -> list[ReviewItem]:
    """The decided items of these events, the last one first."""
    done = [item for item in _items(events) if item.verdict not in (None, Resolution.OPEN)]
    return sorted(done, key=lambda item: item.at, reverse=True)[:MOST_SETTLED]


def kept_counts(events: Sequence[Event]) -> list[KeptCount]:
    """The counts that wait for review."""
    by_id = {event.id: event for event in events}
    counts = []
    for table, number, at in (
        (HeadCount, HeadCount.n, HeadCount.counted_at), (Supporters, Supporters.delta, Supporters.happened_at)
    ):  # fmt: skip
        waits = table.voided_at.is_not(None), table.settled_at.is_(None)
        rows = db.session.execute(select(table.id, table.event_id, number, at).where(*waits)).all()
        counts += [KeptCount(i, by_id[e], n, t, table is Supporters) for i, e, n, t in rows if e in by_id]
    return sorted(counts, key=lambda kept: kept.at)


def _items(events: Sequence[Event]) -> Iterable[ReviewItem]:
    by_id = {event.id: event for event in events}
    together: defaultdict[uuid.UUID, list[Any]] = defaultdict(list)
    for row in _rows(by_id):
        together[row.Evidence.walkup_id or row.Evidence.id].append(row)
    members = _members(row for rows in together.values() for row in rows)
    attended = _attended(by_id)
    for rows in together.values():
        item = _item(rows, by_id, members)
        if item.member is None or item.check_in_kind is not CheckInKind.HERE or item.verdict is not None:
            yield item
        elif (item.event.id, item.member.id) not in attended:
            yield item  # for a member who was counted otherwise there is nothing to decide


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
    named = [member for member in ids if member]
    query = select(Member).where(Member.id.in_(named), Member.erased_at.is_(None))
    return {member.id: member for member in db.session.scalars(query)} if named else {}


def _attended(events: Collection[uuid.UUID]) -> set[tuple[uuid.UUID, uuid.UUID | None]]:
    """(event, member) of the members who are listed at these events and were counted there otherwise."""
    listed = select(Evidence.member_id).where(
        Evidence.outcome.in_(LISTED),
        Evidence.member_id.is_not(None),
        Evidence.event_id == Attendance.event_id,
    )
    rows = select(Attendance.event_id, Attendance.member_id).where(Attendance.member_id.in_(listed))
    return {(event, member) for event, member in db.session.execute(rows) if event in events}


def _item(rows: list[Any], events: dict[uuid.UUID, Event], members: dict[uuid.UUID, Member]) -> ReviewItem:
    first, walkup = rows[0].Evidence, rows[0].Walkup
    match = next((row.Match for row in rows if row.Match), None)
    typed = walkup.typed if walkup else None
    return ReviewItem(
        id=first.id,
        event=events[first.event_id],
        at=first.happened_at,
        outcome=first.outcome,
        method=first.method,
        check_in_kind=first.kind,
        duty=first.duty,
        typed=format_phone(typed) if typed and walkup.kind == "phone" else typed,
        kind=walkup.kind if walkup else "",
        number=len(rows),
        member=members.get(first.member_id),
        verdict=match.verdict if match else None,
        tied_to=members.get(match.member_id) if match else None,
        reason=(match.reason or "") if match else "",
        clock_was_wrong=first.time_uncertain,
        time_uncertain=first.time_uncertain and first.outcome is Outcome.UNRESOLVED,
    )


def _with_candidates(item: ReviewItem, listed: dict[uuid.UUID, list[Member]]) -> ReviewItem:
    """Add the members it may mean: who has this number now, or is called like that in the event's
    chapters."""
    if item.member is None and item.kind:
        number_index = db.session.scalar(
            select(Walkup.typed_index)
            .join(Evidence, Evidence.walkup_id == Walkup.id)
            .where(Evidence.id == item.id)
        )
        members = _by_number(number_index) if item.kind != "name" else _called(item, listed)
        item.candidates.extend((member.id, member.person) for member in members[:CANDIDATES])
    return item


def _by_number(number_index: bytes | None) -> Sequence[Member]:
    key = (Member.phone_index == number_index) | (Member.number_index == number_index)
    here = key, Member.erased_at.is_(None), Member.gone_on.is_(None), Member.merged_into_id.is_(None)
    return db.session.scalars(select(Member).where(*here).order_by(Member.id)).all() if number_index else []


def _called(item: ReviewItem, listed: dict[uuid.UUID, list[Member]]) -> list[Member]:
    words = fold(item.typed or "").split()
    if not words:
        return []
    if item.event.id not in listed:
        of_chapters = Member.id.in_(members_of_chapters(item.event.id))
        listed[item.event.id] = list(db.session.scalars(select(Member).where(of_chapters)))
    return [m for m in listed[item.event.id] if all(word in m.person.searched_in for word in words)]
