"""Operations that plan: campaigns, actions, events of a site, their shifts, and moving or calling off."""

import uuid
from functools import partial
from typing import Any

from flask import abort

from mobilize import clock, settings
from mobilize.accounts.access.scope import Scope
from mobilize.accounts.second_factor.step_up import ASKS_ABOVE
from mobilize.accounts.tokens.access import TokenAccess
from mobilize.accounts.tokens.models import ApiScope
from mobilize.actions import operations
from mobilize.actions.events.shifts import set_shifts, set_shifts_and_gates, set_shifts_of_all
from mobilize.actions.line_finder.operations import show_lines
from mobilize.actions.models import Action, ActionKind, Campaign, Event
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.actions.visibility import (
    areas_to_choose,
    changeable_event,
    may_change,
    may_choose_every_site,
    visible_action,
    visible_events,
    visible_site,
)
from mobilize.api.endpoint import writing
from mobilize.api.idempotency import KeptAnswer, Result, done_once
from mobilize.api.planning.confirmations import refuse_part, to_be_confirmed
from mobilize.api.planning.forms import (
    ActionPlan,
    CampaignPlan,
    LinesShown,
    NewEvent,
    NewTime,
    NothingMore,
    ShiftsAndGates,
    ShiftsPlan,
)
from mobilize.api.reading.actions_views import action_out, campaign_out, event_out
from mobilize.api.schemas import ActionOut, CampaignOut, ChangedOut, EventOut, PreparedOut
from mobilize.database import db, new_id
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders.calling_off.operations import prepare_calling_off
from mobilize.reminders.rules.queries import may_change as may_change_all
from mobilize.roster.models import Area, Site
from mobilize.texts.queries import told_about

_PLAN = ApiScope.PLAN


@writing("/campaigns", _PLAN, tag="Plan", body=CampaignPlan, answer=CampaignOut, status=201)
def create_campaign(access: TokenAccess, key: str, body: CampaignPlan) -> KeptAnswer:
    """Make a campaign. It has no action yet."""
    return done_once(access, key, partial(_create_campaign, access, body))


@writing("/campaigns/<uuid:campaign_id>", _PLAN, tag="Plan", body=CampaignPlan, answer=CampaignOut)
def change_campaign(access: TokenAccess, campaign_id: uuid.UUID, key: str, body: CampaignPlan) -> KeptAnswer:
    """Change a campaign's name and demands: on pages, receipts, and posters printed later."""
    campaign = db.session.get(Campaign, campaign_id) or abort(404)
    return done_once(access, key, partial(_change_campaign, access, campaign, body))


@writing("/actions", _PLAN, tag="Plan", body=ActionPlan, answer=PreparedOut, status=202)
def create_action(access: TokenAccess, key: str, body: ActionPlan) -> KeptAnswer:
    """Prepare an action at many sites, or a rally. A person looks at it and makes it; then it has the `id`
    that is answered."""
    return done_once(access, key, partial(_prepare_action, access, body))


@writing("/sites/<uuid:site_id>/events", _PLAN, tag="Plan", body=NewEvent, answer=EventOut, status=201)
def create_event(access: TokenAccess, site_id: uuid.UUID, key: str, body: NewEvent) -> KeptAnswer:
    """Make an event at one site. It joins the union's action of that day when that one lacks the site; else
    it is an action of its own."""
    site = visible_site(site_id, access.scope)
    return done_once(access, key, partial(_create_event, access, site, body))


@writing(
    "/events/<uuid:event_id>/move",
    _PLAN,
    tag="Plan",
    body=NewTime,
    answer=EventOut,
    prepared=PreparedOut,
)
def change_event(access: TokenAccess, event_id: uuid.UUID, key: str, body: NewTime) -> KeptAnswer:
    """Move an event. Its poster stays good, and who was told is told again; where that is more than a hundred
    phones, a person confirms it."""
    event = changeable_event(event_id, access.scope)
    return done_once(access, key, partial(_move, access, event, body))


@writing("/events/<uuid:event_id>/shifts", _PLAN, tag="Plan", body=ShiftsAndGates, answer=EventOut)
def change_shifts(access: TokenAccess, event_id: uuid.UUID, key: str, body: ShiftsAndGates) -> KeptAnswer:
    """Give an event these shifts, and its site these gates: both, or neither."""
    event = changeable_event(event_id, access.scope)
    return done_once(access, key, partial(_change_shifts, access, event, body))


@writing("/actions/<uuid:action_id>/shifts", _PLAN, tag="Plan", body=ShiftsPlan, answer=ChangedOut)
def change_action_shifts(access: TokenAccess, action_id: uuid.UUID, key: str, body: ShiftsPlan) -> KeptAnswer:
    """Give every event of an action that is in view and not over these shifts, or none of them."""
    action = visible_action(action_id, access.scope)
    return done_once(access, key, partial(_change_action_shifts, access, action, body))


@writing("/actions/<uuid:action_id>/line-finder", _PLAN, tag="Plan", body=LinesShown, answer=ActionOut)
def show_action_lines(access: TokenAccess, action_id: uuid.UUID, key: str, body: LinesShown) -> KeptAnswer:
    """Let anybody look up an action's lines on *Where is my line?*, or no longer. For a token of the whole
    union."""
    action = visible_action(action_id, access.scope)
    return done_once(access, key, partial(_show_lines, access, action, body))


@writing(
    "/actions/<uuid:action_id>/call-off",
    _PLAN,
    tag="Plan",
    body=NothingMore,
    answer=PreparedOut,
    status=202,
)
def call_off(access: TokenAccess, action_id: uuid.UUID, key: str, body: NothingMore) -> KeptAnswer:
    """Prepare calling an action off. A person confirms it; for 25 members or more another one than the
    token's maker."""
    action = visible_action(action_id, access.scope)
    return done_once(access, key, partial(_prepare_calling_off, access, action))


def _create_campaign(access: TokenAccess, body: CampaignPlan) -> Result:
    name, demands = body.name.translated, body.demands.translated
    campaign = operations.create_campaign(name, demands, actor=access.actor, now=clock.now())
    return campaign_out(campaign), 201


def _change_campaign(access: TokenAccess, campaign: Campaign, body: CampaignPlan) -> Result:
    name, demands = body.name.translated, body.demands.translated
    operations.change_campaign(campaign, name, demands, actor=access.actor, now=clock.now())
    return campaign_out(campaign), 200


def _prepare_action(access: TokenAccess, body: ActionPlan) -> Result:
    span = body.span(settings().union_timezone)
    if body.campaign_id and db.session.get(Campaign, body.campaign_id) is None:
        raise Refused("no_campaign", _("There is no such campaign."))
    new = operations.NewAction(
        name=body.name.translated,
        kind=body.kind,
        span=span,
        campaign_id=body.campaign_id,
        drill=body.drill,
        elsewhere_ok=body.elsewhere_ok,
        target_percent=body.target_percent,
        id=new_id(),
    )
    _refuse_what_cannot_be(access, new, body)
    fields = _fields_of_action(new, span, body)
    return to_be_confirmed(access, new.id, "actions.new_action", id=new.id, **fields)


def _refuse_what_cannot_be(access: TokenAccess, new: operations.NewAction, body: ActionPlan) -> None:
    """It is made and taken back, so that it is declined by the rules of making it, and by no others."""
    areas = _areas(access.scope, body.area_ids)
    how: dict[str, Any] = {"areas": areas, "actor": access.actor, "now": clock.now()}
    if body.ends_at <= clock.now():
        raise Refused("in_the_past", _("That time is over already. Check the day."))
    with db.session.begin_nested() as attempt:
        if new.kind is ActionKind.RALLY:
            operations.create_rally(new, body.venue, **how)
        else:
            operations.create_action_at_sites(new, **how)
        attempt.rollback()


def _areas(scope: Scope, area_ids: list[uuid.UUID] | None) -> list[Area] | None:
    if area_ids is None:
        if not may_choose_every_site(scope):
            raise Refused("not_yours", _("This token does not see every site. Name its areas."), status=403)
        return None
    visible = {area.id: area for area, _sites in areas_to_choose(scope)}
    if not visible.keys() >= set(area_ids):
        raise Refused("no_area", _("There is no such area."))
    return [visible[area_id] for area_id in dict.fromkeys(area_ids)]


def _fields_of_action(new: operations.NewAction, span: LocalTimeRange, body: ActionPlan) -> dict[str, Any]:
    """As the form of a new action takes them."""
    names = {f"name_{code}": text for code, text in new.name.items()}
    where = {"where": "areas", "areas": body.area_ids} if body.area_ids else {"where": "every-site"}
    switches = {name: "y" for name in ("elsewhere_ok", "drill") if getattr(new, name)}
    fields: dict[str, Any] = {
        "form_id": new.id, "kind": new.kind, "venue": body.venue or None, "campaign": new.campaign_id,
        "target_percent": new.target_percent, **names, **where, **switches, **_when(span),
    }  # fmt: skip
    return {**fields, "second_hour": "second" if span.second_hour else None}


def _create_event(access: TokenAccess, site: Site, body: NewEvent) -> Result:
    name, span = body.name.translated, body.span(site.tz)
    event = operations.create_site_event(site, name, span, body.meet_at, actor=access.actor, now=clock.now())
    return event_out(event), 201


def _move(access: TokenAccess, event: Event, body: NewTime) -> Result:
    span = body.span(event.tz)
    if len(told_about(event.id)) > ASKS_ABOVE:
        fields = {**_when(span), "meet_at": body.meet_at, "venue": body.venue}
        return to_be_confirmed(access, event.id, "actions.move_event", event_id=event.id, **fields)
    operations.move_event(event, span, body.meet_at, venue=body.venue, actor=access.actor, now=clock.now())
    return event_out(event), 200


def _when(span: LocalTimeRange) -> dict[str, Any]:
    return {"day": span.day.isoformat(), "start": f"{span.start:%H:%M}", "end": f"{span.end:%H:%M}"}


def _change_shifts(access: TokenAccess, event: Event, body: ShiftsAndGates) -> Result:
    if body.gates is None:
        set_shifts(event, body.times, actor=access.actor, now=clock.now())
    else:
        set_shifts_and_gates(event, body.times, body.gates, actor=access.actor, now=clock.now())
    return event_out(event), 200


def _change_action_shifts(access: TokenAccess, action: Action, body: ShiftsPlan) -> Result:
    scope = access.scope
    events = [event for event in visible_events(action, scope) if may_change(event, scope)]
    changed = set_shifts_of_all(events, body.times, actor=access.actor, now=clock.now())
    return ChangedOut(changed=changed), 200


def _show_lines(access: TokenAccess, action: Action, body: LinesShown) -> Result:
    refuse_part(access.scope.everything)
    show_lines(action, body.show, actor=access.actor, now=clock.now())
    return action_out(action), 200


def _prepare_calling_off(access: TokenAccess, action: Action) -> Result:
    refuse_part(may_change_all(action, access.scope))
    approval = prepare_calling_off(action, scope=access.scope, actor=access.maker, now=clock.now())
    until = approval.expires_at
    return to_be_confirmed(access, action.id, "reminders.call_off", until=until, action_id=action.id)
