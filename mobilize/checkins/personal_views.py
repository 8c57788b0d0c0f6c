"""The member's own link: her page with one button and her code. Opening it changes nothing."""

from flask import make_response, render_template, url_for
from werkzeug.wrappers import Response

from mobilize import clock, crypto
from mobilize.accounts.entrance import anyone
from mobilize.checkins.decision import Proof
from mobilize.checkins.models import Method
from mobilize.checkins.operations import check_in
from mobilize.checkins.personal import personal_address, whose
from mobilize.checkins.shown import shown_event
from mobilize.checkins.views import bp, event_words, receipt_page, unknown_code
from mobilize.languages import _
from mobilize.qr import qr_svg


@bp.get("/p/<code>/<letters>")
@bp.get("/P/<code>/<letters>")
@anyone
def personal(code: str, letters: str) -> str | tuple[str, int]:
    """A button, and her code for a captain to scan; no name, since phones lie about and are borrowed."""
    event, member = shown_event(code), whose(code, letters)
    if event is None or member is None:
        return unknown_code(code)
    return render_template(
        "checkins/personal.html",
        event=event_words(event, clock.now()),
        post_to=url_for("checkins.personal_now", code=event.code, letters=letters),
        qr=qr_svg(personal_address(event.code, event.id, member), _("Your own code")),
        drill=event.drill,
    )


@bp.post("/p/<code>/<letters>")
@bp.post("/P/<code>/<letters>")
@anyone
def personal_now(code: str, letters: str) -> Response | tuple[str, int]:
    """One tap, once: the link is one deed, however often it is pressed."""
    event, member, now = shown_event(code), whose(code, letters), clock.now()
    if event is None or member is None:
        return unknown_code(code)
    answer = make_response(receipt_page(event, now))
    said = f"link/{member}".encode()
    # Pressed too early is another deed than pressed at the line.
    nonce = crypto.fingerprint(said + event_words(event, now).state.encode())[:16]
    proof = Proof(
        event_id=event.id, nonce=nonce, body=said, method=Method.LINK, member_id=member, happened_at=now
    )
    check_in(proof, now=now)
    return answer
