"""Photos from the lines that somebody may see: those of events whose names they may print."""

import uuid

from flask import abort
from sqlalchemy import exists, select
from sqlalchemy.orm import joinedload

from mobilize.accounts.access.scope import Scope
from mobilize.actions.models import Action, Event
from mobilize.actions.visibility import in_scope, may_change
from mobilize.checkins.models import Photo
from mobilize.database import db


def events_with_photos(action: Action, scope: Scope) -> list[Event]:
    """The events of an action that have photos, as far as this scope may see them. A rally's are for whoever
    organizes all areas that come to it."""
    query = select(Event).where(Event.action_id == action.id, exists().where(Photo.event_id == Event.id))
    events = db.session.scalars(in_scope(query, scope).options(joinedload(Event.site)))
    return [event for event in events if may_change(event, scope)]


def visible_photo(photo_id: uuid.UUID, scope: Scope) -> Photo:
    """A photo in scope; 404 otherwise."""
    photo = db.session.get(Photo, photo_id) or abort(404)
    query = in_scope(select(Event).where(Event.id == photo.event_id), scope)
    event = db.session.scalar(query.options(joinedload(Event.site)))
    return photo if event is not None and may_change(event, scope) else abort(404)
