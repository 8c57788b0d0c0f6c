"""Coming, leaving and duty of one member as her chair or organizer says it afterwards, with times of day."""

import uuid
from datetime import datetime, time

from mobilize import audit, clock, crypto
from mobilize.actions.models import Event
from mobilize.actions.queries import EARLY
from mobilize.checkins.decision import Proof
from mobilize.checkins.models import Duty, Method, Outcome, Says
from mobilize.checkins.operations import check_in
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.languages import _


def vouch_for_hours(
    event: Event,
    member_id: uuid.UUID,
    *,
    came: time | None,
    left: time | None,
    duty: Duty | None,
    page: str,
    actor: str,
    now: datetime,
) -> None:
    """She came then, left then, or both, by the clock of the place; `duty` is what she did from then on.

    The same `page` with the same words is one deed. Raises `Refused`: "no_times" without either, "not_yet"
    for a time to come, "order" when she would leave before she came, "outside" for what is not in the event's
    hours; then nothing is stored.
    """
    if came is None and left is None:
        raise Refused("no_times", _("Say when she came, when she left, or both."))
    came_at, left_at = _moment(event, came), _moment(event, left)
    if max(at for at in (came_at, left_at) if at) > now:
        raise Refused("not_yet", _("That time is still to come."))
    if came_at and left_at and left_at < came_at:
        raise Refused("order", _("She cannot leave before she comes. Check the times."))
    said = f"hours/{page}/{member_id}/{came}/{left}/{duty}"
    with atomic():
        if came_at:
            _say(event, member_id, said, came_at, Says.HERE, duty, now)
        if left_at:
            _say(event, member_id, said, left_at, Says.LEFT, None, now)
        audit.note(actor, "hours.say", f"{event.id} {member_id}", now=now)


def _moment(event: Event, at: time | None) -> datetime | None:
    """That time of day, on the event's day or, where it goes past midnight, the next."""
    if at is None:
        return None
    found = clock.on_local_day(event.starts_at, event.tz, 0, at)
    return found if found >= event.starts_at - EARLY else clock.on_local_day(event.starts_at, event.tz, 1, at)


def _say(
    event: Event,
    member_id: uuid.UUID,
    said: str,
    at: datetime,
    says: Says,
    duty: Duty | None,
    now: datetime,
) -> None:
    body = f"{said}/{says}".encode()
    proof = Proof(
        event_id=event.id,
        nonce=crypto.fingerprint(body)[:16],
        body=body,
        method=Method.TICK,
        happened_at=at,
        member_id=member_id,
        says=says,
        duty=duty,
    )
    if check_in(proof, now=now).outcome in (Outcome.OUTSIDE_HOURS, Outcome.UNRESOLVED):
        raise Refused("outside", _("That is outside the hours of the event, or it was called off."))
