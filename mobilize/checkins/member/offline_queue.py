"""Check-ins sent later: the queue of a member's own phone, which had no network."""

import uuid
from datetime import datetime, timedelta

from mobilize.checkins.forms import SavedCheckIn, require_event_token
from mobilize.checkins.line.queries import device_mark
from mobilize.checkins.member.event_cache import CachedEvent
from mobilize.checkins.models import CheckInKind, Method
from mobilize.checkins.record.decision import CheckInRequest
from mobilize.checkins.record.identifiers import Identifier, read_typed, unreadable
from mobilize.checkins.record.known_phones import KnownPhoneRow, phone_row, recall
from mobilize.checkins.record.operations import CheckInResult, check_in
from mobilize.checkins.record.phone_clocks import TapTime, tap_time
from mobilize.keys.tokens import random_token

# By then every phone has had a network again. What comes later may be honest, but a person decides.
TRUSTED_FOR = timedelta(hours=24)
AT_ONCE = timedelta(minutes=1)


def check_in_saved(
    event: CachedEvent, saved: SavedCheckIn, *, cookie: str | None, ticket: str | None, now: datetime
) -> tuple[CheckInResult, str]:
    """A check-in from a phone's queue, stored with the time of the tap; as weak as any self-report.

    The same nonce again gives the same answer, and with another body raises `Refused` 422. More than a day
    after the end it is kept for a person, and so is a tap made after its poster's code was replaced. `ticket`
    is the phone's for having read the line's rotating code: good for a tap that was sent at once. Returns
    the result and the token for the phone's cookie.
    """
    require_event_token(saved.token, event.code)
    phone = recall(cookie) if cookie else None
    typed, when = _typed(saved, phone), tapped_at(saved, now)
    token = cookie if cookie and phone else random_token()
    request = CheckInRequest(
        event_id=event.id,
        nonce=bytes.fromhex(saved.nonce),
        # A tap on a remembered phone stays the same request, whatever is typed on that phone meanwhile.
        body=((saved.typed or "known") + ("/left" if saved.left else "")).encode(),
        kind=CheckInKind.LEFT if saved.left else CheckInKind.HERE,
        method=Method.ROTATING if ticket and not when.span and now - when.at < AT_ONCE else Method.POSTER,
        typed=typed,
        happened_at=when.at,
        span=when.span,
        device=device_mark(event.id, token),
        ticket=device_mark(event.id, ticket) if ticket else None,
        clock_error_s=(saved.sent_at - now).total_seconds(),
        needs_review=is_too_late(event, now) or event.is_old_code(when.at),
    )
    return check_in(request, now=now, phone=phone_row(phone, token, typed, now)), token


def check_in_saved_link(
    event: CachedEvent, member_id: uuid.UUID, saved: SavedCheckIn, *, now: datetime
) -> CheckInResult:
    """A check-in from the queue of a member's own link: `check_in_saved()` without phone and ticket."""
    require_event_token(saved.token, event.code)
    when = tapped_at(saved, now)
    request = CheckInRequest(
        event_id=event.id,
        nonce=bytes.fromhex(saved.nonce),
        body=f"link/{member_id}{'/left' if saved.left else ''}".encode(),
        kind=CheckInKind.LEFT if saved.left else CheckInKind.HERE,
        method=Method.LINK,
        member_id=member_id,
        happened_at=when.at,
        span=when.span,
        clock_error_s=(saved.sent_at - now).total_seconds(),
        needs_review=is_too_late(event, now),
    )
    return check_in(request, now=now)


def tapped_at(saved: SavedCheckIn, now: datetime) -> TapTime:
    """The time of the tap by our clock, as well as it can be known."""
    return tap_time(saved.clock(saved.sent_at), now)


def is_too_late(event: CachedEvent, now: datetime) -> bool:
    """Whether it arrives too long after the event to trust a phone's clock."""
    return now > event.ends_at + TRUSTED_FOR


def _typed(saved: SavedCheckIn, phone: KnownPhoneRow | None) -> Identifier:
    if saved.typed is not None:
        return read_typed(saved.typed)
    if phone is None:
        raise unreadable()
    return phone.last_typed
