"""Rotating codes for the QR on a line's phone, and the ticket a phone gets for reading one.

A picture of the code is stale after a minute. A phone that has read it in time holds a ticket for a quarter
of an hour, since people type slowly.

The key is made of the event and of the grants that have ended by then: it is another one from the moment a
phone is taken back, hands the line over or loses its role, and no phone is ever given a key that names it as
ended. Other phones get the new one with their next look at the line's state. One without a network goes on
with the key it has: whoever scans it then is self-reported, until it has a network again.
"""

import base64
import hmac
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Protocol

from mobilize.accounts.access.grants import grants_end_at
from mobilize.actions.queries import EARLY, LATE
from mobilize.keys import crypto
from mobilize.keys.tokens import random_token

STEP_S = 30
# 40 bits in eight letters of the alphanumeric mode of QR codes: a guess in a million years, not in a minute.
_BYTES = 5
TICKET_LASTS = timedelta(minutes=15)
# A line's phone gets the key this long before anybody may check in, so that it has it without a network.
KEY_AHEAD = timedelta(minutes=60)


class HasHours(Protocol):
    """An event, as far as its hours go."""

    @property
    def id(self) -> uuid.UUID: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...
    @property
    def is_called_off(self) -> bool: ...


def rotating_key(
    event: HasHours, now: datetime, ends: Mapping[uuid.UUID, datetime] | None = None
) -> bytes | None:
    """The key of one event's codes, HKDF-derived (RFC 5869), for its line's phones; only around its hours.
    `ends` is its `grants_end_at()`, for callers that have it already."""
    if event.is_called_off or not event.starts_at - EARLY - KEY_AHEAD <= now <= event.ends_at + LATE:
        return None
    return _key(event.id, grants_end_at(event.id) if ends is None else ends, now)


def rotating_code(event_id: uuid.UUID, now: datetime) -> str:
    """The eight letters of this half minute: the first 40 bits of an HMAC-SHA256 over the step's number
    (eight bytes, as in RFC 4226), in base 32."""
    return _code(_key(event_id, grants_end_at(event_id), now), int(now.timestamp()) // STEP_S)


def is_rotating_code(written: str) -> bool:
    """True for what looks like one of these codes, stale or not."""
    return re.fullmatch(r"[A-Z2-7]{8}", written.upper()) is not None


def is_current(event_id: uuid.UUID, code: str, now: datetime) -> bool:
    """True for the code of this half minute and of the one before, by our own clock. Where a phone's grant
    has ended meanwhile, of the old key only those that were shown before."""
    step, ends = int(now.timestamp()) // STEP_S, grants_end_at(event_id)
    good = {
        _code(_key(event_id, ends, at), n)
        for n in (step, step - 1)
        for at in (now, datetime.fromtimestamp(n * STEP_S, UTC))
    }
    read = code.strip().upper().encode()
    return any(hmac.compare_digest(one.encode(), read) for one in good)


def ticket(event_id: uuid.UUID, now: datetime) -> str:
    """A signed ticket for the cookie of a phone that has read a current code."""
    content = f"{random_token()[:22]}.{int((now + TICKET_LASTS).timestamp())}"
    return f"{content}.{crypto.sign('presence', f'{event_id}/{content}')}"


def holds(event_id: uuid.UUID, value: str | None, now: datetime) -> bool:
    """True for a ticket of this event that has not run out."""
    content, _dot, tag = (value or "").rpartition(".")
    _name, _dot, until = content.partition(".")
    if (
        not until.isdigit()
        or len(until) > 12
        or not crypto.is_signed("presence", f"{event_id}/{content}", tag)
    ):
        return False
    return now < datetime.fromtimestamp(int(until), UTC)


def _key(event_id: uuid.UUID, ends: Mapping[uuid.UUID, datetime], at: datetime) -> bytes:
    ended = sorted(grant.hex for grant, end in ends.items() if end <= at)
    return crypto.derive(f"event/{event_id}/{sha256(''.join(ended).encode()).hexdigest()}")


def _code(key: bytes, step: int) -> str:
    return base64.b32encode(hmac.digest(key, step.to_bytes(8, "big"), "sha256")[:_BYTES]).decode()
