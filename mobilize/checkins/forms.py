"""What comes in through the check-in doors."""

import hashlib
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from wtforms import Form, HiddenField, StringField
from wtforms.validators import Length

from mobilize import crypto
from mobilize.checkins.models import Duty
from mobilize.checkins.phone_clocks import TapClock
from mobilize.tokens import random_token


class CheckInForm(Form):
    """The member's form. `token` ties it to the event, so that a page kept overnight still works."""

    typed = StringField(validators=[Length(max=80)])
    token = HiddenField()


def event_token(code: str) -> str:
    """A fresh token for one rendering of an event's form: a random name, signed for this event."""
    name = random_token()[:22]
    return f"{name}.{crypto.sign('event form', f'{code}/{name}')}"


def is_event_token(token: str, code: str) -> bool:
    """True for a token we made for this event, however long ago."""
    name, _, tag = token.partition(".")
    return len(name) == 22 and crypto.is_signed("event form", f"{code}/{name}", tag)


def _by_some_clock(moment: datetime) -> datetime:
    """However wrong a phone's clock is, it shows a year that computers count in."""
    if not 1970 <= moment.year < 2100:
        raise ValueError("no phone shows this time")
    return moment.astimezone(UTC)


PhoneTime = Annotated[AwareDatetime, AfterValidator(_by_some_clock)]


_LONGEST_MS = 400 * 86_400_000


class _Tap(BaseModel):
    """What a phone knows of the time of a tap: see `phone_clocks.TapClock`."""

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
    """A member's check-in from her own phone's queue, perhaps made without a network.

    `at` is when she tapped and `sent_at` when it was sent, both by that phone's clock. Without `typed` she
    tapped on a known phone. `token` is the page's own. `left`: on a strike day, that she leaves.
    """

    nonce: str = Field(pattern=r"^[0-9a-f]{32}$")
    typed: str | None = Field(default=None, max_length=80)
    sent_at: PhoneTime
    token: str = Field(max_length=80)
    left: bool = False


class LineItem(_Tap):
    """One deed on a line page. `at` is when it happened by that phone's own clock."""

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
        # Without the time: a plain form sent twice carries two times, and is still one deed.
        without = {"nonce", "at", "age_ms", "awake", "ahead_ms"}
        return self.model_dump_json(exclude=without, exclude_none=True).encode()


# A line's phone sends what waits on it in batches of this size, one after the other: each is one short
# transaction, behind which nobody at another gate waits.
MOST_ITEMS = 100


class LineBatch(BaseModel):
    """What a line page sends: up to `MOST_ITEMS` deeds, each read and answered on its own.

    `sent_at` is the same phone's clock at the moment of sending: by it we know how wrong that clock is.
    """

    model_config = ConfigDict(extra="forbid")

    items: list[Any] = Field(max_length=MOST_ITEMS)
    sent_at: PhoneTime | None = None


def plain_item(form: Mapping[str, str], now: datetime) -> dict[str, object]:
    """The same deed from a form without JavaScript: its button says `do` = "tick:<id>" or "head_count"."""
    kind, _, member = form.get("do", "").partition(":")
    nonce = hashlib.sha256(
        f"{form.get('nonce')}/{form.get('do')}/{form.get('n')}/{form.get('typed')}/{form.get('duty')}/{form.get('member')}".encode()
    ).hexdigest()[:32]
    return {
        "kind": kind,
        "nonce": nonce,
        "at": now.isoformat(),
        "member": member or form.get("member") or None,
        "typed": form.get("typed"),
        "gate": form.get("gate") or None,
        "duty": form.get("duty") or None if kind == "tick" else None,
        "n": form.get("n", "").strip() or None,
        "sure": True if form.get("n", "").strip() == form.get("sure") else None,
    }
