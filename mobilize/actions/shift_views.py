"""Shifts and gates of a strike day: of one event, or of all of an action's at once."""

import uuid
from collections.abc import Sequence
from datetime import time

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.entrance import me, signed_in
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.actions.blueprint import bp
from mobilize.actions.models import Action, Event
from mobilize.actions.seen import changeable_event, may_change, seen_action, seen_events
from mobilize.actions.shifts import (
    MOST_SHIFTS,
    ShiftTimes,
    local_shifts,
    name_gates,
    set_shifts,
    set_shifts_of_all,
)
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _, ngettext
from mobilize.roster.models import Gate

Answer = str | tuple[str, int] | Response


@bp.get("/events/<uuid:event_id>/shifts")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def shifts(event_id: uuid.UUID) -> str:
    """Its shifts and its site's gates, to be changed."""
    event = changeable_event(event_id, me().scope)
    return _page(event, local_shifts(event), _gates(event))


@bp.post("/events/<uuid:event_id>/shifts")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def change_shifts(event_id: uuid.UUID) -> Answer:
    """Both at once, or neither."""
    event, now = changeable_event(event_id, me().scope), clock.now()
    gates = request.form.get("gates", "").replace("\0", "")[:2000].splitlines()
    times: list[ShiftTimes] = []
    try:
        times = _times()
        with atomic():
            set_shifts(event, times, actor=me().actor, now=now)
            if event.site_id:
                name_gates(event.site_id, gates, actor=me().actor, now=now)
    except Refused as refusal:
        return _page(event, times or local_shifts(event), gates, refusal.message), refusal.status
    flash(
        _("Saved. A check-in falls into the shift that runs, or begins within a quarter of an hour."), "done"
    )
    return redirect(url_for("actions.event", event_id=event.id), 303)


@bp.get("/actions/<uuid:action_id>/shifts")
@signed_in(RoleName.ORGANIZER)
def action_shifts(action_id: uuid.UUID) -> str:
    """The same shifts for every place in scope."""
    action = seen_action(action_id, me().scope)
    events = _changeable(action)
    return _action_page(action, events, local_shifts(events[0]) if events else [])


@bp.post("/actions/<uuid:action_id>/shifts")
@signed_in(RoleName.ORGANIZER)
def change_action_shifts(action_id: uuid.UUID) -> Answer:
    """At every place in scope, or at none."""
    action = seen_action(action_id, me().scope)
    events, times = _changeable(action), list[ShiftTimes]()
    try:
        times = _times()
        changed = set_shifts_of_all(events, times, actor=me().actor, now=clock.now())
    except Refused as refusal:
        return _action_page(action, events, times, refusal.message), refusal.status
    flash(ngettext("Changed at %(num)s place.", "Changed at %(num)s places.", changed), "done")
    return redirect(url_for("actions.action", action_id=action.id), 303)


def _changeable(action: Action) -> Sequence[Event]:
    return [event for event in seen_events(action, me().scope) if may_change(event, me().scope)]


def _times() -> list[ShiftTimes]:
    """What the rows say; an empty row is none. Raises `Refused` for half a row."""
    rows = [
        (request.form.get(f"start-{n}", ""), request.form.get(f"end-{n}", "")) for n in range(MOST_SHIFTS)
    ]
    try:
        return [ShiftTimes(*map(time.fromisoformat, row)) for row in rows if any(row)]
    except ValueError:
        raise Refused("bad_time", _("Say for each shift when it starts and when it ends.")) from None


def _gates(event: Event) -> list[str]:
    if event.site_id is None:
        return []
    return list(
        db.session.scalars(select(Gate.name).where(Gate.site_id == event.site_id).order_by(Gate.name))
    )


def _page(event: Event, times: Sequence[ShiftTimes], gates: Sequence[str], problem: str = "") -> str:
    return render_template(
        "actions/shifts.html",
        event=event,
        rows=_rows(times),
        gates=gates,
        problem=problem,
        action=event.action,
    )


def _action_page(
    action: Action, events: Sequence[Event], times: Sequence[ShiftTimes], problem: str = ""
) -> str:
    if not events:
        abort(404)
    return render_template(
        "actions/shifts.html",
        event=None,
        rows=_rows(times),
        action=action,
        number=len(events),
        problem=problem,
    )


def _rows(times: Sequence[ShiftTimes]) -> list[tuple[str, str]]:
    filled = [(f"{one.start:%H:%M}", f"{one.end:%H:%M}") for one in times]
    return (filled + [("", "")] * MOST_SHIFTS)[:MOST_SHIFTS]
