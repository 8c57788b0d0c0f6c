"""The interface of a carrier, and the values in which it answers.

Each carrier is one module of this package, with what `CarrierModule` names. None touches the database.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from flask import Request

from mobilize import failpoints
from mobilize.texts.enums import AttemptOutcome

CONNECT_S, READ_S = failpoints.seconds(5), failpoints.seconds(20)
CONNECTIONS = 64
LOG_LIMIT = 100_000  # of messages in one reading of a log


class LogUnreadable(Exception):
    """The carrier's list of messages could not be read; nothing may be concluded from it."""


class NotRedacted(Exception):
    """The carrier keeps the words of this message for now: it is under way, or the call failed."""


class ErrorMeaning(StrEnum):
    """The consequence of an error code, whichever carrier gave it."""

    OPTED_OUT = "opted_out"
    BAD_NUMBER = "bad_number"
    # Nothing leaves by this sender until a person has looked; of the second kind, the code says nothing about
    # the text, which waits until the sender is put right.
    STOP_SENDER = "stop_sender"
    SET_UP_WRONG = "set_up_wrong"
    # Our sender may not or cannot text this one number (a country, no route); others are texted.
    REFUSES_NUMBER = "refuses_number"
    SLOW_DOWN = "slow_down"
    # The carrier of the reader takes no more from our brand on this day.
    USED_UP_TODAY = "used_up_today"
    ONE_RETRY = "one_retry"
    FILTERED = "filtered"
    EXPIRED = "expired"


class Keyword(StrEnum):
    """What the carrier has read in a text to us, obeyed, and answered itself."""

    STOP = "STOP"
    START = "START"
    HELP = "HELP"


class CallbackRefusal(StrEnum):
    """Why a request to the address of a carrier's callbacks was refused, as far as it can be seen.

    `UNSIGNED` and `STRANGER` come from anybody. The others come from our own account, or from somebody who
    knows it: signed for another address than PUBLIC_BASE_URL, with another secret than ours, or too long ago.
    """

    UNSIGNED = "unsigned"
    STRANGER = "stranger"
    OTHER_ADDRESS = "other_address"
    OTHER_SECRET = "other_secret"  # noqa: S105 - the reason, not a secret
    OTHER_TIME = "other_time"


@dataclass(frozen=True)
class SendResult:
    """How one call ended: `sid` for what was taken, `error_code` for what was not."""

    outcome: AttemptOutcome
    sid: str | None = None
    error_code: int | None = None


@dataclass(frozen=True)
class CarrierMessage:
    """One message in the carrier's own log. `body` or `callback` is empty where the log does not show it."""

    sid: str
    body: str
    created_at: datetime
    sender: str = ""
    status: str = ""
    error_code: int | None = None
    callback: str = ""
    to: str = ""


@dataclass(frozen=True)
class StatusReport:
    """A status of one of our messages: its words are those of `receiving/receipts.py`. `outbox_id` and `n`
    are ours, when the report names them."""

    sid: str
    status: str
    error_code: int | None
    outbox_id: uuid.UUID | None
    n: int | None


@dataclass(frozen=True)
class InboundText:
    """A text to us: to which of our numbers, with how many pictures, and what the carrier did about it."""

    sid: str
    sender: str
    body: str
    number: str | None = None
    media: int = 0
    keyword: Keyword | None = None


class CarrierModule(Protocol):
    """What the outbox asks of a carrier."""

    # Its name in settings, addresses and tables.
    NAME: str
    # Whether a message that three readable looks into its log do not show was not taken.
    ABSENCE_PROVES: bool
    # Whether it keeps the words of messages until `redact`.
    KEEPS_WORDS: bool
    # The bare words on which it blocks a number itself, and lifts that.
    STOP_WORDS: frozenset[str]
    START_WORDS: frozenset[str]
    # What follows from its error codes; one that is not among them only a person can read.
    MEANINGS: dict[ErrorMeaning, frozenset[int]]

    def numbers(self) -> tuple[str, ...]:
        """Our numbers there."""

    def segments_per_second(self) -> float:
        """The pace of its sender."""

    def prepare(self) -> None:
        """Load now what sending needs: a worker that does it before it forks shares it with its children."""

    def callback(self, outbox_id: uuid.UUID, n: int) -> str:
        """The address to which it reports on this attempt."""

    def send(
        self, to: str, body: str, *, callback: str, validity_s: int, number: str | None = None
    ) -> SendResult:
        """Hand one text to the carrier, from `number` where that can be chosen. Never raises for what the
        network or the carrier does.

        Not taken for certain: REFUSED (a 4xx with its code), SLOWED (429), NOT_SENT (no byte left us).
        Everything else without a clear yes is UNKNOWN: it must be looked up, not repeated.
        """

    def messages_to(self, phone: str) -> list[CarrierMessage]:
        """The newest messages to this number in the carrier's log, newest first. Raises `LogUnreadable`."""

    def inbound_messages(self, number: str, since: datetime) -> Iterator[CarrierMessage]:
        """Texts to our `number` since then, newest first. Raises `LogUnreadable`, also on the way."""

    def outbound_messages(self, since: datetime) -> Iterator[CarrierMessage]:
        """The messages sent for us since then, newest first. Raises `LogUnreadable`, also on the way."""

    def outbound_since(self, since: datetime) -> Iterator[CarrierMessage]:
        """The messages it took from us since then, also those that are still queued. Raises `LogUnreadable`,
        also on the way."""

    def is_from_carrier(self, request: Request) -> bool:
        """Whether the carrier signed this request: checked by what is configured, never by what the request
        says of itself."""

    def why_refused(self, request: Request) -> CallbackRefusal:
        """What may be wrong about a request that `is_from_carrier` refused. For people who look for a
        mistake; nothing is opened by it."""

    def status_in(self, request: Request) -> StatusReport | None:
        """The status this signed request brings; None where it brings none."""

    def text_in(self, request: Request) -> InboundText | None:
        """The text to us that this signed request brings; None where it brings none."""

    def redact(self, sid: str, *, media: bool = False) -> None:
        """Let the carrier forget the words (and pictures) of one message, and keep that there was one. Twice
        is once. Raises `NotRedacted`."""
