"""Which members of a chapter were seen at none, some or all actions of a campaign. Ask the scope first.

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
from mobilize.turnout.people import in_parts


@dataclass(frozen=True, slots=True)
class OftenSeen:
    """A member by name: at how many of the actions in which she counted for this chapter (`of`) she was."""

    member_id: UUID
    name: PersonName
    seen: int
    of: int


@dataclass(frozen=True, slots=True)
class HowOften:
    """By surname within each list. `linked`: the actions that were looked at, oldest first; `forgotten`:
    those whose names are gone."""

    linked: Sequence[Action]
    forgotten: Sequence[Action]
    none: Sequence[OftenSeen]
    some: Sequence[OftenSeen]
    all: Sequence[OftenSeen]


def how_often(campaign_id: UUID, site_id: UUID, now: datetime) -> HowOften | None:
    """Who of the chapter was seen how often, in the actions that have begun; drills are none.

    None when the chapter has no part in any action of the campaign. Who was erased is in no list.
    """
    actions = _actions(campaign_id, site_id)
    begun = [action for action in actions if action.starts_at <= now]
    linked = [action for action in begun if action.forgotten_at is None]
    counted = _counted([action.id for action in linked], site_id)
    people = _people(counted, _seen([action.id for action in linked], list(counted)))
    found = HowOften(
        linked=linked,
        forgotten=[action for action in begun if action.forgotten_at],
        none=[one for one in people if not one.seen],
        some=[one for one in people if 0 < one.seen < one.of],
        all=[one for one in people if one.seen == one.of],
    )
    return found if actions else None


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
    """Member -> the actions in which she was in this chapter's denominator."""
    rows = db.session.execute(
        select(Eligible.member_id, Eligible.action_id).where(
            Eligible.action_id.in_(actions), Eligible.chapter_id == site_id, Eligible.member_id.is_not(None)
        )
    )
    found: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for member_id, action_id in rows:
        if member_id:
            found[member_id].add(action_id)
    return found


def _seen(actions: Sequence[UUID], members: Sequence[UUID]) -> set[tuple[UUID | None, UUID]]:
    """(member, action) of whoever was there, at whatever line."""
    found: set[tuple[UUID | None, UUID]] = set()
    for some in in_parts(members):
        rows = db.session.execute(
            select(Attendance.member_id, Event.action_id)
            .join(Event, Event.id == Attendance.event_id)
            .where(Event.action_id.in_(actions), Attendance.member_id.in_(some))
            .distinct()
        )
        found.update((member_id, action_id) for member_id, action_id in rows)
    return found


def _people(counted: dict[UUID, set[UUID]], seen: set[tuple[UUID | None, UUID]]) -> list[OftenSeen]:
    found = [
        OftenSeen(
            member.id,
            member.person,
            sum((member.id, action) in seen for action in counted[member.id]),
            len(counted[member.id]),
        )
        for some in in_parts(counted)
        for member in db.session.scalars(select(Member).where(Member.id.in_(some)))
        if member.name
    ]
    return sorted(found, key=lambda one: one.name.sorted_by)
