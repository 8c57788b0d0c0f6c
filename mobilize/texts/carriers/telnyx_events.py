"""Events that Telnyx posts in its callbacks: a message that it took, sent or received. What stands in none of
these fields is left out.

Source: https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks
"""

import uuid
from typing import Any

from pydantic import BaseModel, Field, ValidationError


class Party(BaseModel):
    """One end of a message, and what became of the message there."""

    phone_number: str | None = None
    status: str | None = None


class EventError(BaseModel):
    """One of the reasons for which a message failed."""

    code: str | int | None = None


class EventPayload(BaseModel):
    """The message. `sender` is None where we sent it; `webhook_url` is the address that it was sent with."""

    id: uuid.UUID
    sender: Party | None = Field(None, alias="from")
    to: list[Party] = Field(min_length=1)
    text: str | None = None
    media: list[Any] | None = None
    errors: list[EventError] | None = None
    webhook_url: str | None = None
    autoresponse_type: str | None = None


class TelnyxEvent(BaseModel):
    """Something that happened to a message."""

    event_type: str
    payload: EventPayload


class _Body(BaseModel):
    data: TelnyxEvent


def read_event(body: bytes) -> TelnyxEvent | None:
    """The event in the body of a request; None for one about something else, or garbage."""
    try:
        return _Body.model_validate_json(body).data
    except ValidationError:
        return None
