"""Routes of the receipt: the next event as a calendar file, and undo."""

from flask import Response, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from mobilize import clock
from mobilize.accounts.access.permissions import anyone
from mobilize.accounts.sign_in.sessions import cookie_name, take_cookie
from mobilize.checkins.calendar.ical import calendar_file, entry_of
from mobilize.checkins.member.event_cache import cached_event
from mobilize.checkins.member.personal_links import whose
from mobilize.checkins.member.receipt import next_event, undo_last_of_link, undo_last_of_phone
from mobilize.checkins.routes import bp
from mobilize.languages import language


@bp.get("/c/<code>/next.ics")
@anyone
def next_in_calendar(code: str) -> Response:
    """The chapter's next event for a phone's calendar."""
    event = cached_event(code)
    coming = next_event(event) if event else None
    if coming is None:
        abort(404)
    answer = Response(calendar_file([entry_of(coming, language())], language()), mimetype="text/calendar")
    answer.headers["Content-Disposition"] = 'attachment; filename="next.ics"'
    return answer


@bp.post("/c/<code>/undo")
@anyone
def undo(code: str) -> ResponseReturnValue:
    """Take back the last check-in of this phone; with `letters`, of a member's own link. The answer is the
    same whether or not there was any."""
    event, now = cached_event(code), clock.now()
    if event is None:
        abort(404)
    letters = request.args.get("letters", "")
    if letters:
        member = whose(code, letters, now)
        if member is not None:
            undo_last_of_link(event, member, now=now)
        return redirect(url_for("checkins.personal", code=event.code, letters=letters, undone=1), 303)
    undo_last_of_phone(event, request.cookies.get(cookie_name("known"), ""), now=now)
    answer = redirect(url_for("checkins.check_in", code=event.code, other=1, undone=1), 303)
    # The next check-in is one of its own, also for the same number.
    take_cookie(answer, f"here-{event.code}")
    return answer
