"""The member's own link: her page with one button and her code. Opening it changes nothing."""

import uuid
from datetime import datetime

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock, crypto, settings
from mobilize.accounts.entrance import anyone, me, signed_in
from mobilize.accounts.models import RoleName
from mobilize.checkins.decision import Proof
from mobilize.checkins.forms import event_token, is_event_token
from mobilize.checkins.models import Method, Says
from mobilize.checkins.next_steps import links_taken_back
from mobilize.checkins.operations import check_in
from mobilize.checkins.personal import end_links, whose
from mobilize.checkins.saved import check_in_saved_link, tapped_at
from mobilize.checkins.shown import Shown, shown_event
from mobilize.checkins.views import bp, event_words, opens_ms, read_saved, receipt_of_saved, receipt_page
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.qr import qr_svg
from mobilize.roster.models import Member
from mobilize.roster.queries import sites_of
from mobilize.tokens import read_code


@bp.get("/p/<code>/<letters>")
@bp.get("/P/<code>/<letters>")
@anyone
def personal(code: str, letters: str) -> str | tuple[str, int]:
    """A button, and her code for a captain to scan; no name, since phones lie about and are borrowed."""
    event, member = _asked_for(code, letters, clock.now())
    if event is None or member is None:
        return _no_link()
    return render_template(
        "checkins/personal.html",
        event=event_words(event, clock.now()),
        post_to=url_for("checkins.personal_now", code=event.code, letters=letters),
        code=event.code,
        letters=read_code(letters),
        opens_ms=opens_ms(event),
        undone="undone" in request.args,
        qr=qr_svg(f"{settings().public_base_url}/p/{event.code}/{read_code(letters)}", _("Your own code")),
        drill=event.drill,
        token=event_token(event.code),
        has_check_out=event.has_check_out,
    )


@bp.post("/p/<code>/<letters>")
@bp.post("/P/<code>/<letters>")
@anyone
def personal_now(code: str, letters: str) -> Response | tuple[str, int]:
    """One tap, once: the link is one deed, however often it is pressed, until it is taken back."""
    now = clock.now()
    if request.is_json:
        return _from_the_queue(code, letters, now)
    event, member = _asked_for(code, letters, now)
    if event is None or member is None:
        return _no_link()
    left = "left" in request.form
    answer = receipt_page(event, now, left=left).answer()
    said = f"link/{member}{'/left' if left else ''}"
    # Pressed too early is another deed than pressed at the line, and so is what she presses after an undo.
    again = links_taken_back(event.id, member) or ""
    nonce = crypto.fingerprint(f"{said}{event_words(event, now).state}{_page(event)}{again}".encode())[:16]
    proof = Proof(
        event_id=event.id,
        nonce=nonce,
        body=said.encode(),
        method=Method.LINK,
        member_id=member,
        happened_at=now,
        says=Says.LEFT if left else Says.HERE,
    )
    check_in(proof, now=now)
    return answer


def _from_the_queue(code: str, letters: str, now: datetime) -> Response:
    """One tap that her page has kept on the phone; her link needs to have been good when she tapped."""
    saved = read_saved()
    when = tapped_at(saved, now)
    event, member = _asked_for(code, letters, when.span[0] if when.span else when.at)
    if event is None or member is None:
        raise Refused("no_link", _no_link_words(), status=404)
    page = receipt_of_saved(event, when, now, left=saved.left)
    check_in_saved_link(event, member, saved, now=now)
    return jsonify(nonce=saved.nonce, stored=True, page=page.text)


def _page(event: Shown) -> str:
    """On a strike day she may leave and come back: each page she presses a button on is a deed of its own."""
    token = request.form.get("token", "")
    return token if event.has_check_out and is_event_token(token, event.code) else ""


@bp.post("/members/<uuid:member_id>/end-links")
@signed_in(RoleName.ORGANIZER)
def end_links_of(member_id: uuid.UUID) -> Response:
    """Her phone is lost: no link she was sent checks anybody in."""
    scope, found = me().scope, db.session.get(Member, member_id)
    seen = found and (scope.everything or any(scope.sees(at) for at in sites_of(found.id).values()))
    if not seen:
        abort(404)
    end_links(member_id, actor=me().actor, now=clock.now())
    flash(_("Ended. The next reminder brings her a new link."), "done")
    return redirect(url_for("roster.member", member_id=member_id), 303)


def _asked_for(code: str, letters: str, at: datetime) -> tuple[Shown | None, uuid.UUID | None]:
    """The event and the member of a link. A poster's code that leaked is no matter to her own link."""
    event = shown_event(code)
    return (event.as_if_new(), whose(code, letters, at)) if event else (None, None)


def _no_link() -> tuple[str, int]:
    """Ended, run out, cut short on the way, or never one: the answer is the same."""
    return render_template("public/front.html", typed="", error=_no_link_words()), 404


def _no_link_words() -> str:
    return _("This link is not good, or not any more. The code on the poster works for everybody.")
