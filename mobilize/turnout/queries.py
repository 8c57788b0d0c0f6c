"""Every number of an action, defined once. Pages, CSV, PDF, commands and workers all read them here.

What counts
    eligible    rows of `eligible`: active members of the chapter when its home event started. Of an event
                that has not been frozen yet, the same computed from dated memberships and statuses.
    came        eligible members with at least one row of `attendance` at any event of the action
    also there  members with attendance who are not eligible: on leave, substitute, retired, joined later
    tiers       came + also there, each member once, by the strongest tier of her attendance
    share       came / eligible, of the member's own chapter, wherever she stood
    hosted      members with attendance at this line, whatever their chapter
    head count  see `head_counts`; None when nobody sent one
    supporters  the sum of the deltas; None when there are none
A closed chapter shows the figures that were fixed at closing (`totals`), in their latest version.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, String, cast, func, literal, or_, select, type_coerce, union_all

from mobilize.actions.denominator import members_without_chapter, was_active
from mobilize.actions.models import Action, Eligible, Event, EventChapter
from mobilize.checkins import head_counts
from mobilize.checkins.models import Attendance, HeadCount, Supporters, Tier
from mobilize.database import db, is_postgres
from mobilize.roster.models import Member, Membership, Rank, Site
from mobilize.turnout.figures import Board, Chapter, Line, Names
from mobilize.turnout.fixed import Fixed, fixed_outside, latest_fixed
from mobilize.turnout.homes import Home, homes_of
from mobilize.turnout.tally import Tally, There, named

_RANKS = {tier.value: tier.rank for tier in Tier}
# A database takes only so many values in one statement.
_MEMBERS_AT_ONCE = 500


@dataclass(slots=True)
class Seen:
    """Who was there and who is eligible, as last looked at. `frozen`: the denominator stands."""

    tally: Tally
    eligible: dict[Hashable | None, int]
    frozen: bool


def board(action: Action, *, fixed: bool = True, seen: Seen | None = None) -> Board:
    """The whole union's board of one action, in seven statements whatever its size.

    `fixed=False` leaves out what was fixed at closing and counts anew, as closing itself does. With `seen`,
    which `see_again` keeps up to date, members are not counted anew.
    Nobody may be shown it without `of_sites`: see `live.board_for`.
    """
    if fixed and (closed := closed_board(action)):
        return closed
    homes = homes_of(action)
    seen = seen or see(action, frozen=all(home.frozen_at for home in homes))
    names, lines = _names(seen), _lines(action, homes, seen)
    live = Board(
        action_id=action.id,
        chapters=tuple(_chapter(home, names, lines, action.target_percent) for home in homes),
        no_site=names.get(None),
        others=_guests(names, {home.site_id for home in homes}),
        frozen=all(home.frozen_at for home in homes),
        arrivals={_uuid(chapter): came for chapter, came in seen.tally.arrivals().items()},
    )
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
    fixed = latest_fixed(action.id, site_id).get(site_id)
    if fixed is None:
        return board(action).chapter(site_id)
    homes = homes_of(action, site_id)
    return _settled(homes[0], fixed, action.target_percent) if homes else None


def _settled(home: Home, fixed: Fixed, target_percent: int) -> Chapter:
    line = {home.event_id: Line(event_id=home.event_id, area_id=home.event_area_id)}
    return replace(as_fixed(_chapter(home, {}, line, target_percent), fixed), moved_since=False)


def see(action: Action, *, frozen: bool) -> Seen:
    """Look at every member of the action."""
    counted = counted_in(action, frozen=frozen).subquery()
    of_chapter = counted.c.chapter_id
    rows = select(_as_stored(of_chapter, "own"), func.count()).group_by(of_chapter)
    eligible = db.session.execute(rows).all()
    return Seen(Tally(_there(action, counted)), dict(eligible), frozen)


def see_again(action: Action, seen: Seen, members: Collection[UUID]) -> None:
    """Look at these members only: those about whom there is newer evidence. The denominator stays."""
    counted = counted_in(action, frozen=seen.frozen).subquery()
    ids = list(members)
    for start in range(0, len(ids), _MEMBERS_AT_ONCE):
        some = ids[start : start + _MEMBERS_AT_ONCE]
        changed = [member if is_postgres() else member.hex for member in some]
        seen.tally.take(changed, _there(action, counted, some))


def _there(action: Action, counted: Any, members: Sequence[UUID] | None = None) -> Iterator[There]:
    """The rows of attendance of an action, or of some members in it."""
    # A forgotten row has no member left, and says itself whose it was and whether she was eligible.
    query = (
        select(
            _as_stored(func.coalesce(Attendance.member_id, Attendance.forgotten_as), "who"),
            _as_stored(Attendance.event_id, "event"),
            _as_stored(Attendance.tier, "strength"),
            _as_stored(Attendance.chapter_id, "chapter"),
            Attendance.was_eligible,
            counted.c.member_id.is_not(None),
            _as_stored(counted.c.chapter_id, "own"),
            _minute(action.starts_at).label("minute"),
        )
        .outerjoin(counted, counted.c.member_id == Attendance.member_id)
        .where(Attendance.event_id.in_(_events_of(action)))
    )
    rows = db.session.execute(query.where(Attendance.member_id.in_(members)) if members else query)
    return (There(row[0], row[1], _RANKS[row[2]], *row[3:]) for row in rows)


def _minute(start: datetime) -> Any:
    """The minute of the check-in, from the action's start."""
    if is_postgres():
        seconds = func.extract("epoch", Attendance.first_at) - start.timestamp()
        return cast(func.floor(seconds / 60), Integer)
    # SQLite divides towards zero: a day is added before, and taken off again.
    seconds = cast(func.strftime("%s", Attendance.first_at), Integer) - int(start.timestamp())
    return (seconds + 86_400) // 60 - 1_440


def _as_stored(column: Any, name: str) -> Any:
    """The value as the driver hands it out."""
    return type_coerce(column, String).label(name)


def _names(seen: Seen) -> dict[UUID | None, Names]:
    """By chapter; None is "no site". A chapter nobody is eligible in or came from is not in the answer."""
    there = seen.tally.names()
    return {
        _uuid(chapter): named(there.get(chapter, Counter()), seen.eligible.get(chapter, 0))
        for chapter in {*there, *seen.eligible}
    }


def _uuid(stored: Any) -> UUID | None:
    return UUID(stored) if isinstance(stored, str) else stored


def _guests(names: dict[UUID | None, Names], listed: set[UUID]) -> Names | None:
    """Members of chapters that hold nothing in this action: they were there, and in nobody's denominator."""
    guests = [n for site_id, n in names.items() if site_id and site_id not in listed]
    there = sum((replace(n, eligible=0, came=0, also_there=n.named) for n in guests), Names())
    return there if there.named else None


def counted_in(action: Action, *, frozen: bool) -> Any:
    """(member_id, chapter_id) of everybody in the denominators of an action; a chapter of None is "no site".

    `frozen`: every event of it is, so that the rows stand. Before, they are computed as of each start.
    """
    rows = select(Eligible.member_id, Eligible.chapter_id).where(Eligible.action_id == action.id)
    if frozen:
        return rows
    parts = [rows, _as_of_start(action)]
    if action.owner_site_id is None and not _has_frozen(action):
        outside = members_without_chapter(action.starts_at).subquery()
        parts.append(select(outside.c.id, cast(literal(None), Site.id.type)))
    return union_all(*parts)


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
            Membership.rank == Rank.HOME,
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


def _lines(action: Action, homes: Iterable[Home], seen: Seen) -> dict[UUID, Line]:
    """What was counted at each home event, names and heads and supporters apart."""
    areas = {home.event_id: home.event_area_id for home in homes}
    chapters = Counter(home.event_id for home in homes)
    hosted = {_uuid(event): count for event, count in seen.tally.hosted.items()}
    counted = head_counts.by_event(_readings(_events_of(action)))
    supporters = _supporters(action)
    return {
        event_id: Line(
            event_id=event_id,
            area_id=areas[event_id],
            chapters=count,
            hosted=hosted.get(event_id, 0),
            head_count=counted[event_id].n if event_id in counted else None,
            peak=counted[event_id].peak if event_id in counted else None,
            counted_at=counted[event_id].at if event_id in counted else None,
            supporters=supporters.get(event_id),
        )
        for event_id, count in chapters.items()
    }


def _readings(events: Any) -> Iterable[head_counts.Reading]:
    rows = db.session.execute(
        select(
            HeadCount.event_id, HeadCount.shift_id, HeadCount.gate_id, HeadCount.n, HeadCount.counted_at
        )
        .where(HeadCount.event_id.in_(events), HeadCount.voided_at.is_(None))
        .order_by(HeadCount.counted_at, HeadCount.id)
    )  # fmt: skip
    return (head_counts.Reading(*row) for row in rows)


def _supporters(action: Action) -> dict[UUID, int]:
    rows = db.session.execute(
        select(Supporters.event_id, func.sum(Supporters.delta))
        .where(Supporters.event_id.in_(_events_of(action)))
        .group_by(Supporters.event_id)
    )
    return {event_id: max(int(total), 0) for event_id, total in rows}


def _chapter(
    home: Home,
    names: dict[UUID | None, Names],
    lines: dict[UUID, Line],
    target_percent: int,
) -> Chapter:
    return Chapter(
        site_id=home.site_id,
        code=home.code,
        name=home.name,
        area_id=home.area_id,
        area=home.area,
        tz=home.tz,
        names=names.get(home.site_id, Names()),
        line=lines[home.event_id],
        place=home.place,
        target=target_percent / 100,
    )


def _with_fixed(live: Board, fixed: dict[UUID, Fixed]) -> Board:
    """The board with closed chapters as they were fixed; a shared line is fixed with the first of them."""
    if not fixed:
        return live
    return replace(live, chapters=tuple(as_fixed(c, fixed.get(c.site_id)) for c in live.chapters))


def as_fixed(chapter: Chapter, fixed: Fixed | None) -> Chapter:
    """The chapter with its fixed figures; `moved_since` says that they differ from those it had."""
    if fixed is None:
        return chapter
    line = replace(fixed.line, event_id=chapter.line.event_id, area_id=chapter.line.area_id)
    settled = replace(chapter, names=fixed.names, line=line)
    return replace(settled, fixed_at=fixed.at, version=fixed.version, moved_since=settled != chapter)
