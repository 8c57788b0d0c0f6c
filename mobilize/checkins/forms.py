"""Forms and JSON models of check-in."""

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple

from flask import request
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from wtforms import Form, HiddenField, StringField
from wtforms.validators import Length

from mobilize.checkins.models import Duty
from mobilize.checkins.record.phone_clocks import TapClock
from mobilize.errors import Refused
from mobilize.keys import crypto
from mobilize.keys.tokens import random_token
from mobilize.languages import _
from mobilize.web.page_form import PageForm


class CheckInForm(Form):
    """The member's form. `token` ties it to the event, so that a page kept overnight still works."""

    typed = StringField(validators=[Length(max=80)])
    token = HiddenField()


class SentCheckIn(NamedTuple):
    """The form as it was sent. `remembered`: on a phone that is; `left`: on a strike day, that they leave."""

    typed: str
    token: str
    remembered: bool
    left: bool


def sent_check_in() -> SentCheckIn:
    """The fields of a member's page. They alone are read by hand: a form of WTForms for these four costs
    every check-in 7 to 9 % more processor time, and a whole union checks in within a quarter of an hour."""
    sent = request.form
    return SentCheckIn(sent.get("typed", ""), sent.get("token", ""), "known" in sent, "left" in sent)


def event_token(code: str) -> str:
    """A fresh token for one rendering of an event's form: a random name, signed for this event."""
    name = random_token()[:22]
    return f"{name}.{crypto.sign('event form', f'{code}/{name}')}"


def is_event_token(token: str, code: str) -> bool:
    """True for a token we made for this event, however long ago."""
    name, _, tag = token.partition(".")
    return len(name) == 22 and crypto.is_signed("event form", f"{code}/{name}", tag)


def require_event_token(token: str, code: str) -> None:
    """Raise `Refused` 400 where it is no token we made for this event."""
    if not is_event_token(token, code):
        raise Refused("stale_form", _("This page was too old. Send it once more."), status=400)


def _by_some_clock(moment: datetime) -> datetime:
    """However wrong a phone's clock is, it shows a year that computers count in."""
    if not 1970 <= moment.year < 2100:
        raise ValueError("no phone shows this time")
    return moment.astimezone(UTC)


PhoneTime = Annotated[AwareDatetime, AfterValidator(_by_some_clock)]


_LONGEST_MS = 400 * 86_400_000


class _Tap(BaseModel):
    """The clock readings of a tap: see `phone_clocks.TapClock`."""

    model_config = ConfigDict(extra="forbid")

    at: PhoneTime
    age_ms: int | None = Field(default=None, ge=0, le=_LONGEST_MS)
    awake: bool = False
    ahead_ms: int | None = Field(default=None, ge=-300 * _LONGEST_MS, le=300 * _LONGEST_MS)

    def clock(self, sent_at: datetime | None) -> TapClock:
        return TapClock(
            at=self.at, sent_at=sent_at, age_ms=self.age_ms, awake=self.awake, ahead_ms=self.ahead_ms
        )


class SavedCheckIn(_Tap):
    """A member's check-in from their own phone's queue, perhaps made without a network.

    `at` is the time of the tap and `sent_at` that of sending, both by that phone's clock. Without `typed` it
    was a tap on a remembered phone. `token` is the page's own. `left`: on a strike day, that they leave.
    """

    nonce: str = Field(pattern=r"^[0-9a-f]{32}$")
    typed: str | None = Field(default=None, max_length=80)
    sent_at: PhoneTime
    token: str = Field(max_length=80)
    left: bool = False


class LineItem(_Tap):
    """One item of a line page. `at` is when it happened by that phone's own clock."""

    nonce: str = Field(pattern=r"^[0-9a-f]{32}$")
    kind: Literal["tick", "untick", "left", "head_count", "supporters", "walkin", "scan", "new_number"]
    member: uuid.UUID | None = None
    n: int | None = Field(default=None, ge=-20_000, le=20_000)
    gate: uuid.UUID | None = None
    typed: str | None = Field(default=None, max_length=80)
    personal: str | None = Field(default=None, max_length=80)
    reason: str | None = Field(default=None, max_length=80)
    duty: Duty | None = None
    # Of an unusual number: whoever counted was asked, and it is right.
    sure: Literal[True] | None = None

    @property
    def nonce_bytes(self) -> bytes:
        return bytes.fromhex(self.nonce)

    @property
    def body(self) -> bytes:
        # Without the time: a plain form sent twice carries two times, and is still one check-in.
        without = {"nonce", "at", "age_ms", "awake", "ahead_ms"}
        return self.model_dump_json(exclude=without, exclude_none=True).encode()


# A line's phone sends what waits on it in batches of this size, one after the other: each is one short
# transaction, behind which nobody at another gate waits.
MOST_ITEMS = 100


class LineBatch(BaseModel):
    """A batch of a line page: up to `MOST_ITEMS` items, each read and answered on its own.

    `sent_at` is the same phone's clock at the moment of sending: by it we know how wrong that clock is.
    """

    model_config = ConfigDict(extra="forbid")

    items: list[Any] = Field(max_length=MOST_ITEMS)
    sent_at: PhoneTime | None = None


class DecideForm(PageForm):
    """A decision about evidence: `do`, why, and its member, chosen by id or written as number or name."""

    do = StringField(default="")
    reason = StringField()
    member = StringField()
    who = StringField()


class TakeForm(PageForm):
    """What waited is taken, or left. `what`: a count of "heads" or "supporters"."""

    do = StringField()
    what = StringField()

    @property
    def take(self) -> bool:
        return bool(self.do.data == "take")


def duty_words() -> dict[Duty, str]:
    """The label of each duty."""
    return {
        Duty.PICKET: _("At the line"),
        Duty.KITCHEN: _("Kitchen"),
        Duty.PHONES: _("Phones"),
        Duty.CHILDCARE: _("Child care"),
        Duty.SUPPLIES: _("Supplies and driving"),
        Duty.OFFICE: _("Strike office"),
        Duty.OTHER: _("Another duty"),
    }


def duty_choices() -> list[tuple[str, str]]:
    """(value, label) of every duty but the line itself, which is the default."""
    return [(duty.value, words) for duty, words in duty_words().items() if duty is not Duty.PICKET]
