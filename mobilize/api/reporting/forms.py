"""The bodies of requests that report from a line."""

import uuid
from typing import Annotated

from pydantic import Field

from mobilize.api.endpoint import KEY_PATTERN
from mobilize.api.fields import Line, Moment, RequestBody, Whole, example
from mobilize.checkins.models import Duty
from mobilize.checkins.record.head_counts import MOST_AT_A_LINE

MOST_AT_ONCE = 100
ItemKey = Annotated[str, Field(pattern=KEY_PATTERN)]


class CheckInReport(RequestBody, json_schema_extra=example({"typed": "213 555 0123"})):
    """A member who is at an event, on a strike day leaves it, or was ticked there by mistake: `member`, or
    `typed`, and not both."""

    member: uuid.UUID | None = Field(None, description="The id of a member in the token's view.")
    typed: Line | None = Field(None, description="A mobile number, a member number, or a name.")
    at: Moment | None = Field(None, description="When it was; without it, now.")
    left: bool = Field(False, description="They leave.")
    undo: bool = Field(False, description="All ticks of this `member` at the event are taken back.")
    duty: Duty | None = Field(None, description="On a strike day, what they do; at the line unless said.")

    @property
    def content(self) -> bytes:
        """What makes it the same report when it comes again."""
        return self.model_dump_json(exclude={"key"}, exclude_defaults=True).encode()


class CheckInItem(CheckInReport, json_schema_extra=example({"key": "gate-3-0002", "typed": "213 555 0124"})):
    """One item of a batch, under a key of its own."""

    key: ItemKey = Field(description="As an Idempotency-Key, of this item.")


class CheckInBatch(
    RequestBody,
    json_schema_extra=example(
        {
            "items": [
                {"key": "gate-3-0002", "typed": "213 555 0124"},
                {"key": "gate-3-0003", "typed": "Rosa Lund"},
            ]
        }
    ),
):
    """Up to a hundred check-ins of one event, each stored and answered on its own."""

    items: list[CheckInItem] = Field(min_length=1, max_length=MOST_AT_ONCE)


class HeadCountReport(RequestBody, json_schema_extra=example({"n": 27})):
    """How many people somebody counted at a line, or at one of its gates."""

    n: Whole = Field(ge=0, le=MOST_AT_A_LINE)
    at: Moment | None = Field(None, description="When it was counted; without it, now.")
    gate: uuid.UUID | None = Field(
        None, description="The id of one of the event's `gates`; without it, the whole line."
    )
    sure: bool = Field(False, description="Whoever counted was asked, and the unusual number is right.")


class SupportersReport(RequestBody, json_schema_extra=example({"delta": 4})):
    """Families and community who came, or below zero were counted too many."""

    delta: Whole = Field(ge=-MOST_AT_A_LINE, le=MOST_AT_A_LINE)
    at: Moment | None = Field(None, description="When it was; without it, now.")
    sure: bool = Field(False, description="Whoever counted was asked, and the unusual number is right.")
