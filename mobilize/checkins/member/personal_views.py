"""The page of a member's own link: one button, and the code a captain scans. Opening it changes nothing."""

import uuid
from datetime import datetime

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts.access.permissions import anyone, me, signed_in
from mobilize.accounts.models import RoleName
from mobilize.checkins.forms import event_token, is_event_token, sent_check_in
from mobilize.checkins.member.event_cache import CachedEvent, cached_event
from mobilize.checkins.member.offline_queue import check_in_saved_link, tapped_at
from mobilize.checkins.member.pages import event_words, opens_ms, receipt_of_saved, receipt_page
from mobilize.checkins.member.personal_links import end_links, whose
from mobilize.checkins.member.receipt import links_taken_back
from mobilize.checkins.member.views import read_saved
from mobilize.checkins.models import CheckInKind, Method
from mobilize.checkins.record.decision import CheckInRequest
from mobilize.checkins.record.operations import check_in
from mobilize.checkins.routes import bp
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.keys import crypto
from mobilize.keys.tokens import read_code
from mobilize.languages import _
from mobilize.printing.qr import qr_svg
from mobilize.roster.models import Member
from mobilize.roster.queries import sites_of


@bp.get("/p/<code>/<letters>")
@bp.get("/P/<code>/<letters>")
@anyone
def personal(code: str, letters: str) -> str | tuple[str, int]:
    """A button, and the member's code for a captain; no name, since phones lie about and are borrowed."""
    event, member = _event_and_member(code, letters, clock.now())
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
    """Check in by the link: one check-in, however often it is pressed, until it is taken back."""
    now = clock.now()
    if request.is_json:
        return _from_the_queue(code, letters, now)
    event, member = _event_and_member(code, letters, now)
    if event is None or member is None:
        return _no_link()
    sent = sent_check_in()
    answer = receipt_page(event, now, left=sent.left).answer()
    body = f"link/{member}{'/left' if sent.left else ''}"
    # Pressed too early is another check-in than pressed at the line, and so is what is pressed after an undo.
    again = links_taken_back(event.id, member) or ""
    page = _page(event, sent.token)
    nonce = crypto.fingerprint(f"{body}{event_words(event, now).state}{page}{again}".encode())[:16]
    check_in_request = CheckInRequest(
        event_id=event.id,
        nonce=nonce,
        body=body.encode(),
        method=Method.LINK,
        member_id=member,
        happened_at=now,
        kind=CheckInKind.LEFT if sent.left else CheckInKind.HERE,
    )
    check_in(check_in_request, now=now)
    return answer


def _from_the_queue(code: str, letters: str, now: datetime) -> Response:
    """A tap from the page's queue; the link needs to have been good at the time of the tap."""
    saved = read_saved()
    when = tapped_at(saved, now)
    event, member = _event_and_member(code, letters, when.span[0] if when.span else when.at)
    if event is None or member is None:
        raise Refused("no_link", _no_link_words(), status=404)
    page = receipt_of_saved(event, when, now, left=saved.left)
    check_in_saved_link(event, member, saved, now=now)
    return jsonify(nonce=saved.nonce, stored=True, page=page.main)


def _page(event: CachedEvent, token: str) -> str:
    """The token of the page on a strike day, when a member may leave and come back: each page is one."""
    return token if event.has_check_out and is_event_token(token, event.code) else ""


@bp.post("/members/<uuid:member_id>/end-links")
@signed_in(RoleName.ORGANIZER)
def end_links_of(member_id: uuid.UUID) -> Response:
    """End all links of a member whose phone is lost."""
    scope, member = me().scope, db.session.get(Member, member_id)
    in_scope = member and (scope.everything or any(scope.sees(at) for at in sites_of(member.id).values()))
    if not in_scope:
        abort(404)
    end_links(member_id, actor=me().actor, now=clock.now())
    flash(_("Ended. The next reminder brings them a new link."), "done")
    return redirect(url_for("roster.member", member_id=member_id), 303)


def _event_and_member(code: str, letters: str, at: datetime) -> tuple[CachedEvent | None, uuid.UUID | None]:
    """The event and the member of a link. A poster's code that leaked does not matter to a member's own
    link."""
    event = cached_event(code)
    return (event.without_replaced_code(), whose(code, letters, at)) if event else (None, None)


def _no_link() -> tuple[str, int]:
    """The answer to a link that ended, ran out, was cut short on the way, or never existed: the same for
    all."""
    return render_template("public/front.html", typed="", error=_no_link_words()), 404


def _no_link_words() -> str:
    return _("This link does not work, or not any more. The code on the poster works for everybody.")
