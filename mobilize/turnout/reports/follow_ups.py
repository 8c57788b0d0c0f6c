"""Follow-ups: members a chair talks to next, since they came before but not now, are new, or never came.

Made of what is still linked to people: an action that was forgotten says nothing about anybody any more.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select

from mobilize.actions.models import Action, Eligible, Event
from mobilize.checkins.models import Attendance
from mobilize.database import db
from mobilize.languages import _
from mobilize.turnout.campaigns.series import actions_before
from mobilize.turnout.figures.people import NamedMember, in_parts


class FollowUpReason(StrEnum):
    """In the order in which they are talked to: nearest to coming again first."""

    CAME_BEFORE = "came_before"
    NEW = "new"
    NOT_SEEN = "not_seen"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A member who was eligible and did not come: why they are next, and how many they `attended` of the
    earlier actions (`of`) in which they counted."""

    person: NamedMember
    reason: FollowUpReason
    attended: int
    of: int

    @property
    def in_words(self) -> str:
        """The reason, for page, paper and file."""
        if self.reason is FollowUpReason.CAME_BEFORE:
            return _("came to %(seen)s of the %(of)s before", seen=self.attended, of=self.of)
        if self.reason is FollowUpReason.NEW:
            return _("new since the last action")
        return _("not seen yet")


def next_conversations(action: Action, site_id: UUID, missing: Sequence[NamedMember]) -> list[Conversation]:
    """Everybody of `missing`, whom to talk to first at the head; within a reason who came most often, then by
    surname. Asks no scope: `missing` holds names already."""
    before = [one.id for one in actions_before(action, site_id) if one.forgotten_at is None]
    ids = [person.member_id for person in missing]
    attended, counted = _attended(before, ids), _counted(before, ids)
    talks = [_of(p, attended[p.member_id], counted[p.member_id], bool(before)) for p in missing]
    order = list(FollowUpReason)
    return sorted(talks, key=lambda c: (order.index(c.reason), -c.attended, c.person.name.sorted_by))


def _of(person: NamedMember, attended: int, counted: int, any_before: bool) -> Conversation:
    if attended:
        return Conversation(person, FollowUpReason.CAME_BEFORE, attended, max(attended, counted))
    reason = FollowUpReason.NEW if any_before and not counted else FollowUpReason.NOT_SEEN
    return Conversation(person, reason, 0, counted)


def _attended(actions: Sequence[UUID], members: Sequence[UUID]) -> Counter[Any]:
    """Member -> at how many of these actions they were, each once."""
    counts: Counter[Any] = Counter()
    for some in in_parts(members):
        rows = db.session.execute(
            select(Attendance.member_id, Event.action_id)
            .join(Event, Event.id == Attendance.event_id)
            .where(Event.action_id.in_(actions), Attendance.member_id.in_(some))
            .distinct()
        )
        counts.update(row.member_id for row in rows)
    return counts


def _counted(actions: Sequence[UUID], members: Sequence[UUID]) -> Counter[Any]:
    """Member -> in how many of the denominators of these actions they were, whatever their chapter then."""
    counts: Counter[Any] = Counter()
    for some in in_parts(members):
        rows = select(Eligible.member_id).where(
            Eligible.action_id.in_(actions), Eligible.member_id.in_(some), Eligible.chapter_id.is_not(None)
        )
        counts.update(db.session.scalars(rows))
    return counts
