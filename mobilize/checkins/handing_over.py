"""The line goes to another captain's phone: she scans a code, and this phone is done."""

from datetime import datetime

from flask import Response, abort, make_response, render_template, request

from mobilize import clock, settings
from mobilize.accounts.entrance import grant, line_grant
from mobilize.accounts.grants import pass_on
from mobilize.actions.queries import codes_of, event_by_code
from mobilize.checkins.line_views import bp
from mobilize.languages import _
from mobilize.qr import qr_svg


@bp.post("/line/<code>/hand-over")
@line_grant
def hand_over(code: str) -> Response:
    """Shown once: the next phone's link. What this phone still has to send is taken as before."""
    event, now = event_by_code(code), clock.now()
    if event is None:
        abort(404)
    address = f"{settings().public_base_url}/l/{_pass_on(now)}"
    page = render_template(
        "line/handed_over.html",
        event=event,
        codes=codes_of(event),
        qr=qr_svg(address, _("QR code of this link")),
        address=address,
    )
    return make_response(page)


def _pass_on(now: datetime) -> str:
    held = grant()
    label = request.form.get("label", "").strip()[:80] or held.label or ""
    return pass_on(held, label, f"grant:{held.id}", now=now)[1]
