"""Duty and hours per member in one action, for strike pay. The caller checks the scope.

What counts is defined in `checkins.record.hours`. Whoever was there is listed in the chapter that they count
for: that of the denominator, else that of their check-in. Of a forgotten action nobody's hours are known.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from mobilize.actions.models import Action, Event, Shift
from mobilize.checkins.models import Attendance, CheckInKind, Duty, Evidence, Match, Outcome, Resolution, Void
from mobilize.checkins.record.attendance import ATTENDS
from mobilize.checkins.record.hours import PresenceInterval, TimedEvidence, minutes_of, spells
from mobilize.database import db
from mobilize.roster.models import Area, Member, Site
from mobilize.roster.names import PersonName
from mobilize.turnout.figures.chapters import homes_of
from mobilize.turnout.figures.people import in_parts
from mobilize.turnout.figures.queries import counted_in


@dataclass(frozen=True, slots=True)
class HoursInterval:
    """A spell at one place; `counts_from` to `counts_until` is what lies within the event's hours."""

    spell: PresenceInterval
    place: str
    tz: str
    counts_from: datetime
    counts_until: datetime

    @property
    def minutes(self) -> int:
        return minutes_of([(self.counts_from, self.counts_until)])


@dataclass(frozen=True, slots=True)
class MemberHours:
    """One member: where they were, and how long altogether. `all_said`: it was always said when they left."""

    member_id: UUID
    stretches: tuple[HoursInterval, ...]

    @property
    def minutes(self) -> int:
        return minutes_of((s.counts_from, s.counts_until) for s in self.stretches)

    @property
    def all_said(self) -> bool:
        return all(stretch.spell.is_reported for stretch in self.stretches)


@dataclass(frozen=True, slots=True)
class ChapterHours:
    """A chapter's members who were there. `site` is None for those without a chapter."""

    site_id: UUID | None
    name: str
    members: tuple[MemberHours, ...]
    area: str = ""

    @property
    def minutes(self) -> int:
        return sum(member.minutes for member in self.members)

    @property
    def not_said(self) -> int:
        """The number never checked out."""
        return sum(not member.all_said for member in self.members)

    @property
    def duties(self) -> Counter[Duty]:
        """On how many members each duty fell; who had two counts in both."""
        return Counter(duty for m in self.members for duty in {s.spell.duty for s in m.stretches})


@dataclass(frozen=True, slots=True)
class NamedHours:
    """A member's hours with their name and number."""

    name: PersonName
    number: str
    hours: MemberHours


def hours_of(action: Action, site_ids: Collection[UUID] | None = None) -> list[ChapterHours]:
    """By chapter's name, of these chapters; None: of all, with those without a chapter last."""
    chapters = _chapters(action)
    if site_ids is not None:
        chapters = {member: site for member, site in chapters.items() if site in site_ids}
    by_chapter: defaultdict[UUID | None, list[MemberHours]] = defaultdict(list)
    for member, stretches in _stretches(action, chapters).items():
        by_chapter[chapters[member]].append(MemberHours(member, stretches))
    named = select(Site.id, Site.name, Area.name).join(Area, Area.id == Site.area_id)
    sites = {site_id: (name, area) for site_id, name, area in db.session.execute(named)}
    hours = []
    for site_id, members in by_chapter.items():
        name, area = sites[site_id] if site_id else ("", "")
        hours.append(ChapterHours(site_id, name, tuple(members), area))
    return sorted(hours, key=lambda chapter: (chapter.site_id is None, chapter.name))


def hours_together(chapters: Iterable[ChapterHours], name: str = "") -> ChapterHours:
    """The members of all of these, as those of one chapter without a site."""
    return ChapterHours(None, name, tuple(member for chapter in chapters for member in chapter.members))


def hours_by_area(chapters: Iterable[ChapterHours]) -> list[tuple[ChapterHours, list[ChapterHours]]]:
    """Each area together, by name, with its chapters; those without a chapter last."""
    by_area: defaultdict[str, list[ChapterHours]] = defaultdict(list)
    for chapter in chapters:
        by_area[chapter.area].append(chapter)
    areas = sorted(by_area.items(), key=lambda item: (not item[0], item[0]))
    return [(hours_together(inside, area), inside) for area, inside in areas]


def named_hours(members: Iterable[MemberHours]) -> list[NamedHours]:
    """With their names, by surname; members who were erased have none any more and are left out."""
    by_member = {one.member_id: one for one in members}
    named = []
    for some in in_parts(by_member):
        rows = db.session.scalars(select(Member).where(Member.id.in_(some), Member.erased_at.is_(None)))
        named += [NamedHours(row.person, row.number or "", by_member[row.id]) for row in rows]
    return sorted(named, key=lambda one: one.name.sorted_by)


def _chapters(action: Action) -> dict[UUID, UUID | None]:
    """Whoever was there -> the chapter they count for."""
    frozen = all(home.frozen_at for home in homes_of(action))
    counted = counted_in(action, frozen=frozen).subquery()
    rows = db.session.execute(
        select(Attendance.member_id, Attendance.chapter_id, counted.c.member_id, counted.c.chapter_id)
        .outerjoin(counted, counted.c.member_id == Attendance.member_id)
        .where(Attendance.event_id.in_(_events_of(action)), Attendance.member_id.is_not(None))
    )
    return {member: own if listed else chapter for member, chapter, listed, own in rows if member}


def _stretches(action: Action, members: Collection[UUID]) -> dict[UUID, tuple[HoursInterval, ...]]:
    shifts = dict(
        db.session.execute(
            select(Shift.id, Shift.ends_at).where(Shift.event_id.in_(_events_of(action)))
        ).all()
    )  # fmt: skip
    events = {event.id: event for event in _places(action)}
    signs: defaultdict[tuple[UUID, UUID], list[TimedEvidence]] = defaultdict(list)
    for row in _evidence(action):
        if row.member_id in members:
            ends_at = shifts.get(row.shift_id, events[row.event_id].ends_at)
            signs[row.member_id, row.event_id].append(
                TimedEvidence(row.happened_at, row.kind, row.duty, ends_at)
            )
    stretches: defaultdict[UUID, list[HoursInterval]] = defaultdict(list)
    for (member, event_id), member_signs in signs.items():
        stretches[member] += [_stretch(spell, events[event_id]) for spell in spells(member_signs)]
    return {
        member: tuple(sorted(listed, key=lambda s: s.spell.from_at))
        for member, listed in stretches.items()
        if listed
    }


def _stretch(spell: PresenceInterval, event: Any) -> HoursInterval:
    return HoursInterval(spell, event.place, event.tz, *spell.within(event.starts_at, event.ends_at))


def _evidence(action: Action) -> Sequence[Any]:
    """The valid evidence that a member came or left: their own, and what a person matched to them."""
    own = Evidence.outcome.in_((*ATTENDS, Outcome.OUT)) & Evidence.member_id.is_not(None)
    columns = Evidence.event_id, Evidence.shift_id, Evidence.happened_at, Evidence.kind, Evidence.duty
    here = (
        Evidence.event_id.in_(_events_of(action)),
        Void.evidence_id.is_(None),
        Evidence.kind != CheckInKind.UNDO,
    )
    recorded = (
        select(Evidence.member_id, *columns)
        .outerjoin(Void, Void.evidence_id == Evidence.id)
        .where(own, *here)
    )
    matched = (
        select(Match.member_id, *columns)
        .join(Match, Match.evidence_id == Evidence.id)
        .outerjoin(Void, Void.evidence_id == Evidence.id)
        .where(Match.verdict == Resolution.COUNTS, *here)
    )
    return [*db.session.execute(recorded), *db.session.execute(matched)]


def _places(action: Action) -> Sequence[Any]:
    query = select(Event).where(Event.action_id == action.id)
    return db.session.scalars(query).all()


def _events_of(action: Action) -> Any:
    return select(Event.id).where(Event.action_id == action.id)
