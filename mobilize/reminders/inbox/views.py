"""The inbox: what waits for a person, how the rest was read, unknown numbers and wrong ones."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from flask import abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from mobilize import audit, clock
from mobilize.accounts.access.permissions import after_step_up, me, signed_in
from mobilize.accounts.models import RoleName
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders.inbox import operations, queries
from mobilize.reminders.inbox.corrections import correct_reading, readings_offered
from mobilize.reminders.inbox.forms import (
    HOURS_ON_DUTY,
    AnswerForm,
    DutyForm,
    ReadingForm,
    WrongNumberForm,
    reading_words,
)
from mobilize.reminders.inbox.wrong_numbers import settle_wrong_number, wrong_numbers
from mobilize.reminders.monitoring import on_call
from mobilize.reminders.routes import bp
from mobilize.texts.models import Inbound


@dataclass(frozen=True)
class RefusedAnswer:
    """What was typed in answer to one text, and refused."""

    inbound_id: uuid.UUID
    typed: str
    refusal: Refused


@bp.get("/inbox")
@signed_in()
def inbox() -> str:
    """A chair sees the texts of the chapter, an organizer those of the areas, the office all."""
    return _waiting_page()


@bp.get("/inbox/read")
@signed_in()
def read_texts() -> str:
    """How the texts of the last days were read, to be corrected."""
    return _read_page()


@bp.get("/inbox/unknown")
@signed_in(RoleName.ADMIN)
def unknown_texts() -> str:
    """What came from numbers that nobody has."""
    return render_template("reminders/unknown_texts.html", items=queries.unknown_items(clock.now()))


@bp.get("/inbox/wrong-numbers")
@signed_in(RoleName.ADMIN)
def wrong_number_list() -> str:
    """Numbers that somebody else answers, and who had them."""
    audit.note(me().actor, "wrong_numbers.see", "", now=clock.now())
    return _wrong_numbers_page()


@bp.post("/inbox/wrong-numbers/<uuid:number_id>")
@signed_in(RoleName.ADMIN, step_up=True)
def settle_wrong(number_id: uuid.UUID) -> Response | tuple[str, int]:
    """Give a number back to its member, or leave them without."""
    form = WrongNumberForm()
    if not form.validate():
        abort(400)
    give_back = form.do.data == "give_back"
    try:
        with after_step_up(needed=give_back):
            settled = settle_wrong_number(number_id, give_back=give_back, actor=me().actor, now=clock.now())
    except Refused as refusal:
        return _wrong_numbers_page(refusal), refusal.status
    if settled:
        flash(_("The member has this number again.") if give_back else _("Left without a number."), "done")
    return redirect(url_for("reminders.wrong_number_list"), 303)


@bp.post("/inbox/duty")
@signed_in(RoleName.ORGANIZER)
def take_duty() -> Response:
    """On duty for so many hours, or not any more."""
    form = DutyForm()
    hours = form.hours.data if form.validate() else 0
    on_call.take_duty(me().person or abort(403), hours, now=clock.now())
    flash(_("You are on duty.") if hours else _("You are off duty."), "done")
    return redirect(url_for("reminders.inbox"), 303)


@bp.post("/inbox/<uuid:inbound_id>/done")
@signed_in()
def finish_inbound(inbound_id: uuid.UUID) -> Response:
    """It needs no answer, or had one by phone."""
    operations.finish_inbound(_inbound(inbound_id), actor=me().actor, now=clock.now())
    return redirect(url_for("reminders.inbox"), 303)


@bp.post("/inbox/<uuid:inbound_id>/answer")
@signed_in()
def answer_inbound(inbound_id: uuid.UUID) -> Response | tuple[str, int]:
    """Answer by text, from the union's number."""
    inbound, typed = _inbound(inbound_id), AnswerForm().answer.data or ""
    try:
        operations.answer_inbound(inbound, typed, actor=me().actor, now=clock.now())
    except Refused as refusal:
        return _waiting_page(RefusedAnswer(inbound_id, typed, refusal)), refusal.status
    flash(_("Your answer is on its way."), "done")
    return redirect(url_for("reminders.inbox"), 303)


@bp.post("/inbox/<uuid:inbound_id>/reading")
@signed_in()
def correct(inbound_id: uuid.UUID) -> Response | tuple[str, int]:
    """Say what a text means after all."""
    inbound, form = _inbound(inbound_id), ReadingForm()
    if not form.validate():
        abort(400)
    was_waiting = inbound.done_at is None
    try:
        correct_reading(inbound, form.reading.data, scope=me().scope, actor=me().actor, now=clock.now())
    except Refused as refusal:
        flash(refusal.message, "problem")
        return (_waiting_page() if was_waiting else _read_page()), refusal.status
    flash(_("Corrected: %(reading)s.", reading=reading_words(form.reading.data)), "done")
    return redirect(url_for("reminders.inbox" if was_waiting else "reminders.read_texts"), 303)


def _inbound(inbound_id: uuid.UUID) -> Inbound:
    return queries.inbound_in_scope(inbound_id, me().scope, clock.now()) or abort(404)


def _waiting_page(unanswered: RefusedAnswer | None = None) -> str:
    now, person = clock.now(), me().person or abort(403)
    return render_template(
        "reminders/inbox.html",
        duty=on_call.running_shift(person, now),
        hours_on_duty=HOURS_ON_DUTY,
        unanswered=unanswered,
        **_parts(queries.inbox_items(me().scope, now)),
    )


def _read_page() -> str:
    items = queries.read_items(me().scope, clock.now())
    return render_template("reminders/read_texts.html", **_parts(items))


def _wrong_numbers_page(refusal: Refused | None = None) -> str:
    return render_template("reminders/wrong_number_list.html", waiting=wrong_numbers(), refusal=refusal)


def _parts(items: Sequence[queries.InboxItem]) -> dict[str, object]:
    """What the pages say about each text."""
    return {
        "items": items,
        "readings": readings_offered([item.inbound for item in items], me().scope),
        "reading_words": reading_words,
    }
