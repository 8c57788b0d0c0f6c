"""The inbox: what people texted and no rule could answer."""

import uuid

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.entrance import me, signed_in
from mobilize.accounts.models import RoleName
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders import duty
from mobilize.reminders import inbox as operations
from mobilize.reminders.blueprint import bp
from mobilize.texts.models import Inbound


@bp.get("/inbox")
@signed_in()
def inbox() -> str:
    """A chair sees her chapter's texts, an organizer her areas', the office all."""
    return _page()


@bp.post("/inbox/duty")
@signed_in(RoleName.ORGANIZER)
def take_duty() -> Response:
    """On duty for so many hours, or not any more."""
    hours = request.form.get("hours", "")
    person = me().person or abort(403)
    duty.take_duty(person, int(hours) if hours in {"4", "8", "12"} else 0, now=clock.now())
    flash(_("You are on duty.") if hours in {"4", "8", "12"} else _("You are off duty."), "done")
    return redirect(url_for("reminders.inbox"), 303)


@bp.post("/inbox/<uuid:inbound_id>/done")
@signed_in()
def finish_letter(inbound_id: uuid.UUID) -> Response:
    """It needs no answer, or had one by phone."""
    operations.finish_letter(_letter(inbound_id), actor=me().actor, now=clock.now())
    return redirect(url_for("reminders.inbox"), 303)


@bp.post("/inbox/<uuid:inbound_id>/answer")
@signed_in()
def answer_letter(inbound_id: uuid.UUID) -> Response | tuple[str, int]:
    """Answer by text, from the union's number."""
    found, typed = _letter(inbound_id), request.form.get("answer", "")
    try:
        operations.answer_letter(found, typed, actor=me().actor, now=clock.now())
    except Refused as refusal:
        return _page(inbound_id, typed, refusal), refusal.status
    flash(_("Your answer is on its way."), "done")
    return redirect(url_for("reminders.inbox"), 303)


def _letter(inbound_id: uuid.UUID) -> Inbound:
    return operations.letter_in_scope(inbound_id, me().scope, clock.now()) or abort(404)


def _page(answered: uuid.UUID | None = None, typed: str = "", refusal: Refused | None = None) -> str:
    now, person = clock.now(), me().person or abort(403)
    return render_template(
        "reminders/inbox.html",
        letters=operations.letters(me().scope, now),
        duty=duty.duty_of(person, now),
        answered=answered,
        typed=typed,
        refusal=refusal,
    )
