"""Operations that change the roster, a member at a time; files of many a person looks at first."""

import uuid
from functools import partial

from flask import abort
from pydantic import Field

from mobilize import clock
from mobilize.accounts.tokens.access import TokenAccess
from mobilize.accounts.tokens.models import ApiScope
from mobilize.api.endpoint import writing
from mobilize.api.fields import Line, RequestBody, example
from mobilize.api.idempotency import KeptAnswer, Result, done_once
from mobilize.api.reading.people_views import member_out, names_leave, visible_member
from mobilize.api.schemas import MemberOut
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import DEFAULT, _
from mobilize.roster import operations
from mobilize.roster.models import MembershipRank, MemberStatus, Site
from mobilize.roster.operations import MemberDetails

_SCOPES = (ApiScope.PLAN, ApiScope.NAMES)
_EXAMPLE_SITE = "0190c0de-0000-7000-8000-000000000001"


class NewMember(
    RequestBody,
    json_schema_extra=example(
        {"number": "90000321", "first": "Rosa", "last": "Lund", "site_id": _EXAMPLE_SITE}
    ),
):
    """Somebody who joins the roster. The next file of the membership system decides about them as about
    everybody."""

    number: Line = Field(description="The member number: 1 to 8 digits.")
    first: Line = Field("", max_length=100)
    last: Line = Field(min_length=1, max_length=100)
    preferred: Line = Field("", max_length=100, description="How they like to be called.")
    phone: Line = Field("", max_length=40, description="Their mobile number, with its area code.")
    language: Line = Field(DEFAULT, max_length=20)
    status: MemberStatus = MemberStatus.ACTIVE
    site_id: uuid.UUID | None = Field(
        None, description="Their chapter; null, for a token of the whole union alone: none."
    )

    @property
    def details(self) -> MemberDetails:
        """The same as operations take it."""
        return MemberDetails(self.last, self.first, self.preferred, self.phone, self.language, self.status)


class MemberTransfer(RequestBody, json_schema_extra=example({"site_id": _EXAMPLE_SITE})):
    """Where a member goes."""

    site_id: uuid.UUID | None = Field(description="Their new chapter; null: out of the one they are in.")
    rank: MembershipRank = Field(MembershipRank.HOME, description="Their home, or their second site.")


@writing("/members", *_SCOPES, tag="Members", body=NewMember, answer=MemberOut, status=201)
def add_member(access: TokenAccess, key: str, body: NewMember) -> KeptAnswer:
    """Add a member to the roster, in the chapter of a site."""
    return done_once(access, key, partial(_add, access, body))


@writing("/members/<uuid:member_id>/transfer", *_SCOPES, tag="Members", body=MemberTransfer, answer=MemberOut)
def transfer_member(access: TokenAccess, member_id: uuid.UUID, key: str, body: MemberTransfer) -> KeptAnswer:
    """Move a member to another chapter from now on. What was counted before stays where it was."""
    return done_once(access, key, partial(_transfer, access, member_id, body))


def _add(access: TokenAccess, body: NewMember) -> Result:
    site = _site(body.site_id)
    if not access.scope.sees(site):
        raise _no_site()
    at = site.id if site else None
    member = operations.add_member(body.number, body.details, at, by=access.actor, now=clock.now())
    names_leave(access, member.id)
    return member_out(member, access), 201


def _transfer(access: TokenAccess, member_id: uuid.UUID, body: MemberTransfer) -> Result:
    """Looked up in here: whoever has left the token's view by it is still answered about."""
    member = visible_member(member_id, access) or abort(404)
    site = _site(body.site_id)
    at = site.id if site else None
    operations.transfer_member(member.id, at, body.rank, by=access.actor, now=clock.now())
    names_leave(access, member.id)
    db.session.expire(member, ["memberships"])
    return member_out(member, access), 200


def _site(site_id: uuid.UUID | None) -> Site | None:
    site = db.session.get(Site, site_id) if site_id else None
    if site_id and site is None:
        raise _no_site()
    return site


def _no_site() -> Refused:
    return Refused("no_site", _("There is no such site."))
