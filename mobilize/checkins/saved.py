"""Check-ins that waited on a member's own phone until there was a network."""

import uuid
from datetime import datetime, timedelta

from mobilize.checkins.decision import Proof
from mobilize.checkins.forms import SavedCheckIn, is_event_token
from mobilize.checkins.known_phones import Recalled, phone_row, recall
from mobilize.checkins.models import Method, Says
from mobilize.checkins.operations import CheckIn, check_in
from mobilize.checkins.phone_clocks import TapTime, tap_time
from mobilize.checkins.queries import device_mark
from mobilize.checkins.shown import Shown
from mobilize.checkins.typed import Typed, read_typed, unreadable
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.tokens import random_token

# By then every phone has had a network again. What comes later may be honest, but a person decides.
TAKEN_AS_SAID = timedelta(hours=24)
AT_ONCE = timedelta(minutes=1)


def check_in_saved(
    event: Shown, saved: SavedCheckIn, *, cookie: str | None, ticket: str | None, now: datetime
) -> tuple[CheckIn, str]:
    """A check-in from a phone's queue, stored with the time of the tap; as weak as any self-report.

    The same nonce again gives the same answer, and with another body raises `Refused` 422. More than a day
    after the end it is kept for a person, and so is a tap made after its poster's code was replaced. `ticket`
    is the phone's for having read the line's changing code: good for a tap that was sent at once. Returns
    what became of it and the token for the phone's cookie.
    """
    if not is_event_token(saved.token, event.code):
        raise Refused("stale_form", _("This page was too old. Send it once more."), status=400)
    known = recall(cookie) if cookie else None
    typed, when = _typed(saved, known), tapped_at(saved, now)
    token = cookie if cookie and known else random_token()
    proof = Proof(
        event_id=event.id,
        nonce=bytes.fromhex(saved.nonce),
        # A tap on a known phone stays the same deed, whatever is typed on that phone meanwhile.
        body=((saved.typed or "known") + ("/left" if saved.left else "")).encode(),
        says=Says.LEFT if saved.left else Says.HERE,
        method=Method.ROTATING if ticket and not when.span and now - when.at < AT_ONCE else Method.POSTER,
        typed=typed,
        happened_at=when.at,
        span=when.span,
        device=device_mark(event.id, token),
        ticket=device_mark(event.id, ticket) if ticket else None,
        clock_error_s=(saved.sent_at - now).total_seconds(),
        for_a_person=is_too_late(event, now) or event.is_old_code(when.at),
    )
    return check_in(proof, now=now, phone=phone_row(known, token, typed, now)), token


def check_in_saved_link(event: Shown, member_id: uuid.UUID, saved: SavedCheckIn, *, now: datetime) -> CheckIn:
    """The same from the page of a member's own link."""
    if not is_event_token(saved.token, event.code):
        raise Refused("stale_form", _("This page was too old. Send it once more."), status=400)
    when = tapped_at(saved, now)
    proof = Proof(
        event_id=event.id,
        nonce=bytes.fromhex(saved.nonce),
        body=f"link/{member_id}{'/left' if saved.left else ''}".encode(),
        says=Says.LEFT if saved.left else Says.HERE,
        method=Method.LINK,
        member_id=member_id,
        happened_at=when.at,
        span=when.span,
        clock_error_s=(saved.sent_at - now).total_seconds(),
        for_a_person=is_too_late(event, now),
    )
    return check_in(proof, now=now)


def tapped_at(saved: SavedCheckIn, now: datetime) -> TapTime:
    """When they tapped, by our clock, as well as it can be known."""
    return tap_time(saved.clock(saved.sent_at), now)


def is_too_late(event: Shown, now: datetime) -> bool:
    """Nobody can say any more whether a phone's own word for the time is right."""
    return now > event.ends_at + TAKEN_AS_SAID


def _typed(saved: SavedCheckIn, known: Recalled | None) -> Typed:
    if saved.typed is not None:
        return read_typed(saved.typed)
    if known is None:
        raise unreadable()
    return known.said
