"""The composer: a text about an action is written, looked at with its price, tried, and confirmed."""

import uuid
from datetime import datetime
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts.approval_models import ApprovalState
from mobilize.accounts.approvals import Kind, needs_second_person, open_approval
from mobilize.accounts.entrance import after_step_up, me, signed_in
from mobilize.accounts.models import RoleName
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders import broadcasts as operations
from mobilize.reminders.blueprint import bp
from mobilize.reminders.broadcast_forms import BroadcastForm
from mobilize.reminders.broadcast_sizing import chapters_of_broadcast, sizing
from mobilize.reminders.composing import BLANKS, folded
from mobilize.reminders.models import Audience, Broadcast, BroadcastState
from mobilize.reminders.rule_views import action_in_scope
from mobilize.roster.models import Site
from mobilize.texts.spending import limit_cents, spent_this_hour_cents

Answer = Response | str | tuple[str, int]


@bp.route("/actions/<uuid:action_id>/texts/new", methods=["GET", "POST"])
@signed_in(RoleName.ORGANIZER)
def compose(action_id: uuid.UUID) -> Answer:
    """Both languages side by side. `from` in the address takes up a text that was written before."""
    action = action_in_scope(action_id)
    form = BroadcastForm(request.form) if request.method == "POST" else _begun(action_id)
    if request.method == "GET":
        return _compose_page(action, form)
    if request.form.get("do") == "fold":
        form.text_en.data, form.text_es.data = folded(form.written).en, folded(form.written).es
        return _compose_page(action, form)
    try:
        if not form.validate():
            return _compose_page(action, form), 422
        found = operations.write_broadcast(
            action,
            form.written,
            Audience(form.audience.data),
            urgent_reason=form.urgent.data or "",
            scope=me().scope,
            actor=me().actor,
            now=clock.now(),
        )
    except Refused as refusal:
        form.form_errors.append(refusal.message)
        return _compose_page(action, form), refusal.status
    return redirect(url_for("reminders.broadcast", broadcast_id=found.id), 303)


@bp.get("/broadcasts/<uuid:broadcast_id>")
@signed_in()
def broadcast(broadcast_id: uuid.UUID) -> str:
    """One text somebody wrote: whom it reaches, what it costs, how it reads, and what became of it."""
    return _broadcast_page(seen_broadcast(broadcast_id))


@bp.post("/broadcasts/<uuid:broadcast_id>/test")
@signed_in()
def test_broadcast(broadcast_id: uuid.UUID) -> Answer:
    """Text it to her own phone."""
    found, person = seen_broadcast(broadcast_id), me().person
    try:
        operations.test_broadcast(found, person or abort(403), now=clock.now())
    except Refused as refusal:
        return _broadcast_page(found, refusal), refusal.status
    flash(_("It is on its way to your phone."), "done")
    return redirect(url_for("reminders.broadcast", broadcast_id=found.id), 303)


@bp.post("/broadcasts/<uuid:broadcast_id>/send")
@signed_in(step_up=True)
def send_broadcast(broadcast_id: uuid.UUID) -> Answer:
    """Confirm it; the first time above 2,000 people, ask the second person."""
    found, now = seen_broadcast(broadcast_id), clock.now()
    try:
        with after_step_up(needed=me().scope.is_organizer):
            sent = _send_or_ask(found, now)
    except Refused as refusal:
        return _broadcast_page(found, refusal), refusal.status
    if not sent:
        flash(_("A second person has been asked. When they agree, send it from here."), "note")
    return redirect(url_for("reminders.broadcast", broadcast_id=found.id), 303)


def _send_or_ask(found: Broadcast, now: datetime) -> bool:
    """Is it on its way? Else the second person has been asked."""
    who: dict[str, Any] = {"actor": me().actor, "now": now}
    try:
        operations.confirm_broadcast(found.id, long_ok="long_ok" in request.form, scope=me().scope, **who)
    except Refused as refusal:
        if refusal.code != "second_person":
            raise
        operations.ask_second_person(found, **who)
        return False
    return True


def seen_broadcast(broadcast_id: uuid.UUID) -> Broadcast:
    """A broadcast all of whose chapters are in scope; else it is not there."""
    found = db.session.get(Broadcast, broadcast_id) or abort(404)
    chapters = chapters_of_broadcast(found)
    inside = me().scope.everything or (
        chapters is not None and all(me().scope.sees(db.session.get(Site, one)) for one in chapters)
    )
    return found if inside else abort(404)


def _begun(action_id: uuid.UUID) -> BroadcastForm:
    """An empty form, or one with the words of an earlier text of this action."""
    started = request.args.get("from", type=uuid.UUID)
    before = db.session.get(Broadcast, started) if started else None
    if before is None or before.action_id != action_id:
        return BroadcastForm()
    seen_broadcast(before.id)
    audience = Audience.CHAIRS if before.audience is Audience.CHAIRS else Audience.MEMBERS
    return BroadcastForm(
        data={
            "text_en": before.text_en,
            "text_es": before.text_es,
            "audience": audience.value,
            "urgent": before.urgent_reason,
        }
    )


def _compose_page(action: object, form: BroadcastForm) -> str:
    return render_template("reminders/compose.html", action=action, form=form, blanks=BLANKS)


def _broadcast_page(found: Broadcast, refusal: Refused | None = None) -> str:
    now = clock.now()
    size = sizing(found, now)
    together = operations.counted_together(me().actor, size.phones, me().scope, now)
    asked = open_approval(Kind.BROADCAST, str(found.id), now=now)
    return render_template(
        "reminders/broadcast.html",
        broadcast=found,
        size=size,
        refusal=refusal,
        mine=found.made_by == me().actor,
        is_draft=found.state is BroadcastState.DRAFT,
        wants_second=needs_second_person(Kind.BROADCAST, together),
        together=together,
        agreed=asked is not None and asked.state is ApprovalState.APPROVED,
        asked=asked is not None,
        rate=settings().segments_per_second,
        left_this_hour=limit_cents(now) - spent_this_hour_cents(now),
        ignores_windows=settings().is_demo,
    )
