"""Queries of an action's figures, each defined once. Pages, CSV, PDF, commands and workers all use these.

What counts
    eligible    rows of `eligible`: active members of the chapter when its home event started. Of an event
                that has not been frozen yet, the same computed from dated memberships and statuses.
    came        eligible members with at least one row of `attendance` at any event of the action
    also there  members with attendance who are not eligible: on leave, substitute, retired, joined later
    tiers       came + also there, each member once, by the strongest tier of their attendance
    share       came / eligible, of the member's own chapter, wherever they stood
    observed    came + also there, those whose name a chair or captain ticked or whose code they scanned
    hosted      members with attendance at this line, whatever their chapter
    head count  see `head_counts`; None when nobody sent one
    supporters  the sum of the deltas; None when there are none
A closed chapter shows the figures that were fixed at closing (`totals`), in their latest version.
What people outside may see of all this, and when, is said in `disclosure_control`.
"""

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from sys import intern
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Integer,
    String,
    Uuid,
    and_,
    any_,
    case,
    cast,
    column,
    func,
    literal,
    or_,
    select,
    tuple_,
    type_coerce,
    union_all,
)

from mobilize.accounts.access.grants import UPLOADS_ARE_TAKEN
from mobilize.accounts.models import GrantKind, LineGrant
from mobilize.actions.eligibility import members_without_chapter, was_active
from mobilize.actions.models import Action, Eligible, Event, EventChapter
from mobilize.checkins.models import Attendance, HeadCount, Supporters, Tier
from mobilize.checkins.record import head_counts
from mobilize.database import db, first_id_at, is_postgres
from mobilize.roster.models import Member, Membership, MembershipRank, Site
from mobilize.turnout.figures.build import BoardData, as_uuid, assemble, chapter_of
from mobilize.turnout.figures.chapters import ChapterHome, homes_of, homes_of_site
from mobilize.turnout.figures.counter import MARKS, AttendanceCounter, AttendanceKey, AttendanceRow
from mobilize.turnout.figures.snapshots import (
    FixedFigures,
    as_fixed,
    fixed_of_site,
    fixed_outside,
    latest_fixed,
    settled,
)
from mobilize.turnout.figures.types import Board, Chapter, LineCounts

# What of one's attendance says yes to a count that is a mark (see `types.Count`).
_MARKS: dict[str, Any] = {"observed": Attendance.observed}
_RANKS = {tier.value: tier.rank for tier in Tier}
# A database takes only so many values in one statement.
_ROWS_AT_ONCE = 500


def board(action: Action, *, fixed: bool = True, data: BoardData | None = None) -> Board:
    """The whole union's board of one action, in seven statements whatever its size.

    `fixed=False` leaves out what was fixed at closing and counts anew, as closing itself does. With `data`,
    which `refresh_data` keeps up to date, members are not counted anew.
    Nobody may be shown it without `of_sites`: see `board.cache.board_for`.
    """
    if fixed and (closed := closed_board(action)):
        return closed
    data = data or load_data(action)
    live = assemble(action.id, data, action.target_percent)
    return _with_fixed(live, latest_fixed(action.id)) if fixed else live


def closed_board(action: Action) -> Board | None:
    """The board of an action whose events are all closed, from its totals alone; None while one is open."""
    beside = fixed_outside(action.id)
    fixed = latest_fixed(action.id) if beside else {}
    homes = homes_of(action) if fixed else []
    if beside is None or any(home.site_id not in fixed for home in homes):
        return None
    chapters = tuple(_settled(home, fixed[home.site_id], action.target_percent) for home in homes)
    return Board(action.id, chapters, beside.no_site, beside.others)


def chapter_in(action: Action, site_id: UUID) -> Chapter | None:
    """One chapter's figures, cheaply once they are fixed; None when it has no home event in this action."""
    return chapters_in([action], site_id).get(action.id)


def chapters_in(actions: Sequence[Action], site_id: UUID) -> dict[UUID, Chapter]:
    """The same by action, for several at once."""
    ids = [action.id for action in actions]
    fixed, homes = fixed_of_site(ids, site_id), homes_of_site(ids, site_id)
    chapters = {
        action.id: _settled(homes[action.id], fixed[action.id], action.target_percent)
        if action.id in fixed
        else board(action).chapter(site_id)
        for action in actions
        if action.id in homes
    }
    return {action_id: chapter for action_id, chapter in chapters.items() if chapter}


def _settled(home: ChapterHome, fixed: FixedFigures, target_percent: int) -> Chapter:
    line = {home.event_id: LineCounts(event_id=home.event_id, area_id=home.event_area_id)}
    return settled(chapter_of(home, {}, line, target_percent), fixed)


def names_final_at(action: Action) -> datetime:
    """The time from which no form, text or late upload can add a name to this action: 14 days after the last
    phone's link to one of its lines ended. What a person decides later is a correction."""
    links = select(func.max(LineGrant.ends_at)).where(
        LineGrant.event_id.in_(_events_of(action)), LineGrant.kind != GrantKind.WALL
    )
    return max(action.ends_at, db.session.scalar(links) or action.ends_at) + UPLOADS_ARE_TAKEN


def load_data(action: Action) -> BoardData:
    """Look at everything of the action: chapters, members, counts."""
    homes = homes_of(action)
    counted = counted_in(action, frozen=all(home.frozen_at for home in homes)).subquery()
    rows = select(as_text(counted.c.chapter_id), func.count()).group_by(counted.c.chapter_id)
    eligible: dict[str | None, int] = dict(db.session.execute(rows).all())
    return BoardData(homes, AttendanceCounter(_attendance_rows(action, counted)), eligible, *_counts(action))


def refresh_data(action: Action, data: BoardData, keys: Collection[AttendanceKey], *, counts: bool) -> None:
    """Look at these rows of attendance only: those of newer evidence; `counts`: at the counts as well.

    The denominator and the chapters stay.
    """
    listed = list(keys)
    for start in range(0, len(listed), _ROWS_AT_ONCE):
        some = listed[start : start + _ROWS_AT_ONCE]
        members = [UUID(who) for who in {key.who for key in some}]
        counted = counted_in(action, frozen=data.frozen, members=members).subquery()
        data.tally.take(some, _attendance_rows(action, counted, some))
    if counts:
        data.heads, data.supporters = _counts(action)


def _attendance_rows(
    action: Action, counted: Any, keys: Sequence[AttendanceKey] = ()
) -> Sequence[AttendanceRow]:
    """The rows of attendance of an action, or some of them."""
    # A forgotten row has no member left, and says itself whose it was and whether they were eligible.
    inside = counted.c.member_id.is_not(None)
    query = (
        select(
            as_text(func.coalesce(Attendance.member_id, Attendance.forgotten_as)),
            as_text(Attendance.event_id),
            as_text(Attendance.shift_id),
            as_text(case((inside, counted.c.chapter_id), else_=Attendance.chapter_id)),
            case(_RANKS, value=type_coerce(Attendance.tier, String)),
            or_(inside, Attendance.was_eligible),
            _minute(action.starts_at),
            *(_MARKS[name] for name in MARKS),
        )
        .outerjoin(counted, counted.c.member_id == Attendance.member_id)
        .where(Attendance.event_id.in_(_events_of(action)))
    )
    query = _only_these(query, keys) if keys else query.where(Attendance.id > made_before(action))
    return [_with_shared_ids(*row) for row in db.session.execute(query)]


def _with_shared_ids(who: str, event: str, shift: str, chapter: str | None, *figures: Any) -> AttendanceRow:
    """The row with one string for an event, shift or chapter that hundreds have: a third of the memory."""
    return who, intern(event), intern(shift), chapter and intern(chapter), *figures


def _only_these(query: Any, keys: Sequence[AttendanceKey]) -> Any:
    """In PostgreSQL the keys travel as three arrays: the statement stays the same, however many they are, and
    neither Python nor the database reads 700 values in its text."""
    row = Attendance.member_id, Attendance.event_id, Attendance.shift_id
    if not is_postgres():
        return query.where(tuple_(*row).in_([tuple(map(as_uuid, key)) for key in keys]))
    columns = zip(*([as_uuid(one) for one in key] for key in keys), strict=True)
    names = [column(name, Uuid()) for name in AttendanceKey._fields]
    key_rows = func.unnest(*map(_array, columns)).table_valued(*names).render_derived("key_rows")
    same = (own == key for own, key in zip(row, key_rows.c, strict=True))
    return query.join(key_rows, and_(*same))


def _array(ids: Iterable[UUID | None]) -> Any:
    return literal(list(ids), ARRAY(Uuid()))


def _minute(start: datetime) -> Any:
    """The minute of the check-in, from the action's start."""
    if is_postgres():
        seconds = func.extract("epoch", Attendance.first_at) - start.timestamp()
        return cast(func.floor(seconds / 60), Integer)
    # SQLite divides towards zero: a day is added before, and taken off again.
    seconds = cast(func.strftime("%s", Attendance.first_at), Integer) - int(start.timestamp())
    return (seconds + 86_400) // 60 - 1_440


def as_text(column: Any) -> Any:
    """An id as text, as this database writes it: a driver's own UUIDs take longer to make than to count."""
    return cast(column, String) if is_postgres() else type_coerce(column, String)


def made_before(action: Action) -> UUID:
    """Ids made before this have nothing to do with the action, so that its history need not be read.

    An id carries the time at which it was made. A day to spare, for machines whose clocks differ.
    """
    first = min(action.made_at, action.starts_at, datetime.fromtimestamp(time.time(), UTC))
    return first_id_at(first - timedelta(days=1))


def counted_in(action: Action, *, frozen: bool, members: Sequence[UUID] | None = None) -> Any:
    """(member_id, chapter_id) of everybody in the denominators of an action, or of some `members` alone.

    A chapter of None is "no site". `frozen`: every event of it is, so that the rows stand. Before, they are
    computed as of each start.
    """
    rows = select(Eligible.member_id, Eligible.chapter_id).where(Eligible.action_id == action.id)
    parts = [_only(rows, Eligible.member_id, members)]
    if not frozen:
        parts.append(_only(_as_of_start(action), Membership.member_id, members))
    if not frozen and action.owner_site_id is None and not _has_frozen(action):
        outside = _only(members_without_chapter(action.starts_at), Member.id, members).subquery()
        parts.append(select(outside.c.id, cast(literal(None), Site.id.type)))
    return union_all(*parts) if len(parts) > 1 else parts[0]


def _only(query: Any, member_id: Any, members: Sequence[UUID] | None) -> Any:
    if members is None:
        return query
    return query.where(member_id == any_(_array(members)) if is_postgres() else member_id.in_(members))


def _as_of_start(action: Action) -> Any:
    """Active members of the chapters whose home event is not frozen, as of that event's start."""
    at: Any = Event.starts_at
    return (
        select(Membership.member_id, Membership.site_id)
        .join(Member, Member.id == Membership.member_id)
        .join(EventChapter, EventChapter.site_id == Membership.site_id)
        .join(Event, Event.id == EventChapter.event_id)
        .where(
            EventChapter.action_id == action.id,
            EventChapter.gone_at.is_(None),
            Event.frozen_at.is_(None),
            Membership.rank == MembershipRank.HOME,
            Membership.from_at <= at,
            or_(Membership.to_at.is_(None), Membership.to_at > at),
            was_active(at),
        )
    )


def _has_frozen(action: Action) -> bool:
    frozen = select(Event.id).where(Event.action_id == action.id, Event.frozen_at.is_not(None)).limit(1)
    return db.session.scalar(frozen) is not None


def _events_of(action: Action) -> Any:
    return select(Event.id).where(Event.action_id == action.id)


def _counts(action: Action) -> tuple[dict[UUID, head_counts.LineCount], dict[UUID, int]]:
    """Head counts and supporters by event."""
    return head_counts.by_event(_readings(action)), _supporters(action)


def _readings(action: Action) -> Iterable[head_counts.HeadCountReading]:
    rows = db.session.execute(
        select(
            HeadCount.event_id, HeadCount.shift_id, HeadCount.gate_id, HeadCount.n, HeadCount.counted_at
        )
        .where(HeadCount.event_id.in_(_events_of(action)), HeadCount.voided_at.is_(None))
        .where(HeadCount.id > made_before(action))
        .order_by(HeadCount.counted_at, HeadCount.id)
    )  # fmt: skip
    return (head_counts.HeadCountReading(*row) for row in rows)


def _supporters(action: Action) -> dict[UUID, int]:
    rows = db.session.execute(
        select(Supporters.event_id, func.sum(Supporters.delta))
        .where(Supporters.id > made_before(action))
        .where(Supporters.event_id.in_(_events_of(action)), Supporters.voided_at.is_(None))
        .group_by(Supporters.event_id)
    )
    return {event_id: max(int(total), 0) for event_id, total in rows}


def _with_fixed(live: Board, fixed: dict[UUID, FixedFigures]) -> Board:
    """The board with closed chapters as they were fixed; a shared line is fixed with the first of them."""
    if not fixed:
        return live
    return replace(live, chapters=tuple(as_fixed(c, fixed.get(c.site_id)) for c in live.chapters))
