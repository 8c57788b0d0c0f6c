"""Telnyx (https://developers.telnyx.com), over its HTTP API version 2.

A message carries our id in its own callback address, which every callback about it and its detail record show
again: so a message that nobody heard of is found without its words. The list of detail records is promised
for no moment, and one that is not in it yet may be on its way: what is not found goes to a person
(`ABSENCE_PROVES`).
"""

import base64
import binascii
import json
import os
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Request

from mobilize import failpoints, settings
from mobilize.texts.carriers.base import (
    CONNECT_S,
    CONNECTIONS,
    LOG_LIMIT,
    READ_S,
    CallbackRefusal,
    CarrierMessage,
    ErrorMeaning,
    InboundText,
    Keyword,
    LogUnreadable,
    NotRedacted,
    SendResult,
    StatusReport,
)
from mobilize.texts.enums import AttemptOutcome

if TYPE_CHECKING:
    from mobilize.texts.carriers.telnyx_events import TelnyxEvent

NAME = "telnyx"
ABSENCE_PROVES = False
KEEPS_WORDS = False  # its messaging profile redacts them, once that is switched on
STOP_WORDS = frozenset({"STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
START_WORDS = frozenset({"START", "UNSTOP"})
# Source: https://developers.telnyx.com/docs/messaging/messages/error-codes and
# https://developers.telnyx.com/development/api-fundamentals/api-errors
MEANINGS: dict[ErrorMeaning, frozenset[int]] = {
    ErrorMeaning.OPTED_OUT: frozenset({40300}),
    ErrorMeaning.BAD_NUMBER: frozenset({40001, 40008, 40012, 40310}),
    ErrorMeaning.STOP_SENDER: frozenset({40003, 40010, 40013, 40100, 40151, 40315, 40329, 40333}),
    ErrorMeaning.SET_UP_WRONG: frozenset(
        {10001, 10009, 10010, 20012, 20100, 40305, 40312, 40314, 40320, 40321}
    ),
    ErrorMeaning.SLOW_DOWN: frozenset({10011, 40011, 40318}),
    ErrorMeaning.ONE_RETRY: frozenset({40004, 40006}),
    ErrorMeaning.FILTERED: frozenset({40002, 40015, 40322}),
    ErrorMeaning.EXPIRED: frozenset({40005, 40014}),
}
# Its own failures, which say nothing about the text: 10007 unexpected error, 10008 request timeout.
UNSURE = frozenset({10007, 10008})
# The words of a callback, and those of a detail record, in the words of `receiving/receipts.py`.
STATUSES = {
    "queued": "queued",
    "sending": "sending",
    "sent": "sent",
    "delivery_unconfirmed": "sent",
    "delivered": "delivered",
    "sending_failed": "failed",
    "delivery_failed": "undelivered",
    "expired": "failed",
    "dlr_unconfirmed": "sent",
    "dlr_timeout": "sent",
    "gw_reject": "failed",
    "failed": "failed",
}
_SIGNATURE, _SIGNED_AT = "telnyx-signature-ed25519", "telnyx-timestamp"
SIGNED_WITHIN_S = 300  # as its own libraries have it
ON_A_PAGE = 50  # the most it lists at once
WINDOW = timedelta(days=1)  # of a look
_BROKEN = (urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError, AttributeError, IndexError)


def numbers() -> tuple[str, ...]:
    """The numbers it texts from."""
    return settings().telnyx_numbers


def segments_per_second() -> float:
    """The pace of its sender."""
    return settings().telnyx_segments_per_second


def prepare() -> None:
    """Nothing: what it needs is small."""


def callback(outbox_id: uuid.UUID, n: int) -> str:
    """The address of callbacks about this attempt; `_our_id` reads it back."""
    return f"{settings().public_base_url}/texts/telnyx?text={outbox_id}&n={n}"


def send(to: str, body: str, *, callback: str, validity_s: int, number: str | None = None) -> SendResult:
    """Hand one text to Telnyx; see `base.CarrierModule.send`. It cannot be told how long a text is useful."""
    message = {
        "from": number if number in numbers() else _number_for(to),
        "to": to,
        "text": body,
        "type": "SMS",
        "webhook_url": callback,
        "use_profile_webhooks": False,
    }
    try:
        failpoints.reach("calling")
        answer = _call("POST", "/v2/messages", body=message)
        failpoints.reach("called")
        if answer.status == 200:
            return SendResult(AttemptOutcome.ACCEPTED, _sid(answer.json()["data"]["id"]))
        return _refused(answer.status, _code(answer))
    except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
        return SendResult(AttemptOutcome.NOT_SENT)
    except urllib3.exceptions.SSLError:
        return SendResult(AttemptOutcome.NOT_SENT)
    except _BROKEN:
        return SendResult(AttemptOutcome.UNKNOWN)


def messages_to(phone: str) -> list[CarrierMessage]:
    """The messages to this number within a day, newest first. Raises `LogUnreadable`."""
    records = _records(since=datetime.now(UTC) - WINDOW, direction="outbound", cld=phone)
    return [_message(record) for record in records]


def inbound_messages(number: str, since: datetime) -> Iterator[CarrierMessage]:
    """Texts to our `number` since then, newest first, each asked for its words. Raises `LogUnreadable`, also
    on the way."""
    for record in _records(since=since, direction="inbound", cld=number):
        yield _message(record, body=_words_of(record["uuid"]))


def outbound_messages(since: datetime) -> Iterator[CarrierMessage]:
    """The messages sent for us since then, newest first. Raises `LogUnreadable`, also on the way."""
    for record in _records(since=since, direction="outbound"):
        yield _message(record)


def outbound_since(since: datetime) -> Iterator[CarrierMessage]:
    """The messages it took from us since then. Raises `LogUnreadable`, also on the way."""
    return outbound_messages(since)


def is_from_carrier(request: Request) -> bool:
    """Whether Telnyx signed this request within five minutes: Ed25519 over the moment and the body as sent.

    Source: https://developers.telnyx.com/docs/development/sdk/python/webhooks
    """
    try:
        return _is_signed(request) and abs(time.time() - int(request.headers[_SIGNED_AT])) <= SIGNED_WITHIN_S
    except ValueError:
        return False


def why_refused(request: Request) -> CallbackRefusal:
    """What may be wrong about a request that `is_from_carrier` refused: see `base.CarrierModule`."""
    if not request.headers.get(_SIGNATURE) or not request.headers.get(_SIGNED_AT):
        return CallbackRefusal.UNSIGNED
    if _is_signed(request):
        return CallbackRefusal.OTHER_TIME
    text = text_in(request)
    is_ours = text is not None and text.number in settings().telnyx_numbers
    return CallbackRefusal.OTHER_SECRET if is_ours else CallbackRefusal.STRANGER


def _is_signed(request: Request) -> bool:
    try:
        signature = base64.b64decode(request.headers[_SIGNATURE], validate=True)
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(settings().telnyx_public_key))
        key.verify(signature, request.headers[_SIGNED_AT].encode() + b"|" + request.get_data())
    except (KeyError, ValueError, binascii.Error, InvalidSignature):
        return False
    return True


def status_in(request: Request) -> StatusReport | None:
    """The status of one of our messages that this callback brings. None for another callback, or garbage.

    Our id is read from the signed body: the address of the request is not part of what is signed.
    """
    event = _event(request)
    if event is None or event.event_type not in ("message.sent", "message.finalized"):
        return None
    payload = event.payload
    status = (payload.to[0].status or "").lower()
    outbox_id, n = _our_id(payload.webhook_url or "")
    return StatusReport(
        sid=payload.id.hex,
        status=STATUSES.get(status, status)[:16],
        error_code=_first_code([error.code for error in payload.errors or ()]),
        outbox_id=outbox_id,
        n=n,
    )


def text_in(request: Request) -> InboundText | None:
    """The text to us that this callback brings. None for another callback, or garbage."""
    event = _event(request)
    if event is None or event.event_type != "message.received":
        return None
    payload = event.payload
    sender, number = payload.sender and payload.sender.phone_number, payload.to[0].phone_number
    if not sender or not number:
        return None
    return InboundText(
        sid=payload.id.hex,
        sender=sender[:20],
        body=(payload.text or "").replace("\x00", ""),
        number=number[:16],
        media=len(payload.media or ()),
        keyword=_keyword(payload.autoresponse_type or ""),
    )


def redact(_sid: str, *, media: bool = False) -> None:
    """It has no such call: its messaging profile redacts, or nothing does."""
    raise NotRedacted


def _number_for(to: str) -> str:
    """The same number of ours for the same phone each time."""
    choice = numbers()
    return choice[int(to[-4:]) % len(choice)]


def _refused(status: int, code: int | None) -> SendResult:
    if status == 429:
        return SendResult(AttemptOutcome.SLOWED, error_code=code)
    if 400 <= status < 500 and status != 408 and code and code not in UNSURE:
        return SendResult(AttemptOutcome.REFUSED, error_code=code)
    return SendResult(AttemptOutcome.UNKNOWN, error_code=code)


def _records(*, since: datetime, **attributes: str) -> Iterator[dict[str, Any]]:
    """Detail records of messages, newest first, page after page. Raises `LogUnreadable`.

    Source: https://developers.telnyx.com/api-reference/detail-records/search-detail-records
    """
    filters = {f"filter[{name}]": value for name, value in attributes.items()}
    query = {
        "filter[record_type]": "messaging",
        "filter[created_at][gte]": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **filters,
        "sort": "-created_at",
        "page[size]": str(ON_A_PAGE),
    }
    for page in range(1, LOG_LIMIT // ON_A_PAGE):
        try:
            answer = _call("GET", "/v2/detail_records?" + urlencode({**query, "page[number]": str(page)}))
            if answer.status != 200:
                raise LogUnreadable
            records, pages = answer.json()["data"], answer.json()["meta"]["total_pages"]
            yield from (record for record in records if record["uuid"] and record["created_at"])
        except _BROKEN:
            raise LogUnreadable from None
        if page >= pages:
            return


def _words_of(message_id: str) -> str:
    """Empty when it keeps the message no longer."""
    try:
        answer = _call("GET", f"/v2/messages/{uuid.UUID(message_id)}")
        if answer.status == 404:
            return ""
        if answer.status != 200:
            raise LogUnreadable
        return str(answer.json()["data"]["text"] or "")
    except _BROKEN:
        raise LogUnreadable from None


def _message(record: dict[str, Any], body: str = "") -> CarrierMessage:
    try:
        status = str(record.get("status") or "queued").lower()
        return CarrierMessage(
            sid=_sid(record["uuid"]),
            body=body,
            created_at=datetime.fromisoformat(record["created_at"]),
            sender=record.get("cli") or "",
            status=STATUSES.get(status, "queued"),
            error_code=_first_code(record.get("errors")),
            callback=record.get("delivery_status_webhook_url") or "",
            to=record.get("cld") or "",
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        raise LogUnreadable from None


def _sid(message_id: str) -> str:
    """Its ids are UUIDs; without hyphens they fit beside Twilio's."""
    return uuid.UUID(message_id).hex


def _our_id(address: str) -> tuple[uuid.UUID | None, int | None]:
    """The text and the attempt that an address of `callback` names."""
    base, _, query = address.partition("?text=")
    outbox_id, _, n = query.partition("&n=")
    try:
        is_ours = base == f"{settings().public_base_url}/texts/telnyx"
        return (uuid.UUID(outbox_id), int(n)) if is_ours else (None, None)
    except ValueError:
        return None, None


def _event(request: Request) -> "TelnyxEvent | None":
    # Not above: workers receive none, and do without pydantic and its memory.
    from mobilize.texts.carriers.telnyx_events import read_event

    return read_event(request.get_data())


def _keyword(handled: str) -> Keyword | None:
    """What Telnyx has answered itself: its field says opt_out, opt_in or help, in one spelling or another."""
    word = handled.lower().replace("-", "_").removeprefix("opt_")
    return {"out": Keyword.STOP, "stop": Keyword.STOP, "in": Keyword.START, "start": Keyword.START}.get(
        word, Keyword.HELP if word in ("help", "info") else None
    )


def _code(answer: urllib3.BaseHTTPResponse) -> int | None:
    try:
        return _first_code(answer.json()["errors"])
    except _BROKEN:
        return None


def _first_code(errors: Any) -> int | None:
    """The first of the errors: objects with a code in an answer, bare codes in a detail record."""
    if not errors:
        return None
    first = errors[0]["code"] if isinstance(errors[0], dict) else errors[0]
    return int(first) if str(first).isdigit() else None


def _call(method: str, path: str, body: object = None) -> urllib3.BaseHTTPResponse:
    return _pool(os.getpid()).request(
        method,
        settings().telnyx_api_url + path,
        body=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {settings().telnyx_api_key}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        },
        redirect=False,
    )


@cache
def _pool(_process: int) -> urllib3.PoolManager:
    """One pool per process: open connections must not be shared across a fork. No retries of its own."""
    return urllib3.PoolManager(
        maxsize=CONNECTIONS, retries=False, timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S)
    )
