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
from mobilize.accounts.second_factor.step_up import ASKS_ABOVE
from mobilize.actions.models import Action
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _, ngettext
from mobilize.reminders.broadcasts import operations
from mobilize.reminders.broadcasts.audience import (
    AudienceReach,
    chapters_of_broadcast,
    counted,
    last_action_before,
    recipients_of,
)
from mobilize.reminders.broadcasts.estimates import estimate_broadcast
from mobilize.reminders.broadcasts.forms import (
    ANY_LANGUAGE,
    EVERYWHERE,
    NARROWED,
    SOMEWHERE,
    BroadcastForm,
    SendForm,
)
from mobilize.reminders.broadcasts.places import AreaPlaces, chapters_by_area, ticked_places
from mobilize.reminders.broadcasts.preview import MERGE_FIELDS, folded
from mobilize.reminders.broadcasts.queries import listed, may_see
from mobilize.reminders.broadcasts.recipients_text import facts_about, who_gets_it
from mobilize.reminders.models import Broadcast, BroadcastState
from mobilize.reminders.routes import bp
from mobilize.reminders.rules.views import action_in_scope
from mobilize.texts.sending.spending import limit_cents, spent_this_hour_cents


@bp.route("/actions/<uuid:action_id>/texts/new", methods=["GET", "POST"])
@signed_in(RoleName.ORGANIZER)
def compose(action_id: uuid.UUID) -> ResponseReturnValue:
    """The languages side by side, and to whom. `from` in the address takes up an earlier text."""
    action, now = action_in_scope(action_id), clock.now()
    areas, last = chapters_by_area(action, me().scope), last_action_before(action, me().scope, now)
    form = BroadcastForm(last) if request.method == "POST" else _begun(action_id, areas, last)
    if request.method == "GET":
        return _compose_page(action, form, areas)
    if form.do.data == "fold":
        form.text.write(folded(form.written))
        return _compose_page(action, form, areas)
    who: dict[str, Any] = {"scope": me().scope, "actor": me().actor, "now": now}
    try:
        if form.do.data == "count" and form.says_to_whom:
            chosen = operations.choose_recipients(action, **form.choice, **who)
            return _compose_page(action, form, areas, counted(recipients_of(chosen, now)), chosen)
        if not form.validate():
            return _compose_page(action, form, areas), 422
        written = operations.write_broadcast(action, form.written, **form.choice, **who)
    except Refused as refusal:
        form.form_errors.append(refusal.message)
        return _compose_page(action, form, areas), refusal.status
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
    """Confirm it; the first time above 2,000 people, ask the second person. A chair needs no
    step-up at their own line, unless it reaches many."""
    draft, now = visible_broadcast(broadcast_id), clock.now()
    try:
        many = estimate_broadcast(draft, now).phones > ASKS_ABOVE
        with after_step_up(needed=me().scope.is_organizer or many):
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
            "Stopped. %(num)s text will not go out.", "Stopped. %(num)s texts will not go out.", stopped
        ),
        "done",
    )
    return redirect(url_for("reminders.broadcast", broadcast_id=sent.id), 303)


def _send_or_ask(draft: Broadcast, now: datetime) -> bool:
    """Whether it is on its way; else the second person has been asked."""
    who: dict[str, Any] = {"actor": me().actor, "now": now}
    form = SendForm()
    agreed = {"long_ok": form.long_ok.data, "agreed_segments": form.agreed_segments.data}
    try:
        operations.confirm_broadcast(draft.id, **agreed, scope=me().scope, **who)
    except Refused as refusal:
        if refusal.code != "second_person":
            raise
        operations.ask_second_person(draft, **who)
        return False
    return True


def visible_broadcast(broadcast_id: uuid.UUID) -> Broadcast:
    """A broadcast that the requester may see; else it is not there."""
    broadcast = db.session.get(Broadcast, broadcast_id) or abort(404)
    return broadcast if may_see(broadcast, me().scope) else abort(404)


def _begun(action_id: uuid.UUID, areas: list[AreaPlaces], last: Action | None) -> BroadcastForm:
    """An empty form, or one with the words and recipients of an earlier text of this action."""
    started = request.args.get("from", type=uuid.UUID)
    before = db.session.get(Broadcast, started) if started else None
    if before is None or before.action_id != action_id:
        return BroadcastForm(last)
    visible_broadcast(before.id)
    places = ticked_places(areas, chapters_of_broadcast(before))
    narrowed = before.audience_filter in NARROWED
    return BroadcastForm(
        last,
        text=before.text,
        audience=(before.audience_filter if narrowed else before.audience).value,
        where=EVERYWHERE if places is None else SOMEWHERE,
        places=[str(place) for place in places or ()],
        language=before.language or ANY_LANGUAGE,
        urgent=before.urgent_reason,
    )


def _compose_page(
    action: Action,
    form: BroadcastForm,
    areas: list[AreaPlaces],
    reach: AudienceReach | None = None,
    chosen: Broadcast | None = None,
) -> str:
    ticked = set(form.places.data or ())
    who = who_gets_it(chosen, people=reach.people, phones=reach.total) if reach and chosen else None
    return render_template(
        "reminders/compose.html",
        action=action,
        form=form,
        areas=areas,
        several=sum(len(area.chapters) for area in areas) > 1,
        ticked=ticked,
        opened={area.id for area in areas if area.ids & ticked},
        who_gets_it=who,
        cannot=sum(reach.cannot.values()) if reach else 0,
        merge_fields=MERGE_FIELDS,
    )


def _broadcast_page(broadcast: Broadcast, refusal: Refused | None = None) -> str:
    now = clock.now()
    size = estimate_broadcast(broadcast, now)
    together = operations.counted_together(me().actor, size.phones, me().scope, now)
    approval = open_approval(ApprovalKind.BROADCAST, str(broadcast.id), now=now)
    to, places = facts_about(broadcast)
    in_list = listed([broadcast.id], now)[0]
    form = SendForm()
    form.agreed_segments.raw_data, form.agreed_segments.data = None, size.segments
    return render_template(
        "reminders/broadcast.html",
        broadcast=broadcast,
        form=form,
        size=size,
        to=to,
        places=places,
        who_gets_it=who_gets_it(broadcast, people=size.people, phones=size.phones),
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
        outcome=in_list.outcome,
        author=in_list.author,
        left_this_hour=limit_cents(now) - spent_this_hour_cents(now),
        ignores_windows=settings().is_demo,
    )
