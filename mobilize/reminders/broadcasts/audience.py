"""The audience of a broadcast: who can be reached by text, and who cannot and why."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, null, or_, select
from sqlalchemy.orm import aliased

from mobilize.accounts.access.scope import Scope, running_on, today
from mobilize.accounts.models import CHAIRS, Person, RoleName, RoleTerm
from mobilize.actions.eligibility import has_active_status
from mobilize.actions.models import Action, Eligible, Event, EventChapter, EventState
from mobilize.checkins.models import Attendance
from mobilize.database import db
from mobilize.languages import DEFAULT, LANGUAGES
from mobilize.reminders.models import Audience, AudienceFilter, Broadcast, Rsvp
from mobilize.roster.models import Member, Membership, MembershipRank, MemberStatus, PhoneKind, Site
from mobilize.texts.consent.suppressions import is_bad, says_stop


class UnreachableReason(StrEnum):
    """The reason somebody cannot be told by text."""

    NO_MOBILE = "no_mobile"
    OPTED_OUT = "opted_out"
    BAD_NUMBER = "bad_number"
    NOT_URGENT = "not_urgent"


@dataclass(frozen=True)
class AudienceReach:
    """Phones by event and language, the `people` they belong to, and how many people cannot be told, by the
    reason."""

    phones: dict[tuple[uuid.UUID, str], int]
    people: int
    cannot: dict[str, int]

    @property
    def total(self) -> int:
        """All phones."""
        return sum(self.phones.values())


def audience_of(
    action: Action, audience: Audience, site_ids: Sequence[uuid.UUID] | None, *, urgent: bool, now: datetime
) -> Select[Any]:
    """A query of (id, event_id, phone_enc, phone_index, language, cannot) by id; `cannot` is empty for those
    who can be texted. `site_ids` narrows to some of the action's chapters."""
    if audience is Audience.MEMBERS:
        return _members(action, site_ids, urgent)
    return _staff(action, site_ids, now) if audience is Audience.STAFF else _chairs(action, site_ids, now)


def recipients_of(broadcast: Broadcast, now: datetime) -> Select[Any]:
    """The same for a broadcast: its chapters, its language, and which of the members it is for, as of now."""
    site_ids, urgent = chapters_of_broadcast(broadcast), bool(broadcast.urgent_reason)
    query = audience_of(broadcast.action, broadcast.audience, site_ids, urgent=urgent, now=now)
    columns = query.selected_columns
    if broadcast.language:
        query = query.where(_reads(columns.language, broadcast.language))
    narrow = _FILTERS.get(broadcast.audience_filter)
    if narrow is None or broadcast.audience is not Audience.MEMBERS:
        return query
    return query.where(narrow(broadcast, columns.id))


def chapters_of_broadcast(broadcast: Broadcast) -> list[uuid.UUID] | None:
    """The chapters it goes to; None for all of the action's."""
    return None if broadcast.site_ids is None else [uuid.UUID(one) for one in broadcast.site_ids]


def last_action_before(action: Action, scope: Scope, now: datetime) -> Action | None:
    """The campaign's last action before this one that has begun and in which a chapter in scope took part;
    None where there is none, or where nobody knows any more who came."""
    if action.campaign_id is None:
        return None
    here = EventChapter.gone_at.is_(None), EventChapter.site_id.in_(scope.limit(select(Site.id)))
    took_part = exists().where(EventChapter.action_id == Action.id, *here)
    earlier = (
        select(Action)
        .where(Action.campaign_id == action.campaign_id, Action.id != action.id, took_part)
        .where(Action.starts_at < min(action.starts_at, now), Action.owner_site_id.is_(None))
        .where(Action.called_off_at.is_(None), ~Action.drill)
    )
    last = db.session.scalar(earlier.order_by(Action.starts_at.desc(), Action.id).limit(1))
    return last if last is not None and last.forgotten_at is None else None


def counted(query: Select[Any]) -> AudienceReach:
    """The phones and people of an audience, in one statement."""
    who = query.order_by(None).subquery()
    # Grouped by phone before it is counted: to count what is distinct, PostgreSQL would sort all of it twice.
    each = (
        select(who.c.event_id, who.c.language, who.c.cannot, who.c.phone_index, who.c.id)
        .distinct()
        .subquery()
    )
    groups = (each.c.event_id, each.c.language, each.c.cannot, each.c.phone_index)
    phones = select(*groups, func.count().label("people")).group_by(*groups).subquery()
    columns = (phones.c.event_id, phones.c.language, phones.c.cannot)
    counts = select(*columns, func.count(phones.c.phone_index), func.sum(phones.c.people))
    reached: dict[tuple[uuid.UUID, str], int] = {}
    cannot: dict[str, int] = {}
    reached_people = 0
    for event_id, language, why, numbers, people in db.session.execute(counts.group_by(*columns)):
        if why is None:
            reached[event_id, language] = numbers
            reached_people += int(people)
        else:
            cannot[why] = cannot.get(why, 0) + int(people)
    return AudienceReach(reached, reached_people, cannot)


def _members(action: Action, site_ids: Sequence[uuid.UUID] | None, urgent: bool) -> Select[Any]:
    member: Any = aliased(Member)  # the opt-out from the file looks into the same table
    not_mobile = member.phone_kind.not_in([PhoneKind.MOBILE, PhoneKind.UNKNOWN])
    agreed = [(member.urgent_ok_at.is_(None), UnreachableReason.NOT_URGENT.value)] if urgent else []
    cannot = _cannot(member, member.phone_enc.is_(None) | not_mobile, *agreed)
    query = (
        select(
            member.id, EventChapter.event_id, member.phone_enc, member.phone_index, member.language, cannot
        )
        .select_from(member)
        .join(Membership, Membership.member_id == member.id)
        .join(EventChapter, EventChapter.site_id == Membership.site_id)
        .where(
            Membership.rank == MembershipRank.HOME,
            Membership.to_at.is_(None),
            member.gone_on.is_(None),
            member.erased_at.is_(None),
            member.status != MemberStatus.RETIRED,
        )
        .order_by(member.id)
    )
    return _at_chapters(query, action, site_ids)


def _missing(broadcast: Broadcast, member_id: Any) -> ColumnElement[bool]:
    """SQL: in at no event of the action, and not coming to none."""
    return and_(~_is_in(broadcast.action_id, member_id), ~_answered(broadcast, member_id, coming=False))


def _said_coming(broadcast: Broadcast, member_id: Any) -> ColumnElement[bool]:
    """SQL: coming to an event of the action, and in at none."""
    return and_(~_is_in(broadcast.action_id, member_id), _answered(broadcast, member_id, coming=True))


def _not_seen(broadcast: Broadcast, member_id: Any) -> ColumnElement[bool]:
    """SQL: in the denominator of the chapter the text goes to, and in at no event of the action.

    Once the event has begun these are the rows of `eligible`, before that whoever would be in them. Whoever
    moved here from another chapter since counts there, and nobody here learns whether they came.
    """
    home = Eligible.chapter_id == Membership.site_id
    frozen = exists().where(Eligible.action_id == broadcast.action_id, Eligible.member_id == member_id, home)
    to_come = exists().where(
        Event.id == EventChapter.event_id,
        Event.frozen_at.is_(None),
        Membership.from_at <= Event.starts_at,
        has_active_status(member_id, Event.starts_at),
    )
    return and_(~_is_in(broadcast.action_id, member_id), or_(frozen, to_come))


def _came_last(broadcast: Broadcast, member_id: Any) -> ColumnElement[bool]:
    """SQL: was at the last action, for a chapter of these areas: what somebody did while they were another
    area's, nobody learns here."""
    chapters = chapters_of_broadcast(broadcast)
    if chapters is None:
        return _is_in(broadcast.last_action_id, member_id)
    areas = select(Site.area_id).where(Site.id.in_(chapters))
    of_areas = Attendance.chapter_id.in_(select(Site.id).where(Site.area_id.in_(areas)))
    return _is_in(broadcast.last_action_id, member_id, of_areas)


def _is_in(action_id: Any, member_id: Any, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    """SQL: in at an event of that action. All who are, put together once: asked for each member, SQLite would
    go through all events of the action each time."""
    attended = select(Attendance.member_id).join(Event, Event.id == Attendance.event_id)
    here = Event.action_id == action_id, Attendance.member_id.is_not(None)
    in_them: ColumnElement[bool] = member_id.in_(attended.where(*here, *more).correlate(None))
    return in_them


def _answered(broadcast: Broadcast, member_id: Any, *, coming: bool) -> ColumnElement[bool]:
    answered = select(Rsvp.member_id).join(Event, Event.id == Rsvp.event_id)
    here = Event.action_id == broadcast.action_id, Rsvp.coming.is_(coming)
    in_them: ColumnElement[bool] = member_id.in_(answered.where(*here).correlate(None))
    return in_them


def _reads(column: Any, language: str) -> ColumnElement[bool]:
    """SQL: is texted in this language; whose language is none of the service's, in the default one."""
    others = [code for code in LANGUAGES if code != DEFAULT]
    return column.not_in(others) if language == DEFAULT else column == language


_FILTERS: dict[AudienceFilter, Callable[[Broadcast, Any], ColumnElement[bool]]] = {
    AudienceFilter.MISSING: _missing,
    AudienceFilter.SAID_COMING: _said_coming,
    AudienceFilter.NOT_SEEN: _not_seen,
    AudienceFilter.CAME_LAST: _came_last,
}


def _chairs(action: Action, site_ids: Sequence[uuid.UUID] | None, now: datetime) -> Select[Any]:
    query = (
        select(*_person(EventChapter.event_id), _cannot(Person, Person.phone_enc.is_(None)))
        .select_from(Person)
        .join(RoleTerm, RoleTerm.person_id == Person.id)
        .join(EventChapter, EventChapter.site_id == RoleTerm.site_id)
        .where(RoleTerm.role.in_(CHAIRS), running_on(today(now)))
        .order_by(Person.id)
    )
    return _at_chapters(query, action, site_ids)


def _staff(action: Action, site_ids: Sequence[uuid.UUID] | None, now: datetime) -> Select[Any]:
    """The recipients of a drill's texts: the office, and organizers of its areas. Each once, about one
    place."""
    chapters = _at_chapters(select(EventChapter.site_id), action, site_ids)
    areas = select(Site.area_id).where(Site.id.in_(chapters))
    of_action = select(Event.id).where(Event.action_id == action.id)
    first = of_action.order_by(Event.id).limit(1).scalar_subquery()
    return (
        select(*_person(Event.id.label("event_id")), _cannot(Person, Person.phone_enc.is_(None)))
        .select_from(Person)
        .join(RoleTerm, RoleTerm.person_id == Person.id)
        .join(Event, Event.id == first)
        .where(running_on(today(now)))
        .where(
            (RoleTerm.role == RoleName.ADMIN)
            | ((RoleTerm.role == RoleName.ORGANIZER) & RoleTerm.area_id.in_(areas))
        )
        .order_by(Person.id)
    )


def _person(event_id: Any) -> list[Any]:
    return [Person.id, event_id, Person.phone_enc, Person.phone_index, Person.language]


def _at_chapters(query: Select[Any], action: Action, site_ids: Sequence[uuid.UUID] | None) -> Select[Any]:
    events = select(Event.id).where(Event.action_id == action.id, Event.state != EventState.CALLED_OFF)
    query = query.where(
        EventChapter.action_id == action.id,
        EventChapter.gone_at.is_(None),
        EventChapter.event_id.in_(events),
    )
    return query if site_ids is None else query.where(EventChapter.site_id.in_(site_ids))


def _cannot(who: Any, no_mobile: ColumnElement[bool], *more: tuple[ColumnElement[bool], str]) -> Any:
    return case(
        (no_mobile, UnreachableReason.NO_MOBILE.value),
        (says_stop(who.phone_index, of_many=True), UnreachableReason.OPTED_OUT.value),
        (is_bad(who.phone_index, of_many=True), UnreachableReason.BAD_NUMBER.value),
        *more,
        else_=null(),
    ).label("cannot")
