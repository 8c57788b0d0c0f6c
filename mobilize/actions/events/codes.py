"""Codes of events: replacing one that leaked, and digits for texts (`HERE 48219`)."""

from datetime import datetime

from sqlalchemy import func, select

from mobilize import audit
from mobilize.actions.models import Event, EventState, OldCode
from mobilize.actions.queries import LATE, text_codes_in_use
from mobilize.database import atomic, db, is_postgres
from mobilize.errors import Refused
from mobilize.fast.versions import mark_changed
from mobilize.keys.tokens import make_code, make_text_code
from mobilize.languages import _

# Any number, as long as nothing else locks under it.
_LOCK = 0x6576656E74


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
        mark_changed(event.id)
        audit.note(actor, "event.new_code", event.id, now=now)
    return True


def _unused_code() -> str:
    """A code no event has or has had."""
    while True:
        code = make_code()
        taken = select(Event.code).where(Event.code == code)
        if not db.session.scalar(taken.union(select(OldCode.code).where(OldCode.code == code))):
            return code


def one_at_a_time() -> None:
    """Lock against others who create or move events: text codes and places are given once.

    SQLite lets only one write anyway; PostgreSQL holds this lock until the end of the transaction.
    """
    if is_postgres():
        db.session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def free_text_code(used: set[str]) -> str:
    """Digits that no open event has; they are added to `used`.

    Five digits hold 9,000 codes; past a third of them guessing an open event gets easy, so six are used.
    """
    length = 5 if len(used) < 3000 else 6
    code = make_text_code(length)
    while code in used:
        code = make_text_code(length)
    used.add(code)
    return code
