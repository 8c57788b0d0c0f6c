"""The check-list before the first action: what protects people here, and what is still to be done."""

from flask import render_template

from mobilize import clock
from mobilize.accounts.entrance import signed_in
from mobilize.accounts.models import RoleName
from mobilize.accounts.protections import State
from mobilize.accounts.protections import protections as look
from mobilize.accounts.views import bp


@bp.get("/protections")
@signed_in(RoleName.ADMIN)
def protections() -> str:
    """Each protection's state in plain words, with what to do."""
    found = look(clock.now())
    to_do = [one for one in found if one.state is not State.OK]
    return render_template("accounts/protections.html", to_do=to_do, found=found, n=len(to_do))
