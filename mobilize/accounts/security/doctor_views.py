"""The page of the doctor, for admins: what the workers found out about this installation, and what to do."""

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.access.permissions import signed_in
from mobilize.accounts.models import RoleName
from mobilize.accounts.routes import bp
from mobilize.languages import say_ago
from mobilize.observability import findings
from mobilize.observability.finding_words import FindingState


@bp.get("/protections/doctor")
@signed_in(RoleName.ADMIN)
def doctor() -> str:
    """The findings of the last look at everything, what needs somebody first."""
    now, last = clock.now(), findings.latest()
    results = last.findings if last else []
    return render_template(
        "accounts/doctor.html",
        broken=[one for one in results if one.state is FindingState.BROKEN],
        warnings=[one for one in results if one.state is FindingState.WARNING],
        fine=[one for one in results if one.state is FindingState.OK],
        looked=say_ago(last.examined_at, now) if last else None,
        is_old=last is not None and now - last.examined_at > 3 * findings.EXAMINED_EVERY,
        waits=findings.is_requested(now),
    )


@bp.post("/protections/doctor")
@signed_in(RoleName.ADMIN)
def examine() -> Response:
    """Let the workers look at everything now. Twice is once."""
    findings.request_examination(now=clock.now())
    return redirect(url_for("accounts.doctor"), 303)
