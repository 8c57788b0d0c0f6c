"""Hours and duty of one member, entered afterwards by their chair or organizer with times of day."""

import uuid
from datetime import datetime, time

from mobilize import audit, clock
from mobilize.actions.models import Event
from mobilize.actions.queries import EARLY
from mobilize.checkins.models import CheckInKind, Duty, Method, Outcome
from mobilize.checkins.record.decision import CheckInRequest
from mobilize.checkins.record.operations import check_in
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.keys import crypto
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
    """Store when a member came, left, or both, by the clock of the place; `duty` is from then on.

    The same `page` with the same values is one request. Raises `Refused`: "no_times" without either,
    "not_yet" for a time to come, "order" when they would leave before they came, "outside" for what is not
    in the event's hours; then nothing is stored.
    """
    if came is None and left is None:
        raise Refused("no_times", _("Enter when they came, when they left, or both."))
    came_at, left_at = _moment(event, came), _moment(event, left)
    if max(at for at in (came_at, left_at) if at) > now:
        raise Refused("not_yet", _("That time is still to come."))
    if came_at and left_at and left_at < came_at:
        raise Refused("order", _("They cannot leave before they come. Check the times."))
    content = f"hours/{page}/{member_id}/{came}/{left}/{duty}"
    with atomic():
        if came_at:
            _store(event, member_id, content, came_at, CheckInKind.HERE, duty, now)
        if left_at:
            _store(event, member_id, content, left_at, CheckInKind.LEFT, None, now)
        audit.note(actor, "hours.say", f"{event.id} {member_id}", now=now)


def _moment(event: Event, at: time | None) -> datetime | None:
    """That time of day, on the event's day or, where it goes past midnight, the next."""
    if at is None:
        return None
    moment = clock.on_local_day(event.starts_at, event.tz, 0, at)
    return (
        moment if moment >= event.starts_at - EARLY else clock.on_local_day(event.starts_at, event.tz, 1, at)
    )


def _store(
    event: Event,
    member_id: uuid.UUID,
    content: str,
    at: datetime,
    kind: CheckInKind,
    duty: Duty | None,
    now: datetime,
) -> None:
    body = f"{content}/{kind}".encode()
    request = CheckInRequest(
        event_id=event.id,
        nonce=crypto.fingerprint(body)[:16],
        body=body,
        method=Method.TICK,
        happened_at=at,
        member_id=member_id,
        kind=kind,
        duty=duty,
    )
    if check_in(request, now=now).outcome in (Outcome.OUTSIDE_HOURS, Outcome.UNRESOLVED):
        raise Refused("outside", _("That is outside the hours of the event, or it was called off."))
