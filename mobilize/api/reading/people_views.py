"""Operations that read members, and who came. Names are noted in the audit, as they are of pages."""

import uuid
from collections.abc import Sequence
from typing import Any

from flask import abort
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from mobilize import audit, clock
from mobilize.accounts.tokens.access import TokenAccess
from mobilize.accounts.tokens.models import PERSONAL, ApiScope
from mobilize.accounts.tokens.operations import refuse_unagreed_names
from mobilize.actions.visibility import changeable_event
from mobilize.api.endpoint import reading
from mobilize.api.paging import PageQuery, read_page
from mobilize.api.schemas import CheckInListOut, CheckInOut, MemberListOut, MemberOut, NameOut
from mobilize.checkins.models import Attendance
from mobilize.database import db
from mobilize.roster.models import Member, Membership, MembershipRank
from mobilize.roster.queries import on_roster


class MembersQuery(PageQuery):
    """Which members."""

    site_id: uuid.UUID | None = Field(None, description="Only whose home or second site this is.")


@reading("/members", ApiScope.FIGURES, tag="Members", answer=MemberListOut, query=MembersQuery)
def members(access: TokenAccess, query: MembersQuery) -> MemberListOut:
    """The members on the roster: with the scopes `names` and `phones` also by name and phone."""
    selected = on_roster(access.scope.members())
    if query.site_id:
        here = select(Membership.member_id).where(Membership.to_at.is_(None))
        selected = selected.where(Member.id.in_(here.where(Membership.site_id == query.site_id)))
    rows, more = read_page(selected.options(selectinload(Member.memberships)), Member.id, query)
    names_leave(access, query.site_id or "members")
    return MemberListOut(data=[member_out(row, access) for row in rows], next=more)


@reading("/members/<uuid:member_id>", ApiScope.FIGURES, tag="Members", answer=MemberOut)
def member(access: TokenAccess, member_id: uuid.UUID) -> MemberOut:
    """One member on the roster."""
    row = visible_member(member_id, access) or abort(404)
    names_leave(access, row.id)
    return member_out(row, access)


@reading(
    "/events/<uuid:event_id>/check-ins",
    ApiScope.NAMES,
    tag="At the line",
    answer=CheckInListOut,
    query=PageQuery,
)
def check_ins(access: TokenAccess, event_id: uuid.UUID, query: PageQuery) -> CheckInListOut:
    """Who counts at an event. Of an action that was forgotten nobody can say it any more."""
    event = changeable_event(event_id, access.scope)
    linked = select(Attendance).where(Attendance.event_id == event.id, Attendance.member_id.is_not(None))
    rows, more = read_page(linked, Attendance.id, query)
    names = _names_of([row.member_id for row in rows])
    names_leave(access, event.id)
    return CheckInListOut(data=[_check_in(row, names) for row in rows], next=more)


def visible_member(member_id: uuid.UUID, access: TokenAccess) -> Member | None:
    """A member on the roster, in the token's view."""
    return db.session.scalar(on_roster(access.scope.members()).where(Member.id == member_id))


def names_leave(access: TokenAccess, ref: object) -> None:
    """To be called before names are told; the audit notes of what. Refused: second_person."""
    if access.scopes & PERSONAL:
        refuse_unagreed_names(access)
        audit.note(access.actor, "token.read", ref, now=clock.now())


def member_out(row: Member, access: TokenAccess) -> MemberOut:
    """A member as the API tells of them to this token."""
    at = {membership.rank: membership.site_id for membership in row.memberships}
    named = access.may(ApiScope.NAMES)
    return MemberOut(
        id=row.id,
        status=row.status,
        language=row.language,
        home_site_id=at.get(MembershipRank.HOME),
        second_site_id=at.get(MembershipRank.SECOND),
        has_phone=row.phone_index is not None,
        name=_name(row) if named else None,
        number=row.number if named else None,
        phone=row.phone if access.may(ApiScope.PHONES) else None,
    )


def _names_of(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, NameOut]:
    rows = db.session.scalars(select(Member).where(Member.id.in_(ids), Member.erased_at.is_(None)))
    return {row.id: _name(row) for row in rows}


def _name(row: Member) -> NameOut:
    name = row.person
    return NameOut(first=name.first, last=name.last, preferred=name.preferred)


def _check_in(row: Any, names: dict[uuid.UUID, NameOut]) -> CheckInOut:
    return CheckInOut(
        id=row.id,
        event_id=row.event_id,
        shift_id=row.shift_id,
        member_id=row.member_id,
        name=names.get(row.member_id),
        strength=row.tier,
        first_at=row.first_at,
        left_at=row.out_at,
        duty=row.duty,
    )
