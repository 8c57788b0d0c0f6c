"""Shifts and gates of a strike day: of one event, or of all of an action's at once."""

import uuid
from collections.abc import Sequence

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.permissions import me, signed_in
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.actions.events.shifts import local_shifts, set_shifts_and_gates, set_shifts_of_all
from mobilize.actions.forms import ShiftsForm, written
from mobilize.actions.models import Action, Event
from mobilize.actions.routes import bp
from mobilize.actions.visibility import changeable_event, may_change, visible_action, visible_events
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _, ngettext
from mobilize.roster.models import Gate


@bp.get("/events/<uuid:event_id>/shifts")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def shifts(event_id: uuid.UUID) -> str:
    """The form of an event's shifts and of its site's gates."""
    event = changeable_event(event_id, me().scope)
    return _page(event, ShiftsForm.of(local_shifts(event), _gates(event)))


@bp.post("/events/<uuid:event_id>/shifts")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def change_shifts(event_id: uuid.UUID) -> ResponseReturnValue:
    """Store shifts and gates: both, or neither."""
    event, form = changeable_event(event_id, me().scope), ShiftsForm()
    gates = written(form.gates)[:2000].splitlines()
    try:
        set_shifts_and_gates(event, form.times, gates, actor=me().actor, now=clock.now())
    except Refused as refusal:
        return _page(event, form, refusal.message), refusal.status
    flash(
        _("Saved. A check-in falls into the shift that runs, or begins within a quarter of an hour."), "done"
    )
    return redirect(url_for("actions.event", event_id=event.id), 303)


@bp.get("/actions/<uuid:action_id>/shifts")
@signed_in(RoleName.ORGANIZER)
def action_shifts(action_id: uuid.UUID) -> str:
    """The form of the shifts of all an action's events in scope."""
    action = visible_action(action_id, me().scope)
    events = _changeable(action)
    return _action_page(action, events, ShiftsForm.of(local_shifts(events[0]) if events else []))


@bp.post("/actions/<uuid:action_id>/shifts")
@signed_in(RoleName.ORGANIZER)
def change_action_shifts(action_id: uuid.UUID) -> ResponseReturnValue:
    """Store the shifts at every place in scope, or at none."""
    action = visible_action(action_id, me().scope)
    events, form = _changeable(action), ShiftsForm()
    try:
        changed = set_shifts_of_all(events, form.times, actor=me().actor, now=clock.now())
    except Refused as refusal:
        return _action_page(action, events, form, refusal.message), refusal.status
    flash(ngettext("Changed at %(num)s place.", "Changed at %(num)s places.", changed), "done")
    return redirect(url_for("actions.action", action_id=action.id), 303)


def _changeable(action: Action) -> Sequence[Event]:
    return [event for event in visible_events(action, me().scope) if may_change(event, me().scope)]


def _gates(event: Event) -> list[str]:
    if event.site_id is None:
        return []
    return list(
        db.session.scalars(select(Gate.name).where(Gate.site_id == event.site_id).order_by(Gate.name))
    )


def _page(event: Event, form: ShiftsForm, problem: str = "") -> str:
    return render_template(
        "actions/shifts.html", event=event, form=form, problem=problem, action=event.action
    )


def _action_page(action: Action, events: Sequence[Event], form: ShiftsForm, problem: str = "") -> str:
    if not events:
        abort(404)
    return render_template(
        "actions/shifts.html", event=None, form=form, problem=problem, action=action, number=len(events)
    )
