"""Twilio, and the only file that imports its library.

Sends through the SDK's public surface with an HTTP client of ours (its `http_client=`), because the SDK's own
has no timeout and a pool of a few connections. Create has no idempotency key.
"""

import importlib
import logging
import os
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

import urllib3
from flask import Request
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.request_validator import SIGNATURE_SETTINGS_HEADER, RequestValidator, get_signature_algorithm

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

NAME = "twilio"
ABSENCE_PROVES = True  # its list lags by seconds, and the last look is after 180
KEEPS_WORDS = True
STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START_WORDS = frozenset({"START", "YES", "UNSTOP"})
_SIGNATURE = "X-Twilio-Signature"
QUEUED_FOR = timedelta(hours=1)
NOT_OURS = ("inbound", "outbound-reply")  # the second: its own answers to keywords
SDK_ADDRESS = "https://api.twilio.com"
# Without a code of Twilio's own, the SDK repeats the HTTP status: a proxy may have said that, not the
# carrier.
TWILIO_CODES_FROM = 10_000
# Source: https://www.twilio.com/docs/api/errors
MEANINGS: dict[ErrorMeaning, frozenset[int]] = {
    ErrorMeaning.OPTED_OUT: frozenset({21610}),
    ErrorMeaning.BAD_NUMBER: frozenset({21211, 21614, 21217, 21635, 30005, 30006}),
    ErrorMeaning.REFUSES_NUMBER: frozenset({21408, 21612}),
    ErrorMeaning.STOP_SENDER: frozenset({21659, 30002, 30032, 30034, 63038}),
    ErrorMeaning.SET_UP_WRONG: frozenset({20003, 21606, 21703, 21704, 21705}),
    ErrorMeaning.SLOW_DOWN: frozenset({20429, 21611, 30001, 30017, 30022}),
    ErrorMeaning.USED_UP_TODAY: frozenset({30023}),
    ErrorMeaning.ONE_RETRY: frozenset({30003, 30008}),
    ErrorMeaning.FILTERED: frozenset({30007}),
    ErrorMeaning.EXPIRED: frozenset({30036}),
}

_log = logging.getLogger(__name__)


def numbers() -> tuple[str, ...]:
    """The number people text to; which number a text leaves by is the Messaging Service's choice, and the
    same one for the same phone (its Sticky Sender)."""
    return (settings().text_number,) if settings().text_number else ()


def segments_per_second() -> float:
    """The pace of its sender."""
    return settings().segments_per_second


def prepare() -> None:
    """Load now what sending needs: a worker that does it before it forks shares it with its children."""
    importlib.import_module("twilio.rest.api")


def callback(outbox_id: uuid.UUID, n: int) -> str:
    """The address of receipts for this attempt; `status_in` reads it back."""
    return f"{settings().public_base_url}/texts/receipts/{outbox_id}?n={n}"


def send(to: str, body: str, *, callback: str, validity_s: int, number: str | None = None) -> SendResult:
    """Hand one text to Twilio; see `base.CarrierModule.send`. `number` is the Messaging Service's choice."""
    try:
        taken = _client().messages.create(
            to=to,
            body=body,
            messaging_service_sid=settings().twilio_messaging_service_sid,
            status_callback=callback,
            validity_period=validity_s,
            # Smart encoding rewrites the body, and reconciling compares it.
            smart_encoded=False,
        )
        return (
            SendResult(AttemptOutcome.ACCEPTED, taken.sid)
            if taken.sid
            else SendResult(AttemptOutcome.UNKNOWN)
        )
    except (TwilioRestException, TwilioServiceException) as problem:
        return _refused(problem.status, problem.code)
    except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
        return SendResult(AttemptOutcome.NOT_SENT)
    except urllib3.exceptions.SSLError:
        return SendResult(AttemptOutcome.NOT_SENT)
    except (urllib3.exceptions.HTTPError, TwilioException, ValueError, KeyError, TypeError, AttributeError):
        # A timeout, a reset, or an answer that is not what Twilio answers.
        return SendResult(AttemptOutcome.UNKNOWN)


def messages_to(phone: str) -> list[CarrierMessage]:
    """The newest 20 messages to this number in Twilio's log. Raises `LogUnreadable`.

    Not filtered by date: the DateSent filter hides what is still queued.
    """
    newest = _log_of(to=phone, limit=20, page_size=20)
    return [_message(message) for message in newest if message.direction != "inbound"]


def inbound_messages(number: str, since: datetime) -> Iterator[CarrierMessage]:
    """Texts to our `number` since then, newest first. Raises `LogUnreadable`, also on the way."""
    for message in _log_of(to=number):
        if message.date_created < since:
            return
        if message.direction == "inbound":
            yield _message(message)


def outbound_messages(since: datetime) -> Iterator[CarrierMessage]:
    """The messages the carrier has sent for us since then, newest first. Raises `LogUnreadable`."""
    for message in _log_of(date_sent_after=since):
        if message.direction != "inbound":
            yield _message(message)


def outbound_since(since: datetime) -> Iterator[CarrierMessage]:
    """The messages Twilio took from us since then. Raises `LogUnreadable`.

    Not filtered by date, as in `messages_to`; it goes on for an hour's worth, since what was queued for long
    stands among the newer ones.
    """
    for message in _log_of():
        if message.date_created < since - QUEUED_FOR:
            return
        if message.direction not in NOT_OURS and message.date_created >= since:
            yield _message(message)


def is_from_carrier(request: Request) -> bool:
    """Whether Twilio signed this request: checked over the configured public address, never over what the
    request says of itself.

    With the account's token and SHA-1; or, where a webhook rule says so in a header, with a shared key of
    ours and the algorithm named there. Both settings may hold two (new,old) while one is being exchanged.
    Source: https://www.twilio.com/docs/usage/webhooks/webhook-settings
    """
    return _is_signed_for(settings().public_base_url, request)


def signed_headers(address: str, form: dict[str, str]) -> dict[str, str]:
    """The header with which Twilio would sign this form for this address: for a try of our own address."""
    return {_SIGNATURE: RequestValidator(_tokens()[0]).compute_signature(address, form)}


def why_refused(request: Request) -> CallbackRefusal:
    """What may be wrong about a request that `is_from_carrier` refused: see `base.CarrierModule`."""
    if not request.headers.get(_SIGNATURE):
        return CallbackRefusal.UNSIGNED
    as_sent = (f"{scheme}://{request.host}" for scheme in ("https", "http"))
    if any(_is_signed_for(address, request) for address in as_sent):
        return CallbackRefusal.OTHER_ADDRESS
    is_ours = _field(request, "AccountSid") == settings().twilio_account_sid
    return CallbackRefusal.OTHER_SECRET if is_ours else CallbackRefusal.STRANGER


def _is_signed_for(base: str, request: Request) -> bool:
    signature = request.headers.get(_SIGNATURE)
    if not signature:
        return False
    rule = request.headers.get(SIGNATURE_SETTINGS_HEADER)
    keys = _listed(settings().twilio_webhook_key) if rule else _tokens()
    algorithm = get_signature_algorithm(rule)
    query = request.query_string.decode("latin-1")
    address = base + request.path + (f"?{query}" if query else "")
    checks = [RequestValidator(key).validate(address, request.form, signature, algorithm) for key in keys]
    return any(checks)


def status_in(request: Request) -> StatusReport | None:
    """The status this callback brings; our id and the attempt stand in its address, which is signed."""
    sid, status = _field(request, "MessageSid"), _field(request, "MessageStatus")
    if not sid or not status:
        return None
    return StatusReport(
        sid=sid[:34],
        status=status.lower()[:16],
        error_code=_number(request.form.get("ErrorCode", "")),
        outbox_id=(request.view_args or {}).get("outbox_id"),
        n=_number(request.args.get("n", "")),
    )


def text_in(request: Request) -> InboundText | None:
    """The text to us that this callback brings. `OptOutType` says what Advanced Opt-Out has done itself, also
    on keywords of the union's own."""
    sid, sender = _field(request, "MessageSid"), _field(request, "From")
    if not sid or not sender:
        return None
    handled = _field(request, "OptOutType").upper()
    return InboundText(
        sid=sid[:34],
        sender=sender[:20],
        body=_field(request, "Body"),
        number=_field(request, "To")[:16] or None,
        media=_number(_field(request, "NumMedia")) or 0,
        keyword=Keyword(handled) if handled in set(Keyword) else None,
    )


def redact(sid: str, *, media: bool = False) -> None:
    """Empty the body of one message in Twilio's log, and delete its pictures. A message that is not there
    keeps no words. Raises `NotRedacted`, also while it is still under way.

    Source: https://www.twilio.com/docs/messaging/api/message-resource#redact-a-message
    """
    try:
        _client().messages(sid).update(body="")
        for picture in _client().messages(sid).media.list() if media else ():
            picture.delete()
    except (TwilioRestException, TwilioServiceException) as problem:
        if problem.status != 404:
            raise NotRedacted from None
    except (urllib3.exceptions.HTTPError, TwilioException, ValueError, KeyError, TypeError, AttributeError):
        raise NotRedacted from None


def _log_of(**filters: Any) -> Iterator[Any]:
    """Messages of the carrier's log, newest first, page after page."""
    try:
        for message in _client().messages.stream(**{"limit": LOG_LIMIT, "page_size": 1000, **filters}):
            if message.sid and message.date_created:
                yield message
    except (urllib3.exceptions.HTTPError, TwilioException, ValueError, KeyError, TypeError, AttributeError):
        raise LogUnreadable from None


def _message(message: Any) -> CarrierMessage:
    return CarrierMessage(
        message.sid,
        message.body or "",
        message.date_created,
        sender=message.from_ or "",
        status=str(message.status or ""),
        error_code=message.error_code,
        to=message.to or "",
    )


def _refused(status: int, code: int | None) -> SendResult:
    if status == 429:
        return SendResult(AttemptOutcome.SLOWED, error_code=code)
    if 400 <= status < 500 and code and code >= TWILIO_CODES_FROM:
        return SendResult(AttemptOutcome.REFUSED, error_code=code)
    return SendResult(AttemptOutcome.UNKNOWN, error_code=code)


def _tokens() -> list[str]:
    return _listed(settings().twilio_auth_token)


def _listed(secrets: str) -> list[str]:
    return [secret.strip() for secret in secrets.split(",") if secret.strip()]


def _field(request: Request, name: str) -> str:
    return request.form.get(name, "").replace("\x00", "")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _client() -> Any:
    chosen, tokens = settings(), _tokens()
    if not tokens:
        raise TwilioException("there is no account any more")
    return _client_for(chosen.twilio_account_sid, tokens[0], chosen.twilio_api_url, os.getpid())


@cache
def _client_for(account: str, token: str, address: str, _process: int) -> Any:
    """One client per process: open connections must not be shared across a fork."""
    from twilio.rest import Client  # 150 ms: the web, which only checks signatures, does not pay them

    return Client(account, token, http_client=_PooledHttp(address))


class _PooledHttp(HttpClient):
    """The SDK's HTTP client over urllib3: timeouts, a pool for many threads, no retries of its own."""

    def __init__(self, address: str):
        super().__init__(_log, False, READ_S)
        self.address = address
        self.pool = urllib3.PoolManager(
            maxsize=CONNECTIONS,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
        )

    def request(
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        address = self.address + uri.removeprefix(SDK_ADDRESS)
        if params:
            address += "?" + urlencode(params)
        sent = dict(headers or {})
        if auth:
            sent |= urllib3.make_headers(basic_auth=f"{auth[0]}:{auth[1]}")
        failpoints.reach("calling")
        answer = self.pool.request(
            method,
            address,
            body=urlencode(data, doseq=True) if data else None,
            headers=sent,
            redirect=allow_redirects,
        )
        failpoints.reach("called")
        return Response(answer.status, answer.data.decode("utf-8", "replace"), answer.headers)
