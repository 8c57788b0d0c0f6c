"""Operations for what a desk does while an action goes on: what became of calls to silent sites, and
decisions about check-ins that counted for nobody."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from flask import abort
from pydantic import BaseModel, Field

from mobilize import clock
from mobilize.accounts.access.scope import Scope
from mobilize.accounts.tokens.access import TokenAccess
from mobilize.accounts.tokens.models import ApiScope
from mobilize.actions.models import Action, Event
from mobilize.actions.visibility import changeable_event, may_change, visible_action, visible_events
from mobilize.api.endpoint import reading, writing
from mobilize.api.fields import Line, RequestBody, example
from mobilize.api.idempotency import KeptAnswer, Result, done_once
from mobilize.api.paging import Listing, PageQuery, cut_page
from mobilize.api.reading.people_views import names_leave, visible_member
from mobilize.api.schemas import ChangedOut
from mobilize.checkins.models import Evidence, Outcome
from mobilize.checkins.review import resolutions
from mobilize.checkins.review.queue import ReviewItem, unmatched
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.models import Member
from mobilize.roster.queries import sites_of
from mobilize.turnout.calls.operations import claim_call, end_call
from mobilize.turnout.models import CallResult


class ReviewVerdict(StrEnum):
    """What somebody decided: it is this member's, or nobody's of ours; it is open again; of a tap at an
    uncertain time, its member was there or was not."""

    TIE = "tie"
    NOT_OURS = "not_ours"
    REOPEN = "reopen"
    WAS_THERE = "was_there"
    WAS_NOT = "was_not"


class CallReport(RequestBody, json_schema_extra=example({"result": "no_answer"})):
    """What became of a call to a silent site."""

    result: CallResult


class ReviewDecision(RequestBody, json_schema_extra=example({"verdict": "not_ours", "reason": "A neighbor"})):
    """What somebody decided about a check-in that counted for nobody, and why."""

    verdict: ReviewVerdict
    member_id: uuid.UUID | None = Field(None, description="Whose it is; of `tie` alone.")
    reason: Line = Field("", description="In a few words; `not_ours` and `reopen` need them.")


class UnmatchedOut(BaseModel):
    """A check-in that counted for nobody yet, with what was typed alike at the event."""

    id: uuid.UUID = Field(description="What `decide` takes.")
    event_id: uuid.UUID
    at: datetime
    outcome: Outcome
    typed: str | None = Field(description="The number or name that somebody gave.")
    taps: int = Field(description="How often it was typed.")
    member_id: uuid.UUID | None = Field(description="Whom it names, where the token sees them.")
    candidates: list[uuid.UUID] = Field(description="Members in view whom it may mean.")
    time_uncertain: bool = Field(description="Only whether they were there is to be decided.")


class UnmatchedListOut(Listing[UnmatchedOut]):
    """Check-ins that wait for a decision, a hundred at most."""


@writing(
    "/events/<uuid:event_id>/calls", ApiScope.REPORT, tag="At the line", body=CallReport, answer=ChangedOut
)
def report_call(access: TokenAccess, event_id: uuid.UUID, key: str, body: CallReport) -> KeptAnswer:
    """Report what became of a call to a silent site: nobody else is given it for ten minutes. Declined as
    `being_called` while an organizer is on it."""
    event = changeable_event(event_id, access.scope)
    return done_once(access, key, partial(_report_call, access, event, body))


@reading(
    "/actions/<uuid:action_id>/unmatched",
    ApiScope.NAMES,
    tag="At the line",
    answer=UnmatchedListOut,
    query=PageQuery,
)
def unmatched_check_ins(access: TokenAccess, action_id: uuid.UUID, query: PageQuery) -> UnmatchedListOut:
    """The check-ins of an action that counted for nobody, and wait for somebody to decide."""
    action = visible_action(action_id, access.scope)
    names_leave(access, action.id)
    rows, more = cut_page(unmatched(_events(action, access.scope)), query, lambda item: item.id)
    return UnmatchedListOut(data=[_item(row, access.scope) for row in rows], next=more)


@writing(
    "/check-ins/<uuid:evidence_id>/decision",
    ApiScope.REPORT,
    ApiScope.NAMES,
    tag="At the line",
    body=ReviewDecision,
    answer=ChangedOut,
)
def decide(access: TokenAccess, evidence_id: uuid.UUID, key: str, body: ReviewDecision) -> KeptAnswer:
    """Decide about a check-in that counted for nobody. The last decision stands, and the figures follow."""
    return done_once(access, key, partial(_decide, access, evidence_id, body))


def _report_call(access: TokenAccess, event: Event, body: CallReport) -> Result:
    if event.site_id is None:
        raise Refused("no_site", _("A rally is no silent site."))
    by, now = access.actor, clock.now()
    if not claim_call(event.id, actor=by, now=now):
        raise Refused("being_called", _("Somebody else is calling this site now."), status=409)
    end_call(event.id, body.result, actor=by, now=now)
    return ChangedOut(changed=1), 200


def _events(action: Action, scope: Scope) -> Sequence[Event]:
    if action.forgotten_at is not None:
        return []
    return [event for event in visible_events(action, scope) if may_change(event, scope)]


def _item(item: ReviewItem, scope: Scope) -> UnmatchedOut:
    candidates = [db.session.get(Member, one) for one, _name in item.candidates]
    return UnmatchedOut(
        id=item.id,
        event_id=item.event.id,
        at=item.at,
        outcome=item.outcome,
        typed=item.typed,
        taps=item.number,
        member_id=item.member.id if item.member and _sees(scope, item.member) else None,
        candidates=[one.id for one in candidates if one and _sees(scope, one)],
        time_uncertain=item.time_uncertain,
    )


def _sees(scope: Scope, member: Member) -> bool:
    return scope.everything or any(scope.sees(site) for site in sites_of(member.id).values())


def _decide(access: TokenAccess, evidence_id: uuid.UUID, body: ReviewDecision) -> Result:
    evidence = db.session.get(Evidence, evidence_id) or abort(404)
    changeable_event(evidence.event_id, access.scope)
    how: dict[str, Any] = {"actor": access.actor, "now": clock.now()}
    if body.verdict is ReviewVerdict.TIE:
        resolutions.tie(evidence.id, _member(body.member_id, access), body.reason, **how)
    elif body.verdict is ReviewVerdict.NOT_OURS:
        resolutions.set_aside(evidence.id, body.reason, **how)
    elif body.verdict is ReviewVerdict.REOPEN:
        resolutions.reopen(evidence.id, body.reason, **how)
    else:
        _member(evidence.member_id, access)
        resolutions.settle_time(evidence.id, present=body.verdict is ReviewVerdict.WAS_THERE, **how)
    return ChangedOut(changed=1), 200


def _member(member_id: uuid.UUID | None, access: TokenAccess) -> uuid.UUID:
    """Of the token's view; anybody else looks like nobody."""
    member = visible_member(member_id, access) if member_id else None
    if member is None:
        raise Refused("no_member", _("There is no such member."))
    return member.id
