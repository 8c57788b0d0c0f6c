"""A poster got into the wrong hands: its event gets a new code, and the old one explains where to go."""

from datetime import datetime

from sqlalchemy import select

from mobilize import audit
from mobilize.actions.models import Event, EventState, OldCode
from mobilize.actions.queries import LATE, text_codes_in_use
from mobilize.actions.text_codes import free_text_code, one_at_a_time
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.tokens import make_code


def replace_code(event: Event, leaked: str, *, actor: str, now: datetime) -> bool:
    """Give an event a new code and new digits for texts in place of `leaked`; False when that was replaced
    already, so that pressing twice makes one new code.

    The old ones stay its own for ever. Links of captains' phones and members' own links go on; what was
    tapped before this moment still counts when it arrives. Raises `Refused` 409 once nobody can check in.
    """
    with atomic() as session:
        one_at_a_time()
        session.refresh(event, with_for_update={"of": Event})
        if event.code != leaked:
            return False
        if event.state is not EventState.PLANNED or now > event.ends_at + LATE:
            raise Refused(
                "is_over", _("This event is over or called off. Its code does nothing any more."), status=409
            )
        session.add(OldCode(code=leaked, text_code=event.text_code, event_id=event.id, replaced_at=now))
        event.code, event.text_code = _unused_code(), free_text_code(text_codes_in_use(now))
        session.flush()
        audit.note(actor, "event.new_code", event.id, now=now)
    return True


def _unused_code() -> str:
    """One no event has or has had."""
    while True:
        code = make_code()
        taken = select(Event.code).where(Event.code == code)
        if not db.session.scalar(taken.union(select(OldCode.code).where(OldCode.code == code))):
            return code
