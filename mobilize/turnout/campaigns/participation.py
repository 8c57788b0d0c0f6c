"""Participation of a chapter's members: none, some or all actions of a campaign. The caller checks the scope.

Only of what is still linked to people: of an action that was forgotten nobody can say who was there.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from mobilize.actions.models import Action, Eligible, Event, EventChapter
from mobilize.checkins.models import Attendance
from mobilize.database import db
from mobilize.roster.models import Member
from mobilize.roster.names import PersonName
from mobilize.turnout.figures.people import in_parts


@dataclass(frozen=True, slots=True)
class MemberParticipation:
    """A member by name: how many they `attended` of those (`of`) in which they counted for this chapter."""

    member_id: UUID
    name: PersonName
    attended: int
    of: int


@dataclass(frozen=True, slots=True)
class Participation:
    """By surname within each list. `linked`: the actions that were looked at, oldest first; `forgotten`:
    those whose names are gone."""

    linked: Sequence[Action]
    forgotten: Sequence[Action]
    none: Sequence[MemberParticipation]
    some: Sequence[MemberParticipation]
    all: Sequence[MemberParticipation]


def participation_of(campaign_id: UUID, site_id: UUID, now: datetime) -> Participation | None:
    """The members of the chapter by how often they were seen, in the actions that have begun, without drills.

    None when the chapter has no part in any action of the campaign. Who was erased is in no list.
    """
    actions = _actions(campaign_id, site_id)
    begun = [action for action in actions if action.starts_at <= now]
    linked = [action for action in begun if action.forgotten_at is None]
    counted = _counted([action.id for action in linked], site_id)
    people = _people(counted, _attended([action.id for action in linked], list(counted)))
    participation = Participation(
        linked=linked,
        forgotten=[action for action in begun if action.forgotten_at],
        none=[one for one in people if not one.attended],
        some=[one for one in people if 0 < one.attended < one.of],
        all=[one for one in people if one.attended == one.of],
    )
    return participation if actions else None


def _actions(campaign_id: UUID, site_id: UUID) -> Sequence[Action]:
    query = (
        select(Action)
        .join(EventChapter, EventChapter.action_id == Action.id)
        .where(
            Action.campaign_id == campaign_id,
            Action.called_off_at.is_(None),
            ~Action.drill,
            EventChapter.site_id == site_id,
            EventChapter.gone_at.is_(None),
        )
    )
    return db.session.scalars(query.order_by(Action.starts_at, Action.id)).all()


def _counted(actions: Sequence[UUID], site_id: UUID) -> dict[UUID, set[UUID]]:
    """Member -> the actions in which they were in this chapter's denominator."""
    rows = db.session.execute(
        select(Eligible.member_id, Eligible.action_id).where(
            Eligible.action_id.in_(actions), Eligible.chapter_id == site_id, Eligible.member_id.is_not(None)
        )
    )
    by_member: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for member_id, action_id in rows:
        if member_id:
            by_member[member_id].add(action_id)
    return by_member


def _attended(actions: Sequence[UUID], members: Sequence[UUID]) -> set[tuple[UUID | None, UUID]]:
    """(member, action) of whoever was there, at whatever line."""
    pairs: set[tuple[UUID | None, UUID]] = set()
    for some in in_parts(members):
        rows = db.session.execute(
            select(Attendance.member_id, Event.action_id)
            .join(Event, Event.id == Attendance.event_id)
            .where(Event.action_id.in_(actions), Attendance.member_id.in_(some))
            .distinct()
        )
        pairs.update((member_id, action_id) for member_id, action_id in rows)
    return pairs


def _people(
    counted: dict[UUID, set[UUID]], attended: set[tuple[UUID | None, UUID]]
) -> list[MemberParticipation]:
    people = [
        MemberParticipation(
            member.id,
            member.person,
            sum((member.id, action) in attended for action in counted[member.id]),
            len(counted[member.id]),
        )
        for some in in_parts(counted)
        for member in db.session.scalars(select(Member).where(Member.id.in_(some)))
        if member.name
    ]
    return sorted(people, key=lambda one: one.name.sorted_by)
