"""The yearly change of chairs: choose a file, look at who starts and ends, carry out exactly that."""

import uuid

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.chair_change import carry_out, stage_chairs, staged_plan
from mobilize.accounts.chair_plan import ChairPlan, Move
from mobilize.accounts.entrance import me, signed_in
from mobilize.accounts.forms import ChairFileForm, role_word
from mobilize.accounts.models import ChairChange, RoleName
from mobilize.accounts.views import bp
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _, say_day


@bp.get("/people/chairs")
@signed_in(RoleName.ADMIN)
def chairs() -> str:
    """Where the list is chosen."""
    return render_template("accounts/chairs.html", form=ChairFileForm(formdata=None), problem="")


@bp.post("/people/chairs")
@signed_in(RoleName.ADMIN)
def read_chairs() -> Response | tuple[str, int]:
    """Read the list, and go on to what it would do."""
    form, upload = ChairFileForm(), request.files.get("file")
    data = upload.read() if upload else b""
    try:
        if not data:
            raise Refused("no_file", _("Choose a file first."))
        if not form.validate():
            raise Refused("bad_dates", _("Type the day like 2026-09-01."))
        change = stage_chairs(data, form.from_on.data, by=me().actor, now=clock.now())
    except Refused as refusal:
        return render_template("accounts/chairs.html", form=form, problem=refusal.message), refusal.status
    return redirect(url_for("accounts.show_chairs", change_id=change.id), 303)


@bp.get("/people/chairs/<uuid:change_id>")
@signed_in(RoleName.ADMIN)
def show_chairs(change_id: uuid.UUID) -> str:
    """Who starts, who ends, who stays, and which lines are refused."""
    change = db.session.get(ChairChange, change_id)
    if change is None:
        abort(404)
    return _page(staged_plan(change, now=clock.now()), change)


@bp.post("/people/chairs/<uuid:change_id>/carry-out")
@signed_in(RoleName.ADMIN, step_up=True)
def carry_out_chairs(change_id: uuid.UUID) -> str:
    """Do exactly what was shown; who needs a link is listed once."""
    return _page(carry_out(change_id, by=me().actor, now=clock.now()))


def _page(plan: ChairPlan, change: ChairChange | None = None) -> str:
    return render_template(
        "accounts/show_chairs.html", plan=plan, change=change, Move=Move, role_word=role_word, say_day=say_day
    )
