"""Duty and hours per member in one action, for strike pay. Ask the scope first.

What counts is said in `checkins.hours`. Whoever was there is listed in the chapter that she counts for: that
of the denominator, else that of her check-in. When the action is forgotten, nobody's hours are known.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from mobilize.actions.models import Action, Event, Shift
from mobilize.checkins.hours import Sign, Spell, minutes_of, spells
from mobilize.checkins.models import Attendance, Duty, Evidence, Match, Outcome, Says, Verdict, Void
from mobilize.checkins.strength import ATTENDS
from mobilize.database import db
from mobilize.roster.models import Member, Site
from mobilize.roster.names import PersonName
from mobilize.turnout.homes import homes_of
from mobilize.turnout.queries import counted_in

IDS_A_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class Stretch:
    """A spell at one place; `counts_from` to `counts_until` is what lies within the event's hours."""

    spell: Spell
    place: str
    tz: str
    counts_from: datetime
    counts_until: datetime

    @property
    def minutes(self) -> int:
        return minutes_of([(self.counts_from, self.counts_until)])


@dataclass(frozen=True, slots=True)
class MemberHours:
    """One member: where she was, and how long altogether. `all_said`: it was always said when she left."""

    member_id: UUID
    stretches: tuple[Stretch, ...]

    @property
    def minutes(self) -> int:
        return minutes_of((s.counts_from, s.counts_until) for s in self.stretches)

    @property
    def all_said(self) -> bool:
        return all(stretch.spell.said for stretch in self.stretches)


@dataclass(frozen=True, slots=True)
class ChapterHours:
    """A chapter's members who were there. `site` is None for those without a chapter."""

    site_id: UUID | None
    name: str
    members: tuple[MemberHours, ...]

    @property
    def minutes(self) -> int:
        return sum(member.minutes for member in self.members)

    @property
    def not_said(self) -> int:
        """How many were never checked out."""
        return sum(not member.all_said for member in self.members)

    @property
    def duties(self) -> Counter[Duty]:
        """On how many members each duty fell; who had two counts in both."""
        return Counter(duty for m in self.members for duty in {s.spell.duty for s in m.stretches})


@dataclass(frozen=True, slots=True)
class NamedHours:
    """A member's hours with her name and number."""

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
    sites: dict[UUID | None, str] = dict(db.session.execute(select(Site.id, Site.name)).all())
    found = [
        ChapterHours(site_id, sites.get(site_id, ""), tuple(members))
        for site_id, members in by_chapter.items()
    ]
    return sorted(found, key=lambda chapter: (chapter.site_id is None, chapter.name))


def named_hours(members: Iterable[MemberHours]) -> list[NamedHours]:
    """With their names, by surname; members who were erased have none any more and are left out."""
    wanted = {one.member_id: one for one in members}
    found = []
    for some in _in_parts(wanted):
        rows = db.session.scalars(select(Member).where(Member.id.in_(some), Member.erased_at.is_(None)))
        found += [NamedHours(row.person, row.number or "", wanted[row.id]) for row in rows]
    return sorted(found, key=lambda one: one.name.sorted_by)


def _chapters(action: Action) -> dict[UUID, UUID | None]:
    """Whoever was there -> the chapter she counts for."""
    frozen = all(home.frozen_at for home in homes_of(action))
    counted = counted_in(action, frozen=frozen).subquery()
    rows = db.session.execute(
        select(Attendance.member_id, Attendance.chapter_id, counted.c.member_id, counted.c.chapter_id)
        .outerjoin(counted, counted.c.member_id == Attendance.member_id)
        .where(Attendance.event_id.in_(_events_of(action)), Attendance.member_id.is_not(None))
    )
    return {member: own if listed else chapter for member, chapter, listed, own in rows if member}


def _stretches(action: Action, members: Collection[UUID]) -> dict[UUID, tuple[Stretch, ...]]:
    shifts = dict(
        db.session.execute(
            select(Shift.id, Shift.ends_at).where(Shift.event_id.in_(_events_of(action)))
        ).all()
    )  # fmt: skip
    events = {event.id: event for event in _places(action)}
    signs: defaultdict[tuple[UUID, UUID], list[Sign]] = defaultdict(list)
    for row in _evidence(action):
        if row.member_id in members:
            ends_at = shifts.get(row.shift_id, events[row.event_id].ends_at)
            signs[row.member_id, row.event_id].append(Sign(row.happened_at, row.says, row.duty, ends_at))
    found: defaultdict[UUID, list[Stretch]] = defaultdict(list)
    for (member, event_id), mine in signs.items():
        found[member] += [_stretch(spell, events[event_id]) for spell in spells(mine)]
    return {m: tuple(sorted(mine, key=lambda s: s.spell.from_at)) for m, mine in found.items() if mine}


def _stretch(spell: Spell, event: Any) -> Stretch:
    return Stretch(spell, event.place, event.tz, *spell.within(event.starts_at, event.ends_at))


def _evidence(action: Action) -> Sequence[Any]:
    """What stands and says that a member came or left: her own, and what a person matched to her."""
    own = Evidence.outcome.in_((*ATTENDS, Outcome.OUT)) & Evidence.member_id.is_not(None)
    columns = Evidence.event_id, Evidence.shift_id, Evidence.happened_at, Evidence.says, Evidence.duty
    here = Evidence.event_id.in_(_events_of(action)), Void.evidence_id.is_(None), Evidence.says != Says.UNDO
    mine = (
        select(Evidence.member_id, *columns)
        .outerjoin(Void, Void.evidence_id == Evidence.id)
        .where(own, *here)
    )
    matched = (
        select(Match.member_id, *columns)
        .join(Match, Match.evidence_id == Evidence.id)
        .outerjoin(Void, Void.evidence_id == Evidence.id)
        .where(Match.verdict == Verdict.COUNTS, *here)
    )
    return [*db.session.execute(mine), *db.session.execute(matched)]


def _places(action: Action) -> Sequence[Any]:
    query = select(Event).where(Event.action_id == action.id)
    return db.session.scalars(query).all()


def _events_of(action: Action) -> Any:
    return select(Event.id).where(Event.action_id == action.id)


def _in_parts(ids: Iterable[UUID]) -> Iterable[list[UUID]]:
    """A database takes only so many values in one statement."""
    listed = sorted(ids)
    for start in range(0, len(listed), IDS_A_STATEMENT):
        yield listed[start : start + IDS_A_STATEMENT]
