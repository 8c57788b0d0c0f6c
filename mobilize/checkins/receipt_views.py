"""What can be done from a receipt."""

from flask import Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from mobilize import clock
from mobilize.accounts.entrance import anyone
from mobilize.accounts.sessions import cookie_name, take_cookie
from mobilize.checkins.next_steps import calendar_file, next_event, undo_link_slip, undo_slip
from mobilize.checkins.personal import whose
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
    """A slip of the finger, taken back. The same answer whether or not there was anything. With `letters` it
    was tapped by a member's own link."""
    event, now = shown_event(code), clock.now()
    if event is None:
        abort(404)
    letters = request.args.get("letters", "")
    if letters:
        member = whose(code, letters, now)
        if member is not None:
            undo_link_slip(event, member, now=now)
        return redirect(url_for("checkins.personal", code=event.code, letters=letters, undone=1), 303)
    undo_slip(event, request.cookies.get(cookie_name("known"), ""), now=now)
    answer = redirect(url_for("checkins.check_in", code=event.code, other=1, undone=1), 303)
    # The next check-in is a deed of its own, also for the same number.
    take_cookie(answer, f"here-{event.code}")
    return answer
