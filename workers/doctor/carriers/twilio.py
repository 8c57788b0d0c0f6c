"""The account at Twilio: its token, messaging service, senders, their registration, and where texts go.

Sources: https://www.twilio.com/docs/iam/api/account, https://www.twilio.com/docs/messaging/api/service-resource,
https://www.twilio.com/docs/messaging/api/usapptoperson-resource
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import urllib3

from mobilize import clock, settings
from mobilize.observability.findings import Finding, finding
from mobilize.texts.carriers import inbound_address, twilio
from workers.doctor.database import compare_clocks
from workers.doctor.http import HttpAnswer, get

_API, _MESSAGING = "https://api.twilio.com", "https://messaging.twilio.com"
_TOLL_FREE = re.compile(r"\+18(00|33|44|55|66|77|88)\d{7}")
# Segments a second that carriers take from each class of sender.
TOLL_FREE_PACE, LONG_CODE_PACE, SHORT_CODE_PACE = 3, 225, 100


def account(_now: datetime) -> Sequence[Finding]:
    """Its findings, or that all is as it should be."""
    if "twilio" not in settings().carriers_set_up:
        return []
    asked_at = clock.now()
    answer = _ask(_API, f"/2010-04-01/Accounts/{settings().twilio_account_sid}.json")
    if answer.error or answer.status >= 500:
        return [finding("twilio.away", error=answer.error or str(answer.status))]
    if answer.status != 200:
        return [finding("twilio.credentials")]
    clocks = [compare_clocks(answer.timestamp, asked_at, "Twilio")] if answer.timestamp else []
    return [*clocks, *(list(_troubles(answer.json)) or [finding("twilio.ok")])]


def _troubles(of_account: dict[str, Any]) -> Iterator[Finding]:
    if of_account.get("status") != "active":
        yield finding("twilio.account", status=str(of_account.get("status")))
    if of_account.get("type") == "Trial":
        yield finding("twilio.trial")
    sid = settings().twilio_messaging_service_sid
    service = _ask(_MESSAGING, f"/v1/Services/{sid}")
    if service.status != 200:
        yield finding("twilio.service", sid=sid)
        return
    number = _sender(sid)
    if number is None:
        yield finding("twilio.number")
    yield from _webhook(service.json)
    yield from _registration(sid, number or {})
    yield from _pace()


def _sender(service_sid: str) -> dict[str, Any] | None:
    """TEXT_NUMBER among the senders of the service."""
    is_short = not settings().text_number.startswith("+")
    path, listed, named = (
        ("ShortCodes", "short_codes", "short_code")
        if is_short
        else ("PhoneNumbers", "phone_numbers", "phone_number")
    )
    answer = _ask(_MESSAGING, f"/v1/Services/{service_sid}/{path}?PageSize=1000")
    rows = answer.json.get(listed, [])
    return next((row for row in rows if row.get(named) == settings().text_number), None)


def _webhook(service: dict[str, Any]) -> Iterator[Finding]:
    """Where it sends incoming texts: the service's address, or that of the number itself."""
    address = str(service.get("inbound_request_url") or "")
    if service.get("use_inbound_webhook_on_number"):
        query = urlencode({"PhoneNumber": settings().text_number})
        account_sid = settings().twilio_account_sid
        answer = _ask(_API, f"/2010-04-01/Accounts/{account_sid}/IncomingPhoneNumbers.json?{query}")
        rows = answer.json.get("incoming_phone_numbers", [])
        address = str(rows[0].get("sms_url") or "") if rows else ""
    expected = inbound_address(twilio.NAME)
    if address.partition("#")[0] != expected.partition("#")[0]:
        yield finding("twilio.webhook", address=address or "-", expected=expected)
    elif address != expected:
        yield finding("twilio.retries", expected=expected)


def _registration(service_sid: str, number: dict[str, Any]) -> Iterator[Finding]:
    """What carriers in the United States demand of the class of this sender."""
    phone = settings().text_number
    if not phone.startswith("+"):
        return
    if _TOLL_FREE.fullmatch(phone):
        sid = number.get("sid", "")
        answer = _ask(_MESSAGING, f"/v1/Tollfree/Verifications?TollfreePhoneNumberSid={sid}")
        states = [row.get("status") for row in answer.json.get("verifications", [])]
        if "TWILIO_APPROVED" not in states:
            yield finding("twilio.unverified", status=str(states[0] if states else "-"))
        return
    answer = _ask(_MESSAGING, f"/v1/Services/{service_sid}/Compliance/Usa2p")
    states = [row.get("campaign_status") for row in answer.json.get("compliance", [])]
    if "VERIFIED" not in states:
        yield finding("twilio.unregistered", status=str(states[0] if states else "-"))


def _pace() -> Iterator[Finding]:
    phone, pace = settings().text_number, settings().segments_per_second
    most = LONG_CODE_PACE if phone.startswith("+") else SHORT_CODE_PACE
    most = TOLL_FREE_PACE if _TOLL_FREE.fullmatch(phone) else most
    if pace > most:
        yield finding("twilio.pace", set=f"{pace:g}", most=most)


def _ask(host: str, path: str) -> HttpAnswer:
    """GET with the account's token; all of it at TWILIO_API_URL where that is another one."""
    chosen = settings()
    address = host if chosen.twilio_api_url == _API else chosen.twilio_api_url
    token = chosen.twilio_auth_token.split(",")[0].strip()
    return get(address + path, urllib3.make_headers(basic_auth=f"{chosen.twilio_account_sid}:{token}"))
