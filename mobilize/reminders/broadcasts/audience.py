"""The audience of a broadcast: who can be reached by text, and who cannot and why."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, func, null, select
from sqlalchemy.orm import aliased

from mobilize.accounts.access.scope import running_on, today
from mobilize.accounts.models import CHAIRS, Person, RoleName, RoleTerm
from mobilize.actions.models import Action, Event, EventChapter, EventState
from mobilize.checkins.models import Attendance
from mobilize.database import db
from mobilize.reminders.models import Audience, Rsvp
from mobilize.roster.models import Member, Membership, MembershipRank, MemberStatus, PhoneKind, Site
from mobilize.texts.consent.subscriptions import is_bad, says_stop


class UnreachableReason(StrEnum):
    """The reason somebody cannot be told by text."""

    NO_MOBILE = "no_mobile"
    OPTED_OUT = "opted_out"
    BAD_NUMBER = "bad_number"
    NOT_URGENT = "not_urgent"


def audience_of(
    action: Action,
    audience: Audience,
    site_ids: Sequence[uuid.UUID] | None,
    *,
    urgent: bool,
    now: datetime,
    only_missing: bool = False,
) -> Select[Any]:
    """A query of (id, event_id, phone_enc, phone_index, language, cannot) by id; `cannot` is empty for those
    who can be texted. `site_ids` narrows to some of the action's chapters, `only_missing` to members who are
    not in and have not said no."""
    if audience is Audience.MEMBERS:
        members = _members(action, site_ids, urgent)
        return members.where(*_missing(action, members.selected_columns.id)) if only_missing else members
    return _staff(action, site_ids, now) if audience is Audience.STAFF else _chairs(action, site_ids, now)


def counted(query: Select[Any]) -> tuple[dict[tuple[uuid.UUID, str], int], dict[str, int]]:
    """(phones by event and language, people by the reason for which they cannot be told)."""
    who = query.order_by(None).subquery()
    groups = (who.c.event_id, who.c.language, who.c.cannot)
    rows = db.session.execute(
        select(*groups, func.count(who.c.phone_index.distinct()), func.count(who.c.id.distinct())).group_by(
            *groups
        )
    )
    reached: dict[tuple[uuid.UUID, str], int] = {}
    cannot: dict[str, int] = {}
    for event_id, language, why, phones, people in rows:
        if why is None:
            reached[event_id, language] = phones
        else:
            cannot[why] = cannot.get(why, 0) + people
    return reached, cannot


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


def _missing(action: Action, member_id: Any) -> tuple[ColumnElement[bool], ...]:
    """SQL: in at no event of the action, and not coming to none."""
    events = select(Event.id).where(Event.action_id == action.id)
    is_in = exists().where(Attendance.event_id.in_(events), Attendance.member_id == member_id)
    declined = exists().where(Rsvp.event_id.in_(events), Rsvp.member_id == member_id, Rsvp.coming.is_(False))
    return ~is_in, ~declined


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
    standing = select(Event.id).where(Event.action_id == action.id, Event.state != EventState.CALLED_OFF)
    query = query.where(
        EventChapter.action_id == action.id,
        EventChapter.gone_at.is_(None),
        EventChapter.event_id.in_(standing),
    )
    return query if site_ids is None else query.where(EventChapter.site_id.in_(site_ids))


def _cannot(who: Any, no_mobile: ColumnElement[bool], *more: tuple[ColumnElement[bool], str]) -> Any:
    return case(
        (no_mobile, UnreachableReason.NO_MOBILE.value),
        (says_stop(who.phone_index), UnreachableReason.OPTED_OUT.value),
        (is_bad(who.phone_index), UnreachableReason.BAD_NUMBER.value),
        *more,
        else_=null(),
    ).label("cannot")
