"""What can be done from a receipt."""

from flask import Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from mobilize import clock
from mobilize.accounts.entrance import anyone
from mobilize.accounts.sessions import cookie_name, take_cookie
from mobilize.checkins.next_steps import calendar_file, next_event, undo_slip
from mobilize.checkins.shown import shown_event
from mobilize.checkins.views import bp
from mobilize.languages import language


@bp.get("/c/<code>/next.ics")
@anyone
def next_in_calendar(code: str) -> Response:
    """The chapter's next event for a phone's calendar."""
    event = shown_event(code)
    coming = next_event(event) if event else None
    if coming is None:
        abort(404)
    answer = Response(calendar_file(coming, language(), clock.now()), mimetype="text/calendar")
    answer.headers["Content-Disposition"] = 'attachment; filename="next.ics"'
    return answer


@bp.post("/c/<code>/undo")
@anyone
def undo(code: str) -> Answer:
    """A slip of the finger, taken back. The same answer whether or not there was anything."""
    event = shown_event(code)
    if event is None:
        abort(404)
    undo_slip(event, request.cookies.get(cookie_name("known"), ""), now=clock.now())
    answer = redirect(url_for("checkins.check_in", code=event.code, other=1), 303)
    # The next check-in is a deed of its own, also for the same number.
    take_cookie(answer, f"here-{event.code}")
    return answer
