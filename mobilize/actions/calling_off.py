"""Calling a whole action off: a settlement, a storm. Its codes stay good and say so."""

from datetime import datetime

from sqlalchemy import update

from mobilize import audit
from mobilize.actions.models import Action, Event, EventState
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.languages import _


def call_off_action(action: Action, *, actor: str, now: datetime) -> bool:
    """Call off every event of it that is not closed; False when that was done before, which changes nothing.

    Pages and the posters' codes say it from here on; the room reminders tells who had been told. Refused:
    "is_over" when all of it has ended.
    """
    with atomic() as session:
        session.refresh(action, with_for_update={"of": Action})
        if action.called_off_at is not None:
            return False
        called_off = session.execute(
            update(Event)
            .where(Event.action_id == action.id, Event.state == EventState.PLANNED, Event.ends_at > now)
            .values(state=EventState.CALLED_OFF)
            .execution_options(synchronize_session=False)
        )
        if not called_off.rowcount:  # type: ignore[attr-defined]
            raise Refused("is_over", _("This action is over. There is nothing to call off."), status=409)
        action.called_off_at = now
        audit.note(actor, "action.call_off", action.id, now=now)
    session.expire_all()
    return True
