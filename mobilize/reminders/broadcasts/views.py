"""The composer: a text about an action is written, looked at with its price, tried, and confirmed."""

import uuid
from datetime import datetime
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from mobilize import clock, settings
from mobilize.accounts.access.permissions import after_step_up, me, signed_in
from mobilize.accounts.approvals.models import ApprovalState
from mobilize.accounts.approvals.operations import ApprovalKind, needs_second_person, open_approval
from mobilize.accounts.models import RoleName
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _, ngettext
from mobilize.reminders.broadcasts import operations
from mobilize.reminders.broadcasts.estimates import chapters_of_broadcast, estimate_broadcast, outcome_of
from mobilize.reminders.broadcasts.forms import MISSING, BroadcastForm, SendForm
from mobilize.reminders.broadcasts.preview import BLANKS, folded
from mobilize.reminders.models import Audience, Broadcast, BroadcastState
from mobilize.reminders.routes import bp
from mobilize.reminders.rules.views import action_in_scope
from mobilize.roster.models import Site
from mobilize.texts.sending.spending import limit_cents, spent_this_hour_cents


@bp.route("/actions/<uuid:action_id>/texts/new", methods=["GET", "POST"])
@signed_in(RoleName.ORGANIZER)
def compose(action_id: uuid.UUID) -> ResponseReturnValue:
    """The languages side by side. `from` in the address takes up a text that was written before."""
    action = action_in_scope(action_id)
    form = BroadcastForm() if request.method == "POST" else _begun(action_id)
    if request.method == "GET":
        return _compose_page(action, form)
    if form.do.data == "fold":
        form.text.write(folded(form.written))
        return _compose_page(action, form)
    try:
        if not form.validate():
            return _compose_page(action, form), 422
        audience, only_missing = form.chosen_audience
        written = operations.write_broadcast(
            action,
            form.written,
            audience,
            only_missing=only_missing,
            urgent_reason=form.urgent.data or "",
            scope=me().scope,
            actor=me().actor,
            now=clock.now(),
        )
    except Refused as refusal:
        form.form_errors.append(refusal.message)
        return _compose_page(action, form), refusal.status
    return redirect(url_for("reminders.broadcast", broadcast_id=written.id), 303)


@bp.get("/broadcasts/<uuid:broadcast_id>")
@signed_in()
def broadcast(broadcast_id: uuid.UUID) -> str:
    """One text somebody wrote: whom it reaches, what it costs, how it reads, and what became of it."""
    return _broadcast_page(visible_broadcast(broadcast_id))


@bp.post("/broadcasts/<uuid:broadcast_id>/test")
@signed_in()
def test_broadcast(broadcast_id: uuid.UUID) -> ResponseReturnValue:
    """Text it to the writer's own phone."""
    draft, person = visible_broadcast(broadcast_id), me().person
    try:
        operations.test_broadcast(draft, person or abort(403), now=clock.now())
    except Refused as refusal:
        return _broadcast_page(draft, refusal), refusal.status
    flash(_("It is on its way to your phone."), "done")
    return redirect(url_for("reminders.broadcast", broadcast_id=draft.id), 303)


@bp.post("/broadcasts/<uuid:broadcast_id>/send")
@signed_in(step_up=True)
def send_broadcast(broadcast_id: uuid.UUID) -> ResponseReturnValue:
    """Confirm it; the first time above 2,000 people, ask the second person."""
    draft, now = visible_broadcast(broadcast_id), clock.now()
    try:
        with after_step_up(needed=me().scope.is_organizer):
            sent = _send_or_ask(draft, now)
    except Refused as refusal:
        return _broadcast_page(draft, refusal), refusal.status
    if not sent:
        flash(_("A second person has been asked. When they agree, send it from here."), "note")
    return redirect(url_for("reminders.broadcast", broadcast_id=draft.id), 303)


@bp.post("/broadcasts/<uuid:broadcast_id>/call-back")
@signed_in()
def call_back_broadcast(broadcast_id: uuid.UUID) -> ResponseReturnValue:
    """Stop what has not left yet."""
    sent, organizer = visible_broadcast(broadcast_id), me().scope.is_organizer
    try:
        stopped = operations.call_back_broadcast(
            sent.id, any_author=organizer, actor=me().actor, now=clock.now()
        )
    except Refused as refusal:
        return _broadcast_page(sent, refusal), refusal.status
    flash(
        ngettext(
            "Called back. %(num)s text does not leave.", "Called back. %(num)s texts do not leave.", stopped
        ),
        "done",
    )
    return redirect(url_for("reminders.broadcast", broadcast_id=sent.id), 303)


def _send_or_ask(draft: Broadcast, now: datetime) -> bool:
    """Whether it is on its way; else the second person has been asked."""
    who: dict[str, Any] = {"actor": me().actor, "now": now}
    try:
        operations.confirm_broadcast(draft.id, long_ok=SendForm().long_ok.data, scope=me().scope, **who)
    except Refused as refusal:
        if refusal.code != "second_person":
            raise
        operations.ask_second_person(draft, **who)
        return False
    return True


def visible_broadcast(broadcast_id: uuid.UUID) -> Broadcast:
    """A broadcast all of whose chapters are in scope; else it is not there."""
    broadcast = db.session.get(Broadcast, broadcast_id) or abort(404)
    chapters = chapters_of_broadcast(broadcast)
    inside = me().scope.everything or (
        chapters is not None and all(me().scope.sees(db.session.get(Site, one)) for one in chapters)
    )
    return broadcast if inside else abort(404)


def _begun(action_id: uuid.UUID) -> BroadcastForm:
    """An empty form, or one with the words of an earlier text of this action."""
    started = request.args.get("from", type=uuid.UUID)
    before = db.session.get(Broadcast, started) if started else None
    if before is None or before.action_id != action_id:
        return BroadcastForm()
    visible_broadcast(before.id)
    audience = Audience.CHAIRS if before.audience is Audience.CHAIRS else Audience.MEMBERS
    chosen = MISSING if before.only_missing else audience.value
    return BroadcastForm(text=before.text, audience=chosen, urgent=before.urgent_reason)


def _compose_page(action: object, form: BroadcastForm) -> str:
    return render_template("reminders/compose.html", action=action, form=form, blanks=BLANKS)


def _broadcast_page(broadcast: Broadcast, refusal: Refused | None = None) -> str:
    now = clock.now()
    size = estimate_broadcast(broadcast, now)
    together = operations.counted_together(me().actor, size.phones, me().scope, now)
    approval = open_approval(ApprovalKind.BROADCAST, str(broadcast.id), now=now)
    return render_template(
        "reminders/broadcast.html",
        broadcast=broadcast,
        form=SendForm(),
        size=size,
        refusal=refusal,
        is_own=broadcast.made_by == me().actor,
        is_draft=broadcast.state is BroadcastState.DRAFT,
        is_queueing=broadcast.state is BroadcastState.QUEUEING,
        wants_second=needs_second_person(ApprovalKind.BROADCAST, together),
        together=together,
        is_approved=approval is not None and approval.state is ApprovalState.APPROVED,
        is_requested=approval is not None,
        rate=settings().segments_per_second,
        a_day=settings().segments_a_day,
        outcome=outcome_of(broadcast),
        left_this_hour=limit_cents(now) - spent_this_hour_cents(now),
        ignores_windows=settings().is_demo,
    )
