"""Members of a chapter in one action: who came, when and where, who did not. The caller checks the scope."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from mobilize.actions.models import Action, Event
from mobilize.checkins.models import Attendance, Tier
from mobilize.database import db
from mobilize.roster.models import Member, Site
from mobilize.roster.names import PersonName
from mobilize.turnout.figures.queries import counted_in, made_before
from mobilize.turnout.figures.types import Board, Chapter

ARRIVALS_STEP = timedelta(minutes=5)
IDS_A_STATEMENT = 500
CHAPTERS_A_STATEMENT = 10


@dataclass(frozen=True, slots=True)
class Attendee:
    """A member of the chapter who was there: their first check-in, their strongest tier, and the place.

    `elsewhere` is the name of the place when it was not the chapter's own line. `member_id` is None, and
    the row stands for one member, once the action has been forgotten.
    """

    member_id: UUID | None
    eligible: bool
    tier: Tier
    first_at: datetime
    elsewhere: str | None


@dataclass(frozen=True, slots=True)
class NamedMember:
    """A member by name; `phone` is for the chair's own page alone; `stood` is None for who did not come."""

    member_id: UUID
    name: PersonName
    phone: str | None
    stood: Attendee | None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The number who arrived in each step from `starts_at` on; the first steps may lie before the event's
    start."""

    steps: tuple[tuple[datetime, int], ...]

    @property
    def most(self) -> int:
        return max((n for _at, n in self.steps), default=0)


def who_stood(action: Action, chapter: Chapter, whole: Board) -> list[Attendee]:
    """Everybody whom `Names` counts as named for this chapter, each once, by arrival."""
    eligible = eligible_members(action, chapter.site_id, frozen=whole.frozen)
    rows = list(_attendance(action, chapter.site_id, eligible))
    others = _eligible_elsewhere(action, {r.member_id for r in rows} - eligible, frozen=whole.frozen)
    places = _places({row.event_id for row in rows} - {chapter.line.event_id})
    return _attendees(chapter, eligible, [row for row in rows if row.member_id not in others], places)


def people_of_each(
    action: Action, chapters: Sequence[Chapter], whole: Board
) -> Iterator[tuple[Chapter, list[NamedMember], list[NamedMember]]]:
    """(chapter, came, did not come) of each of these chapters, as `who_stood` and `who_came_and_who_did_not`
    know them of one. The attendance of the action is read once for all."""
    eligible, rows_of = _eligible_of_each(action, frozen=whole.frozen), _rows_of_each(action)
    everybody = set().union(*eligible.values())
    places = _places(select(Event.id).where(Event.action_id == action.id))
    for start in range(0, len(chapters), CHAPTERS_A_STATEMENT):
        some, stood = chapters[start : start + CHAPTERS_A_STATEMENT], {}
        for chapter in some:
            own = eligible[chapter.site_id]
            rows = {row.id: row for key in (chapter.site_id, *own) for row in rows_of[key]}
            here = [row for row in rows.values() if row.member_id in own or row.member_id not in everybody]
            stood[chapter.site_id] = _attendees(chapter, own, here, places)
        ids = {s.member_id for each in stood.values() for s in each if s.member_id}
        names = _names(ids.union(*(eligible[chapter.site_id] for chapter in some)))
        for chapter in some:
            yield chapter, *_by_name(names, eligible[chapter.site_id], stood[chapter.site_id])


def eligible_members(action: Action, site_id: UUID, *, frozen: bool) -> set[UUID]:
    """Ids of the chapter's denominator; those of a forgotten action are gone."""
    counted = counted_in(action, frozen=frozen).subquery()
    member_ids = db.session.scalars(select(counted.c.member_id).where(counted.c.chapter_id == site_id))
    return {member_id for member_id in member_ids if member_id}


def who_came_and_who_did_not(
    action: Action, chapter: Chapter, whole: Board, stood: Iterable[Attendee]
) -> tuple[list[NamedMember], list[NamedMember]]:
    """(came, did not come), by surname. Those who did not are the eligible ones only.

    Members who were erased have no name any more and are left out; an action that was forgotten has none.
    """
    stood = list(stood)
    eligible = eligible_members(action, chapter.site_id, frozen=whole.frozen)
    ids = eligible | {s.member_id for s in stood if s.member_id}
    return _by_name(_names(ids), eligible, stood)


def arrivals(stood: Iterable[Attendee]) -> Arrivals:
    """First check-ins in steps of five minutes, without gaps; empty when nobody came."""
    counts = Counter(_step(s.first_at) for s in stood)
    if not counts:
        return Arrivals(())
    first, last = min(counts), max(counts)
    # Somebody keyed in a day late must not draw a day of nothing.
    last = min(last, first + timedelta(hours=12))
    steps = range(int((last - first) / ARRIVALS_STEP) + 1)
    return Arrivals(tuple((first + n * ARRIVALS_STEP, counts[first + n * ARRIVALS_STEP]) for n in steps))


def _by_name(
    names: dict[UUID, tuple[PersonName, str | None]], eligible: set[UUID], stood: Iterable[Attendee]
) -> tuple[list[NamedMember], list[NamedMember]]:
    """(came, did not come) of a chapter."""
    present = {s.member_id: s for s in stood if s.member_id}
    members = sorted(eligible | set(present))
    people = [NamedMember(one, *names[one], present.get(one)) for one in members if one in names]
    people.sort(key=lambda person: person.name.sorted_by)
    return [p for p in people if p.stood], [p for p in people if not p.stood]


def _attendees(
    chapter: Chapter, eligible: set[UUID], rows: Iterable[Any], places: dict[UUID, str]
) -> list[Attendee]:
    """One for each member, from the rows of attendance that count for this chapter."""
    by_member: dict[Any, list[Any]] = {}
    for row in rows:
        by_member.setdefault(row.member_id or row.forgotten_as or row.id, []).append(row)
    stood = [_stood(group, chapter, eligible, places) for group in by_member.values()]
    return sorted(stood, key=lambda s: (s.first_at, str(s.member_id)))


def _eligible_of_each(action: Action, *, frozen: bool) -> defaultdict[UUID | None, set[UUID]]:
    """Chapter -> its `eligible_members`; None -> those without one."""
    by_chapter: defaultdict[UUID | None, set[UUID]] = defaultdict(set)
    for member_id, chapter_id in db.session.execute(counted_in(action, frozen=frozen)):
        if member_id:
            by_chapter[chapter_id].add(member_id)
    return by_chapter


def _rows_of_each(action: Action) -> defaultdict[UUID, list[Any]]:
    """All attendance of an action: member -> their rows, and chapter -> those whose check-in says it."""
    rows_of: defaultdict[UUID, list[Any]] = defaultdict(list)
    for row in db.session.execute(_attendance_of(action)):
        for key in {row.member_id, row.chapter_id} - {None}:
            rows_of[key].append(row)
    return rows_of


def _attendance_of(action: Action) -> Any:
    events = select(Event.id).where(Event.action_id == action.id)
    return select(
        Attendance.id,
        Attendance.member_id,
        Attendance.chapter_id,
        Attendance.event_id,
        Attendance.tier,
        Attendance.first_at,
        Attendance.forgotten_as,
        Attendance.was_eligible,
    ).where(Attendance.event_id.in_(events), Attendance.id > made_before(action))


def _attendance(action: Action, site_id: UUID, eligible: set[UUID]) -> Iterable[Any]:
    """Rows of the eligible members, wherever they stood, and of others whose check-in says this chapter."""
    columns = _attendance_of(action)
    by_id = {row.id: row for row in db.session.execute(columns.where(Attendance.chapter_id == site_id))}
    for some in in_parts(eligible):
        rows = db.session.execute(columns.where(Attendance.member_id.in_(some)))
        by_id.update({row.id: row for row in rows})
    return by_id.values()


def _eligible_elsewhere(action: Action, members: set[UUID | None], *, frozen: bool) -> set[UUID]:
    """Those of these members who count for another chapter, since they moved on after the start."""
    counted = counted_in(action, frozen=frozen).subquery()
    elsewhere: set[UUID] = set()
    for some in in_parts({member for member in members if member}):
        elsewhere |= set(db.session.scalars(select(counted.c.member_id).where(counted.c.member_id.in_(some))))
    return elsewhere


def _stood(rows: list[Any], chapter: Chapter, eligible: set[UUID], places: dict[UUID, str]) -> Attendee:
    first = min(rows, key=lambda row: row.first_at)
    at_home = any(row.event_id == chapter.line.event_id for row in rows)
    return Attendee(
        member_id=first.member_id,
        eligible=first.was_eligible or first.member_id in eligible,
        tier=max((row.tier for row in rows), key=lambda tier: tier.rank),
        first_at=first.first_at,
        elsewhere=None if at_home else places[first.event_id],
    )


def _places(event_ids: Any) -> dict[UUID, str]:
    """Event -> its place; of these ids, or of those that a SELECT gives."""
    query = select(Event.id, Site.name, Event.venue).outerjoin(Site, Site.id == Event.site_id)
    rows = db.session.execute(query.where(Event.id.in_(event_ids)))
    return {event_id: name or venue for event_id, name, venue in rows}


def _names(ids: Iterable[UUID]) -> dict[UUID, tuple[PersonName, str | None]]:
    """Member -> name and phone, of those who were not erased. Columns alone: of a union it is 37,000."""
    columns = select(Member.id, Member.name_enc, Member.phone_enc)
    names = {}
    for some in in_parts(ids):
        for member_id, name_enc, phone_enc in db.session.execute(columns.where(Member.id.in_(some))):
            if name_enc is not None:
                name = PersonName.read(Member.name.open(member_id, name_enc))
                names[member_id] = name, Member.phone.open(member_id, phone_enc) if phone_enc else None
    return names


def in_parts(ids: Iterable[UUID]) -> Iterable[list[UUID]]:
    """A database takes only so many values in one statement."""
    listed = sorted(ids)
    for start in range(0, len(listed), IDS_A_STATEMENT):
        yield listed[start : start + IDS_A_STATEMENT]


def _step(moment: datetime) -> datetime:
    return moment - timedelta(
        minutes=moment.minute % 5, seconds=moment.second, microseconds=moment.microsecond
    )
