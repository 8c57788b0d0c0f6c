"""Gates of a line: a site may have several."""

from collections.abc import Sequence

from sqlalchemy import select

from mobilize.actions.models import Event
from mobilize.database import db
from mobilize.roster.models import Gate


def gates_of(event: Event) -> Sequence[Gate]:
    """The gates of an event's site, by name; none for a rally, or where everybody stands at one."""
    return db.session.scalars(select(Gate).where(Gate.site_id == event.site_id).order_by(Gate.name)).all()
