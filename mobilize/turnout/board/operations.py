"""What an organizer enters at the desk for a line: the head count that a chair told them."""

from datetime import datetime

from mobilize import audit
from mobilize.actions.models import Event, EventState
from mobilize.checkins.record.head_counts import report_head_count
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.turnout.calls.operations import end_call
from mobilize.turnout.models import CallResult

DESK = "desk"


def enter_count(event: Event, n: int, *, nonce: bytes, sure: bool, actor: str, now: datetime) -> None:
    """Store a head count that somebody was told, as of now; a call that `actor` has claimed has reached
    somebody. The same nonce and number again change nothing.

    Raises `Refused`: "not_open" before the start, and once the event is closed or called off; and as
    `report_head_count()` does ("count_unusual" asks whether the number is right: say `sure`).
    """
    if event.state is not EventState.PLANNED:
        raise Refused("not_open", _("This event is closed or called off: its figures no longer change."))
    if now < event.starts_at:
        raise Refused("not_open", _("This event has not begun. A head count is of people who stand there."))
    with atomic():
        report_head_count(event, n, counted_at=now, nonce=nonce, via=DESK, by=actor, now=now, sure=sure)
        audit.note(actor, "count.enter", event.id, now=now)
        end_call(event.id, CallResult.REACHED, actor=actor, now=now)
