"""Routes of the poster's code: the form, one tap, and the queue of taps that were sent later."""

from datetime import datetime

from flask import abort, current_app, jsonify, redirect, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.access.permissions import anyone
from mobilize.accounts.sign_in.sessions import cookie_name, give_cookie
from mobilize.checkins.forms import CheckInForm, SavedCheckIn, SentCheckIn, require_event_token, sent_check_in
from mobilize.checkins.line.rotating_codes import TICKET_LASTS, holds, is_current, is_rotating_code, ticket
from mobilize.checkins.member.event_cache import CachedEvent, cached_event
from mobilize.checkins.member.offline_queue import check_in_saved, tapped_at
from mobilize.checkins.member.pages import form_page, receipt_of_saved, receipt_page, unknown_code
from mobilize.checkins.models import CheckInKind
from mobilize.checkins.record.identifiers import read_typed
from mobilize.checkins.record.known_phones import REMEMBERED_FOR, recall
from mobilize.checkins.record.operations import check_in_by_poster
from mobilize.checkins.routes import bp
from mobilize.errors import Refused
from mobilize.web.http_compression import compressed


@bp.get("/c")
@anyone
def find() -> Response | tuple[str, int]:
    """Redirect from a typed code to its page."""
    typed = request.args.get("code", "")[:64]
    event = cached_event(typed)
    if event is None:
        return unknown_code(typed)
    return redirect(url_for("checkins.check_in", code=event.code))


@bp.get("/c/<code>")
@bp.get("/C/<code>")
@anyone
def check_in(code: str) -> Response | str | tuple[str, int]:
    """The member's page. Opening it changes nothing, since messengers open links too."""
    event = cached_event(code)
    if event is None:
        return unknown_code(code)
    remembered = _is_remembered()
    query = request.args
    return form_page(event, remembered=remembered, other="other" in query, undone="undone" in query).answer()


@bp.route("/c/<code>/<rotating>", methods=["GET", "POST"])
@bp.route("/C/<code>/<rotating>", methods=["GET", "POST"])
@anyone
def check_in_at_the_line(code: str, rotating: str) -> Response | str | tuple[str, int]:
    """The page of the line's rotating code. A current code gives this phone a ticket; nobody is counted yet,
    and a stale code is as good as the poster's."""
    event, now = cached_event(code), clock.now()
    if event is None or not is_rotating_code(rotating):
        return unknown_code(code)
    if request.method == "POST":
        return check_in_now(code)
    remembered, current = _is_remembered(), is_current(event.id, rotating, now)
    answer = form_page(event.without_replaced_code() if current else event, remembered=remembered).answer()
    if current:
        give_cookie(answer, _ticket_name(event), ticket(event.id, now), lasts=TICKET_LASTS)
    return answer


def _ticket_name(event: CachedEvent) -> str:
    return f"here-{event.code}"


def _ticket(event: CachedEvent, now: datetime) -> str | None:
    """The ticket in this phone's cookie, while it is good."""
    value = request.cookies.get(cookie_name(_ticket_name(event)))
    return value if holds(event.id, value, now) else None


@bp.post("/c/<code>")
@bp.post("/C/<code>")
@anyone
def check_in_now(code: str) -> Response | str | tuple[str, int]:
    """One tap. The answer is built from the event and this request alone, for member and stranger alike."""
    event = cached_event(code)
    if event is None:
        return unknown_code(code)
    now = clock.now()
    if event.replaced_at and _ticket(event, now):
        # The line's rotating code was read there, whatever poster's code it was put behind.
        event = event.without_replaced_code()
    if request.is_json:
        return _from_the_queue(event, now)
    sent = sent_check_in()
    # Both before anything is stored: what the answer says must not depend on what this check-in did.
    receipt = receipt_page(event, now, left=sent.left)
    try:
        cookie = _count_in(event, sent, now)
    except Refused as refusal:
        form = CheckInForm(typed=sent.typed)
        form.typed.errors = [refusal.message]
        return form_page(event, form).answer(refusal.status)
    answer = receipt.answer()
    give_cookie(answer, "known", cookie, lasts=REMEMBERED_FOR)
    return answer


def _from_the_queue(event: CachedEvent, now: datetime) -> Response:
    """A check-in from the queue on the phone, answered by its nonce; `page` is what a form gets, unframed."""
    saved = read_saved()
    page = receipt_of_saved(event, tapped_at(saved, now), now, left=saved.left)
    cookie = request.cookies.get(cookie_name("known"))
    ticket_value = _ticket(event, now)
    _done, cookie = check_in_saved(event, saved, cookie=cookie, ticket=ticket_value, now=now)
    answer = jsonify(nonce=saved.nonce, stored=True, page=page.main)
    give_cookie(answer, "known", cookie, lasts=REMEMBERED_FOR)
    return answer


def read_saved() -> SavedCheckIn:
    """The JSON a page's queue has sent. Aborts with 422 where it is not valid."""
    try:
        return SavedCheckIn.model_validate(request.get_json())
    except (ValidationError, RecursionError):
        abort(422)


def _count_in(event: CachedEvent, sent: SentCheckIn, now: datetime) -> str:
    """The token for this phone's cookie."""
    require_event_token(sent.token, event.code)
    typed = None if sent.remembered else read_typed(sent.typed)
    cookie = request.cookies.get(cookie_name("known"))
    _done, cookie = check_in_by_poster(
        event.id,
        typed,
        page=sent.token,
        cookie=cookie,
        ticket=_ticket(event, now),
        needs_review=event.is_old_code(now),
        kind=CheckInKind.LEFT if sent.left else CheckInKind.HERE,
        now=now,
    )
    return cookie


def _is_remembered() -> bool:
    cookie = request.cookies.get(cookie_name("known"))
    return bool(cookie) and recall(str(cookie)) is not None


@bp.get("/sw.js")
@anyone
@compressed
def service_worker() -> Response:
    """The service worker: at the root, since it covers addresses below its own; not cached, so that
    a corrected one is there the same morning."""
    answer = current_app.send_static_file("sw.js")
    answer.headers["Cache-Control"] = "no-cache"
    return answer
