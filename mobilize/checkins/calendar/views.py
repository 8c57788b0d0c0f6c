"""Routes of calendar feeds: the feed itself, and the page with a person's addresses."""

import hashlib

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from mobilize import clock
from mobilize.accounts.access.permissions import anyone, me, signed_in, signed_in_person
from mobilize.checkins.calendar.feeds import addresses_of, end_addresses, open_feed
from mobilize.checkins.calendar.ical import calendar_file
from mobilize.checkins.routes import bp
from mobilize.languages import _, language


@bp.get("/calendar/<token>.ics")
@anyone
def calendar_feed(token: str) -> ResponseReturnValue:
    """A calendar, to whoever has its address; 304 to one that names the ETag of an unchanged one."""
    feed = open_feed(token, language(), clock.now())
    if feed is None:
        abort(404)
    response = Response(calendar_file(feed.entries, language(), feed.name), mimetype="text/calendar")
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    response.headers["Cache-Control"] = "private, no-cache"
    return response.make_conditional(request)


@bp.get("/calendars")
@signed_in()
def calendars() -> str:
    """The addresses of the feeds in somebody's scope, each their own."""
    return render_template("checkins/calendars.html", feeds=addresses_of(signed_in_person(), me().scope))


@bp.post("/calendars/end")
@signed_in()
def end_calendars() -> ResponseReturnValue:
    """End all of one's own addresses."""
    end_addresses(signed_in_person(), actor=me().actor, now=clock.now())
    flash(_("Ended. Put the new addresses into your calendar."), "done")
    return redirect(url_for("checkins.calendars"), 303)
