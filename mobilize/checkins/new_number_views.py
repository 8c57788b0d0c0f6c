"""New mobile numbers that were told at a line: the office compares, and takes or leaves each."""

import uuid

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import audit, clock
from mobilize.accounts.entrance import after_step_up, me, signed_in
from mobilize.accounts.models import RoleName
from mobilize.checkins.new_numbers import settle_number, waiting_numbers
from mobilize.checkins.views import bp
from mobilize.languages import _


@bp.get("/members/new-numbers")
@signed_in(RoleName.ADMIN)
def new_numbers() -> str:
    """What waits, with the number that stands on the roster beside it."""
    audit.note(me().actor, "new_numbers.see", "", now=clock.now())
    return render_template("checkins/new_numbers.html", waiting=waiting_numbers())


@bp.post("/members/new-numbers/<uuid:number_id>")
@signed_in(RoleName.ADMIN, step_up=True)
def settle_new_number(number_id: uuid.UUID) -> Response:
    """Into the roster, or not."""
    take = request.form.get("do") == "take"
    with after_step_up(needed=take):
        settled = settle_number(number_id, take=take, actor=me().actor, now=clock.now())
    if settled:
        flash(_("The roster has the new number.") if take else _("Left as it was."), "done")
    return redirect(url_for("checkins.new_numbers"), 303)
