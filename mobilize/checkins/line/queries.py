"""The state of a line: who is in, its figures, its list, and what waits for the chair."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cachetools import TLRUCache, cached
from sqlalchemy import ColumnElement, Select, Uuid, and_, bindparam, exists, false, func, or_, select
from sqlalchemy.orm import aliased

from mobilize.actions.models import Event, EventChapter
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
    Void,
    Walkup,
)
from mobilize.checkins.record.attendance import ATTENDS
from mobilize.checkins.record.head_counts import HeadCountReading, by_event, supporters_reported
from mobilize.database import db
from mobilize.fast.statements import BatchStatement, CachedStatement, run
from mobilize.keys import crypto
from mobilize.roster.models import Gate, Member, Membership
from mobilize.roster.names import PersonName, fold

# A receipt says a head count that is at most this old: one look for everybody who asks in that time.
COUNT_KEPT_SECONDS = 30
COUNTS_KEPT = 5000
# A campus of several schools shares a line; the chapters of a rally do not fit on one list.
CHAPTERS_ON_A_LIST = 8

HEAD_COUNT_COLUMNS = (
    HeadCount.event_id,
    HeadCount.shift_id,
    HeadCount.gate_id,
    HeadCount.n,
    HeadCount.counted_at,
)
HEAD_COUNT_ORDER = HeadCount.counted_at, HeadCount.id
CountAndTime = tuple[int | None, datetime | None]

# What makes a line's number of others one more. A member's counts or is kept, a stranger's is a walk-up.
_ONE_MORE = (*ATTENDS, Outcome.WALKUP, Outcome.AMBIGUOUS, Outcome.UNRESOLVED)


@dataclass(frozen=True)
class Presence:
    """A member of the list who is in: since when, whether somebody on the line ticked them, since when they
    are gone again, and their duty if it was stated."""

    first_at: datetime
    ticked: bool
    out_at: datetime | None = None
    duty: str | None = None

    @property
    def is_elsewhere(self) -> bool:
        """Whether the member is on duty, and not on the line."""
        return self.out_at is None and self.duty not in (None, Duty.PICKET)


@dataclass(frozen=True)
class ListedMember:
    """One member of the chapter on the line page: `name` is short unless two would look alike.

    Nothing else of the name is in it: captains can read this page's source too.
    """

    id: uuid.UUID
    name: str
    searched_in: str
    here: Presence | None


@dataclass(frozen=True)
class LineFigures:
    """The numbers of a line, never mixed; None means nobody has reported.

    `named`: members of the line's list who are in, each once. `others`: check-ins here of everybody else,
    each time one is sent. Whether one of those is a member, and was here before, moves nothing.
    """

    named: int
    others: int
    head_count: int | None
    head_count_at: datetime | None
    supporters: int


@dataclass(frozen=True)
class LastCount:
    """So many people stood on a line, as somebody counted at that time."""

    n: int
    at: datetime


def line_figures(event_id: uuid.UUID, here: Mapping[uuid.UUID, Presence] | None = None) -> LineFigures:
    """The figures of one line now. `here` is its `who_is_in()`, for callers that have it already."""
    [sums] = run(_FIGURES, {"event": event_id})
    return figures_of(who_is_in(event_id) if here is None else here, head_count(event_id), *sums)


def figures_of(
    here: Mapping[uuid.UUID, Presence], counted: CountAndTime, others: int, supporters: int
) -> LineFigures:
    """The figures, where what `sums_of` selects and the head count were read already."""
    return LineFigures(len(here), others, *counted, max(supporters, 0))


def sums_of(event: Any) -> tuple[Any, Any]:
    """SQL: the check-ins of others, and the supporters; `event` may be a parameter."""
    return _others(event).scalar_subquery(), supporters_reported(event).scalar_subquery()


def head_count(event_id: uuid.UUID) -> CountAndTime:
    """The head count of a line, and when the latest was counted; (None, None) unreported."""
    return head_count_of(event_id, run(_HEAD_COUNTS, {"event": event_id}))


def head_count_of(event_id: uuid.UUID, rows: Iterable[Sequence[Any]]) -> CountAndTime:
    """The same from rows read already, of `HEAD_COUNT_COLUMNS` in the order of `HEAD_COUNT_ORDER`."""
    counted = by_event(HeadCountReading(*row) for row in rows).get(event_id)
    return (counted.n, counted.at) if counted else (None, None)


def _good_until(_event_id: object, _count: LastCount | None, now: float) -> float:
    return now + COUNT_KEPT_SECONDS


@cached(TLRUCache(COUNTS_KEPT, ttu=_good_until, timer=lambda: time.monotonic()), lock=threading.Lock())
def last_count(event_id: uuid.UUID) -> LastCount | None:
    """The head count of a line for whoever holds its code, up to 30 s old; None while nobody was counted.

    No check-in moves it: whoever types somebody's number learns nothing by looking again.
    """
    n, at = head_count(event_id)
    return LastCount(n, at) if n and at else None


def the_list(event_id: uuid.UUID) -> list[ListedMember] | None:
    """The members of the event's chapters, home and second, as they are called, with what is known of each.

    None where too many chapters stand together for one list, and at a rally: anybody's phone is at its gates.
    The caller has a grant for this event; phones and numbers are not in it.
    """
    if not has_list(event_id):
        return None
    listed = members_of_chapters(event_id).add_columns(Member.name_enc).where(Member.name_enc.is_not(None))
    names = {row.id: PersonName.read(Member.name.open(*row)) for row in db.session.execute(listed)}
    here = who_is_in(event_id)
    people = [
        ListedMember(member, name, fold(name), here.get(member))
        for member, name in _tell_apart(names).items()
    ]
    return sorted(people, key=lambda person: (fold(person.name.partition(" ")[0]), person.searched_in))


def who_is_in(event_id: uuid.UUID) -> dict[uuid.UUID, Presence]:
    """The members of the list who are in. Of everybody else the line's phones learn one number:
    `line_figures`."""
    return who_are_in([event_id])[0]


def who_are_in(event_ids: Sequence[uuid.UUID]) -> list[dict[uuid.UUID, Presence]]:
    """The same of many lines, read at once, in their order."""
    return [_by_member(rows) for rows in _WHO_IS_IN.run([{"event": event_id} for event_id in event_ids])]


def _by_member(rows: Iterable[Sequence[Any]]) -> dict[uuid.UUID, Presence]:
    here: dict[uuid.UUID, Presence] = {}
    for member, first_at, out_at, duty, ticked in rows:
        # Of several shifts: there since the first one, with the duty of the last.
        before = here.get(member, Presence(first_at, ticked))
        here[member] = Presence(before.first_at, before.ticked, out_at, duty)
    return here


def uncertain_of(event: Any) -> Select[Any]:
    """SELECT of how many members' tap waits for a person, as nobody can tell when it was, and who are not in
    otherwise; `event` may be a parameter."""
    attending = select(Attendance.member_id).where(
        Attendance.event_id == event, Attendance.member_id.is_not(None)
    )
    waits = (
        Evidence.event_id == event,
        Evidence.outcome == Outcome.UNRESOLVED,
        Evidence.time_uncertain,
        Evidence.member_id.not_in(attending),
        Void.evidence_id.is_(None),
        or_(Match.verdict.is_(None), Match.verdict == Resolution.OPEN),
    )
    return (
        select(func.count(Evidence.member_id.distinct()))
        .outerjoin(Void)
        .outerjoin(Match, Match.evidence_id == Evidence.id)
        .where(*waits)
    )


def members_of_chapters(event_id: Any) -> Select[Any]:
    """SELECT of the ids of the members on the roster who belong, by home or second site, to an event's
    chapters."""
    belong = select(Membership.member_id).where(
        Membership.site_id.in_(_chapters(event_id)), Membership.to_at.is_(None)
    )
    return select(Member.id).where(
        Member.id.in_(belong), Member.gone_on.is_(None), Member.erased_at.is_(None)
    )


def listed_of(event_id: uuid.UUID, members: Collection[uuid.UUID] | None = None) -> set[uuid.UUID]:
    """Those of `members` (None: of all) on this line's list: they belong, by home or second site, to its
    chapters."""
    if members is not None and not members:
        return set()
    if members is None:
        return set(db.session.scalars(_list_of(event_id)))
    rows = run(_LISTED_OF, {"event": event_id, "members": list(members)})
    return {member_id for (member_id,) in rows}


def standing_ticks(event_id: uuid.UUID, members: Collection[uuid.UUID]) -> Sequence[Any]:
    """The ticks (id, member_id) of these members at an event that were not taken back."""
    ticks = _standing_ticks(event_id).where(Evidence.member_id.in_(members))
    return db.session.execute(ticks.add_columns(Evidence.member_id)).all()


def device_mark(event_id: uuid.UUID, token: str) -> bytes:
    """A mark of a phone's token, or of a ticket, that is the same only within one event: phones cannot be
    followed."""
    return crypto.blind_index(f"device/{event_id}", token)


def has_list(event_id: uuid.UUID) -> bool:
    """Whether this line's phones show names: not at a rally, since anybody's phone is at its gates, nor where
    too many chapters stand together."""
    return bool(db.session.scalar(select(_has_list(event_id))))


def _has_list(event: Any) -> ColumnElement[bool]:
    chapters = _chapters(event).with_only_columns(func.count()).scalar_subquery()
    one = aliased(Event)
    at_a_site = exists(select(one.id).where(one.id == event, one.site_id.is_not(None)))
    return and_(at_a_site, chapters <= CHAPTERS_ON_A_LIST)


def _chapters(event: Any) -> Select[Any]:
    return select(EventChapter.site_id).where(EventChapter.event_id == event, EventChapter.gone_at.is_(None))


def _list_of(event: Any) -> Select[Any]:
    """The members whose names the line's phones show; nobody where they show none."""
    return members_of_chapters(event).where(_has_list(event))


def _listed_of() -> Any:
    members = bindparam("members", type_=Uuid(), expanding=True)
    return _list_of(bindparam("event", type_=Uuid())).where(Member.id.in_(members))


# With each tick: building it took a sixth of that.
_LISTED_OF = CachedStatement(_listed_of)


def _others(event: Any) -> Select[Any]:
    """Standing check-ins that are not those of a name on the list: of strangers, of members of other
    chapters, of a number that several share, and what waits for a person.

    Pieces of evidence and not people: a second one of the same member must not be told from a stranger's.
    """
    listed = _list_of(event)
    counts = and_(Evidence.outcome.in_(ATTENDS), Match.verdict.is_(None), Evidence.member_id.in_(listed))
    matched = and_(Match.verdict == Resolution.COUNTS, Match.member_id.in_(listed))
    return (
        select(func.count())
        .select_from(Evidence)
        .outerjoin(Void, Void.evidence_id == Evidence.id)
        .outerjoin(Match, Match.evidence_id == Evidence.id)
        .where(Evidence.event_id == event, Evidence.kind == CheckInKind.HERE, Void.evidence_id.is_(None))
        .where(Evidence.outcome.in_(_ONE_MORE), func.coalesce(Match.verdict, "") != Resolution.NOT_OURS.value)
        .where(~func.coalesce(counts, false()), ~func.coalesce(matched, false()))
        .where(~func.coalesce(_answers_for_typed_phone(event), false()))
    )


def _answers_for_typed_phone(event: Any) -> ColumnElement[bool]:
    """SQL: what a phone that several share answers by text, after its number was typed here, is one with
    that. Counted once more it would show whoever typed it that several members have this number."""
    typed = select(Member.id).join(Walkup, Walkup.typed_index == Member.phone_index)
    typed = typed.where(Walkup.event_id == event, Walkup.kind == "phone")
    return and_(Evidence.method == Method.TEXT, Evidence.member_id.in_(typed))


def _who_is_in(question: Any) -> Any:
    event = question.event
    ticked = _standing_ticks(event).with_only_columns(Evidence.member_id)
    ticked = ticked.where(Evidence.member_id.is_not(None))
    return select(
        Attendance.member_id,
        Attendance.first_at,
        Attendance.out_at,
        Attendance.duty,
        Attendance.member_id.in_(ticked).label("ticked"),
    ).where(Attendance.event_id == event, Attendance.member_id.in_(_list_of(event)))


def _head_counts(event: Any) -> Any:
    standing = HeadCount.event_id == event, HeadCount.voided_at.is_(None)
    return select(*HEAD_COUNT_COLUMNS).where(*standing).order_by(*HEAD_COUNT_ORDER)


def _standing_ticks(event: Any) -> Select[Any]:
    return (
        select(Evidence.id)
        .outerjoin(Void)
        .where(Evidence.event_id == event, Evidence.method.in_((Method.TICK, Method.WALKIN)))
        .where(
            Evidence.outcome != Outcome.UNDONE, Evidence.kind != CheckInKind.UNDO, Void.evidence_id.is_(None)
        )
    )


def _tell_apart(names: dict[uuid.UUID, PersonName]) -> dict[uuid.UUID, str]:
    """ "Rosa M." where that is one person, "Rosa Méndez" where there are two."""
    alike = Counter(name.short for name in names.values())
    return {key: name.short if alike[name.short] == 1 else name.full for key, name in names.items()}


def gates_of(event: Event) -> Sequence[Gate]:
    """The gates of an event's site, by name; none for a rally, or where everybody stands at one."""
    return db.session.scalars(select(Gate).where(Gate.site_id == event.site_id).order_by(Gate.name)).all()


_EVENT = bindparam("event", type_=Uuid())
_FIGURES = CachedStatement(lambda: select(*sums_of(_EVENT)))
_HEAD_COUNTS = CachedStatement(lambda: _head_counts(_EVENT))
_WHO_IS_IN = BatchStatement({"event": Uuid()}, _who_is_in, order=["first_at", "member_id"])
