"""The carrier: the only file that knows Twilio, and the place to add another carrier.

Sends through the SDK's public surface with an HTTP client of ours (its `http_client=`), because the SDK's own
has no timeout and a pool of a few connections. Nothing here touches the database.
"""

import importlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

import urllib3
from flask import Request
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator

from mobilize import settings
from mobilize.texts import rehearsal
from mobilize.texts.models import Outcome

CONNECT_S, READ_S = rehearsal.seconds(5), rehearsal.seconds(20)
CONNECTIONS = 64
LOG_LIMIT = 100_000  # of messages in one reading of the log
SDK_ADDRESS = "https://api.twilio.com"
# Without a code of Twilio's own, the SDK repeats the HTTP status: a proxy may have said that, not the
# carrier.
TWILIO_CODES_FROM = 10_000

_log = logging.getLogger(__name__)


class LogUnreadable(Exception):
    """The carrier's list of messages could not be read; nothing may be concluded from it."""


@dataclass(frozen=True)
class Answer:
    """How one call ended: `sid` for what was taken, `error_code` for what was not."""

    outcome: Outcome
    sid: str | None = None
    error_code: int | None = None


@dataclass(frozen=True)
class Logged:
    """One message in the carrier's own log."""

    sid: str
    body: str
    created_at: datetime
    sender: str = ""
    status: str = ""
    error_code: int | None = None


def is_set_up() -> bool:
    """True when there is an account to send with."""
    return bool(settings().twilio_account_sid and settings().twilio_auth_token)


def prepare() -> None:
    """Load now what sending needs: a worker that does it before it forks shares it with its children."""
    importlib.import_module("twilio.rest.api")


def send(to: str, body: str, *, callback: str, validity_s: int) -> Answer:
    """Hand one text to the carrier. Never raises for what the network or the carrier does.

    Not taken for certain: REFUSED (a 4xx with its code), SLOWED (429), NOT_SENT (no byte left us). Everything
    else without a clear yes is UNKNOWN: create has no idempotency key, so it must be looked up, not repeated.
    """
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
        return Answer(Outcome.ACCEPTED, taken.sid) if taken.sid else Answer(Outcome.UNKNOWN)
    except (TwilioRestException, TwilioServiceException) as problem:
        return _refused(problem.status, problem.code)
    except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
        return Answer(Outcome.NOT_SENT)
    except urllib3.exceptions.SSLError:
        return Answer(Outcome.NOT_SENT)
    except (urllib3.exceptions.HTTPError, TwilioException, ValueError, KeyError, TypeError, AttributeError):
        # A timeout, a reset, or an answer that is not what Twilio answers.
        return Answer(Outcome.UNKNOWN)


def sent_to(phone: str) -> list[Logged]:
    """The newest 20 messages to this number in the carrier's log. Raises `LogUnreadable`.

    Not filtered by date: the DateSent filter hides what is still queued.
    """
    newest = _log_of(to=phone, limit=20, page_size=20)
    return [_logged(message) for message in newest if message.direction != "inbound"]


def came_in(number: str, since: datetime) -> Iterator[Logged]:
    """Texts to our `number` since then, newest first. Raises `LogUnreadable`, also on the way."""
    for message in _log_of(to=number):
        if message.date_created < since:
            return
        if message.direction == "inbound":
            yield _logged(message)


def went_out(since: datetime) -> Iterator[Logged]:
    """What the carrier has sent for us since then, newest first, with its status. Raises `LogUnreadable`."""
    for message in _log_of(date_sent_after=since):
        if message.direction != "inbound":
            yield _logged(message)


def is_from_carrier(request: Request) -> bool:
    """Did the carrier sign this request? Checked over the configured public address, never over what the
    request says of itself. TWILIO_AUTH_TOKEN may hold two tokens (new,old) while one is being rotated."""
    signature = request.headers.get("X-Twilio-Signature")
    if not signature or not is_set_up():
        return False
    query = request.query_string.decode("latin-1")
    address = settings().public_base_url + request.path + (f"?{query}" if query else "")
    checks = [RequestValidator(token).validate(address, request.form, signature) for token in _tokens()]
    return any(checks)


def _log_of(**wanted: Any) -> Iterator[Any]:
    """Messages of the carrier's log, newest first, page after page."""
    try:
        for message in _client().messages.stream(**{"limit": LOG_LIMIT, "page_size": 1000, **wanted}):
            if message.sid and message.date_created:
                yield message
    except (urllib3.exceptions.HTTPError, TwilioException, ValueError, KeyError, TypeError, AttributeError):
        raise LogUnreadable from None


def _logged(message: Any) -> Logged:
    return Logged(
        message.sid,
        message.body or "",
        message.date_created,
        sender=message.from_ or "",
        status=str(message.status or ""),
        error_code=message.error_code,
    )


def _refused(status: int, code: int | None) -> Answer:
    if status == 429:
        return Answer(Outcome.SLOWED, error_code=code)
    if 400 <= status < 500 and code and code >= TWILIO_CODES_FROM:
        return Answer(Outcome.REFUSED, error_code=code)
    return Answer(Outcome.UNKNOWN, error_code=code)


def _tokens() -> list[str]:
    return [token.strip() for token in settings().twilio_auth_token.split(",") if token.strip()]


def _client() -> Any:
    chosen = settings()
    return _client_for(chosen.twilio_account_sid, _tokens()[0], chosen.twilio_api_url, os.getpid())


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
        rehearsal.reach("calling")
        answer = self.pool.request(
            method,
            address,
            body=urlencode(data, doseq=True) if data else None,
            headers=sent,
            redirect=allow_redirects,
        )
        rehearsal.reach("called")
        return Response(answer.status, answer.data.decode("utf-8", "replace"), answer.headers)
