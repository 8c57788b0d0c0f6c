"""Photos from the lines of an action: the page, each picture, deleting one, and the switch of the office.

Each picture that leaves is noted, since a browser can keep what it shows: looking at one and downloading it
are the same thing (docs/decisions/0032).
"""

import uuid

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from mobilize import audit, clock
from mobilize.accounts.access.permissions import me, signed_in
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.actions.models import Event
from mobilize.actions.visibility import visible_action
from mobilize.checkins.photos.operations import allow_photos
from mobilize.checkins.photos.queries import photos_of
from mobilize.database import db, parse_id
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.privacy.photos.operations import delete_photo
from mobilize.privacy.photos.queries import events_with_photos, visible_photo
from mobilize.privacy.routes import bp


@bp.get("/actions/<uuid:action_id>/photos")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def photos(action_id: uuid.UUID) -> str:
    """The photos in one's scope, the latest first; `?event=`: of one line."""
    action = visible_action(action_id, me().scope)
    events = events_with_photos(action, me().scope)
    event_id = parse_id(request.args.get("event", ""))
    event_ids = [event.id for event in events if event_id in (None, event.id)]
    page = request.args.get("page", 1, type=int)
    listed, pages = photos_of(event_ids, now=clock.now(), page=page)
    return render_template(
        "privacy/photos.html", action=action, photos=listed, pages=pages, page=min(max(page, 1), pages),
        event_id=event_id,
    )  # fmt: skip


@bp.get("/photos/<uuid:photo_id>")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def photo(photo_id: uuid.UUID) -> Response:
    """The picture itself; a browser keeps no copy of it by itself (`no-store`)."""
    row = visible_photo(photo_id, me().scope)
    if row.until <= clock.now():
        abort(404)
    picture = Response(row.picture, mimetype="image/jpeg")
    audit.note(me().actor, "photo.see", photo_id, now=clock.now())
    return picture


@bp.post("/photos/<uuid:photo_id>/delete")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def take_down_photo(photo_id: uuid.UUID) -> ResponseReturnValue:
    """Delete it for good."""
    action_id = db.session.get_one(Event, visible_photo(photo_id, me().scope).event_id).action_id
    try:
        delete_photo(photo_id, by=me().actor, now=clock.now())
    except Refused as refusal:
        flash(refusal.message, "problem")
    else:
        flash(_("The photo is deleted. The head count stays."), "done")
    return redirect(url_for("privacy.photos", action_id=action_id, event=request.args.get("event")), 303)


@bp.post("/actions/<uuid:action_id>/photos")
@signed_in(RoleName.ADMIN)
def switch_photos(action_id: uuid.UUID) -> ResponseReturnValue:
    """Let the lines of an action send photos, or no longer. Pressed twice, it is done once."""
    action, allowed = visible_action(action_id, me().scope), request.args.get("allow") == "1"
    try:
        allow_photos(action, allowed, actor=me().actor, now=clock.now())
    except Refused as refusal:
        flash(refusal.message, "problem")
    else:
        flash(
            _("Lines may now send a photo with each head count.") if allowed else _("Photos are off now."),
            "done",
        )
    return redirect(url_for("actions.action", action_id=action_id), 303)
