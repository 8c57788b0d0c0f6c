"""Operations that plan: an event of a site, moving one; and what a program only prepares.

What asks a person on a page once more who they are, or a second one, is not done by a program: the answer is
202, with the address where a person confirms it.
"""

import uuid
from collections.abc import Callable
from functools import partial

from flask import request, url_for

from mobilize import audit, clock, settings
from mobilize.accounts.second_factor.step_up import ASKS_ABOVE
from mobilize.accounts.tokens.access import TokenAccess
from mobilize.accounts.tokens.models import ApiScope
from mobilize.actions.models import Action, Event
from mobilize.actions.operations import create_site_event, move_event
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.actions.visibility import changeable_event, visible_action, visible_site
from mobilize.api.operation import writing
from mobilize.api.operations import KeptAnswer, Result, answered_once
from mobilize.api.planning.forms import NewEvent, NewTime, NothingMore
from mobilize.api.reading.actions_views import event_out
from mobilize.api.schemas import EventOut, PreparedOut
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders.calling_off.operations import prepare_calling_off
from mobilize.reminders.rules.queries import may_change
from mobilize.roster.models import Site
from mobilize.texts.queries import told_about


@writing(
    "/sites/<uuid:site_id>/events", ApiScope.PLAN, tag="Plan", body=NewEvent, answer=EventOut, status=201
)
def create_event(access: TokenAccess, site_id: uuid.UUID, key: str, body: NewEvent) -> KeptAnswer:
    """Make an event at one site. It joins the union's action of that day when that one lacks the site; else
    it is an action of its own."""
    site = visible_site(site_id, access.scope)
    return _once(access, key, partial(_create, access, site, body))


@writing(
    "/events/<uuid:event_id>/move",
    ApiScope.PLAN,
    tag="Plan",
    body=NewTime,
    answer=EventOut,
    prepared=PreparedOut,
)
def change_event(access: TokenAccess, event_id: uuid.UUID, key: str, body: NewTime) -> KeptAnswer:
    """Move an event. Its poster stays good, and who was told is told again; where that is more than a hundred
    phones, a person confirms it."""
    event = changeable_event(event_id, access.scope)
    return _once(access, key, partial(_move, access, event, body))


@writing(
    "/actions/<uuid:action_id>/call-off",
    ApiScope.PLAN,
    tag="Plan",
    body=NothingMore,
    answer=PreparedOut,
    status=202,
)
def call_off(access: TokenAccess, action_id: uuid.UUID, key: str, body: NothingMore) -> KeptAnswer:
    """Prepare calling an action off. A person confirms it; for 25 members or more another one than the
    token's maker."""
    action = visible_action(action_id, access.scope)
    return _once(access, key, partial(_prepare_calling_off, access, action))


def _once(access: TokenAccess, key: str, work: Callable[[], Result]) -> KeptAnswer:
    asked_for = request.path.encode() + b"\n" + request.get_data()
    return answered_once(access, key, asked_for, work, now=clock.now())


def _create(access: TokenAccess, site: Site, body: NewEvent) -> Result:
    event = create_site_event(
        site, body.translated, body.span(site.tz), body.meet_at, actor=access.actor, now=clock.now()
    )
    return event_out(event), 201


def _move(access: TokenAccess, event: Event, body: NewTime) -> Result:
    span, now = body.span(event.tz), clock.now()
    if len(told_about(event.id)) > ASKS_ABOVE:
        audit.note(access.actor, "token.prepare", event.id, now=now)
        return PreparedOut(state="prepared", confirm_url=_form_of(event, span, body), until=None), 202
    move_event(event, span, body.meet_at, venue=body.venue, actor=access.actor, now=now)
    return event_out(event), 200


def _form_of(event: Event, span: LocalTimeRange, body: NewTime) -> str:
    """The page that moves it, with its fields filled in."""
    fields = {"day": span.day.isoformat(), "start": f"{span.start:%H:%M}", "end": f"{span.end:%H:%M}"}
    fields |= {"meet_at": body.meet_at, "venue": body.venue}
    return _address("actions.move_event", event_id=event.id, **fields)


def _prepare_calling_off(access: TokenAccess, action: Action) -> Result:
    if not may_change(action, access.scope):
        raise Refused("not_yours", _("This token cannot see all of this action."), status=403)
    now = clock.now()
    approval = prepare_calling_off(action, scope=access.scope, actor=access.maker, now=now)
    audit.note(access.actor, "token.prepare", action.id, now=now)
    address = _address("reminders.call_off", action_id=action.id)
    return PreparedOut(state="prepared", confirm_url=address, until=approval.expires_at), 202


def _address(endpoint: str, **values: object) -> str:
    return settings().public_base_url + url_for(endpoint, **values, _external=False)  # type: ignore[arg-type]
