"""Operations that read campaigns, actions, events and shifts, and what was counted at a line."""

import uuid
from collections.abc import Sequence

from flask import abort
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from mobilize import clock
from mobilize.accounts.tokens.access import TokenAccess
from mobilize.accounts.tokens.models import ApiScope
from mobilize.actions.models import Action, Campaign, Event, Shift
from mobilize.actions.visibility import in_scope, visible_action, visible_event
from mobilize.api.endpoint import reading
from mobilize.api.fields import Moment
from mobilize.api.paging import PageQuery, cut_page, read_page
from mobilize.api.schemas import (
    ActionListOut,
    ActionOut,
    CampaignListOut,
    CampaignOut,
    EventListOut,
    EventOut,
    GateOut,
    HeadCountListOut,
    HeadCountOut,
    ShiftListOut,
    ShiftOut,
    SupportersOut,
)
from mobilize.checkins.line.queries import gates_of
from mobilize.checkins.models import HeadCount
from mobilize.checkins.record.head_counts import supporters_at
from mobilize.database import db
from mobilize.roster.models import Gate
from mobilize.roster.queries import gates_of_sites


class ActionsQuery(PageQuery):
    """Which actions."""

    campaign_id: uuid.UUID | None = Field(None, description="Only of this campaign.")


class EventsQuery(PageQuery):
    """Which events."""

    action_id: uuid.UUID | None = Field(None, description="Only of this action.")
    site_id: uuid.UUID | None = Field(None, description="Only at this site.")
    starts_before: Moment | None = Field(None, description="Only those that start before this moment.")
    ends_after: Moment | None = Field(None, description="Only those that end after this moment.")


@reading("/campaigns", ApiScope.READ, tag="Actions", answer=CampaignListOut, query=PageQuery)
def campaigns(access: TokenAccess, query: PageQuery) -> CampaignListOut:
    """Every campaign, with its demands: they stand on every poster."""
    rows, more = read_page(select(Campaign), Campaign.id, query)
    return CampaignListOut(data=[campaign_out(row) for row in rows], next=more)


@reading("/campaigns/<uuid:campaign_id>", ApiScope.READ, tag="Actions", answer=CampaignOut)
def campaign(access: TokenAccess, campaign_id: uuid.UUID) -> CampaignOut:
    """One campaign."""
    return campaign_out(db.session.get(Campaign, campaign_id) or abort(404))


@reading("/actions", ApiScope.READ, tag="Actions", answer=ActionListOut, query=ActionsQuery)
def actions(access: TokenAccess, query: ActionsQuery) -> ActionListOut:
    """The actions of which an event is in view."""
    events = in_scope(select(Event.action_id), access.scope)
    selected = select(Action).where(Action.id.in_(events))
    if query.campaign_id:
        selected = selected.where(Action.campaign_id == query.campaign_id)
    rows, more = read_page(selected, Action.id, query)
    return ActionListOut(data=[action_out(row) for row in rows], next=more)


@reading("/actions/<uuid:action_id>", ApiScope.READ, tag="Actions", answer=ActionOut)
def action(access: TokenAccess, action_id: uuid.UUID) -> ActionOut:
    """One action."""
    return action_out(visible_action(action_id, access.scope))


@reading(
    "/events",
    ApiScope.READ,
    tag="Actions",
    answer=EventListOut,
    query=EventsQuery,
    also={422: "`bad_time`: the year is a slip"},
)
def events(access: TokenAccess, query: EventsQuery) -> EventListOut:
    """The events: actions at one place each."""
    selected = in_scope(select(Event), access.scope).options(selectinload(Event.shifts))
    if query.action_id:
        selected = selected.where(Event.action_id == query.action_id)
    if query.site_id:
        selected = selected.where(Event.site_id == query.site_id)
    if query.starts_before:
        selected = selected.where(Event.starts_at < query.starts_before)
    if query.ends_after:
        selected = selected.where(Event.ends_at > query.ends_after)
    rows, more = read_page(selected, Event.id, query)
    gates = gates_of_sites([row.site_id for row in rows if row.site_id])
    return EventListOut(data=[_event(row, gates[row.site_id]) for row in rows], next=more)


@reading("/events/<uuid:event_id>", ApiScope.READ, tag="Actions", answer=EventOut)
def event(access: TokenAccess, event_id: uuid.UUID) -> EventOut:
    """One event."""
    return event_out(visible_event(event_id, access.scope))


@reading("/events/<uuid:event_id>/shifts", ApiScope.READ, tag="Actions", answer=ShiftListOut, query=PageQuery)
def shifts(access: TokenAccess, event_id: uuid.UUID, query: PageQuery) -> ShiftListOut:
    """The shifts of an event."""
    row = visible_event(event_id, access.scope)
    rows, more = cut_page(row.shifts, query, lambda shift: shift.id)
    return ShiftListOut(data=[_shift(shift, row.tz) for shift in rows], next=more)


@reading(
    "/events/<uuid:event_id>/head-counts",
    ApiScope.READ,
    tag="At the line",
    answer=HeadCountListOut,
    query=PageQuery,
)
def head_counts(access: TokenAccess, event_id: uuid.UUID, query: PageQuery) -> HeadCountListOut:
    """Every head count of a line, those that were taken back too."""
    row = visible_event(event_id, access.scope)
    rows, more = read_page(select(HeadCount).where(HeadCount.event_id == row.id), HeadCount.id, query)
    return HeadCountListOut(data=[_head_count(count) for count in rows], next=more)


@reading("/events/<uuid:event_id>/supporters", ApiScope.READ, tag="At the line", answer=SupportersOut)
def supporters(access: TokenAccess, event_id: uuid.UUID) -> SupportersOut:
    """The supporters at a line."""
    row = visible_event(event_id, access.scope)
    return SupportersOut(event_id=row.id, n=supporters_at(row.id))


def event_out(row: Event) -> EventOut:
    """An event as the API tells of it, on the clock of its place."""
    return _event(row, gates_of(row))


def _event(row: Event, gates: Sequence[Gate]) -> EventOut:
    return EventOut(
        id=row.id,
        action_id=row.action_id,
        site_id=row.site_id,
        area_id=row.area_id,
        venue=row.venue,
        meet_at=row.meet_at,
        timezone=row.tz,
        code=row.code,
        text_code=row.text_code,
        check_in_url=row.check_in_address,
        starts_at=clock.local(row.starts_at, row.tz),
        ends_at=clock.local(row.ends_at, row.tz),
        state=row.state,
        version=row.version,
        shifts=[_shift(shift, row.tz) for shift in row.shifts],
        gates=[GateOut(id=gate.id, name=gate.name) for gate in gates],
    )


def campaign_out(row: Campaign) -> CampaignOut:
    """A campaign as the API tells of it."""
    return CampaignOut(id=row.id, name=dict(row.name), demands=dict(row.demands))


def action_out(row: Action) -> ActionOut:
    """An action as the API tells of it."""
    return ActionOut(
        id=row.id,
        campaign_id=row.campaign_id,
        kind=row.kind,
        name=dict(row.name),
        drill=row.drill,
        target_percent=row.target_percent,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        called_off_at=row.called_off_at,
        lines_shown_at=row.line_finder_at,
    )


def _shift(row: Shift, zone: str) -> ShiftOut:
    return ShiftOut(
        id=row.id, starts_at=clock.local(row.starts_at, zone), ends_at=clock.local(row.ends_at, zone)
    )


def _head_count(row: HeadCount) -> HeadCountOut:
    return HeadCountOut(
        id=row.id,
        shift_id=row.shift_id,
        gate_id=row.gate_id,
        n=row.n,
        counted_at=row.counted_at,
        counts=row.voided_at is None,
    )
