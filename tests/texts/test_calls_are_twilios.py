"""Every call we make, checked against Twilio's own description of it.

Source: https://github.com/twilio/twilio-oai, spec/json/twilio_api_v2010.json at d50069b (April 14, 2026):
operations CreateMessage, ListMessage and FetchMessage. Copied by hand: names, formats, and what is needed.
"""

import dataclasses
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import urllib3
from flask import Flask

from mobilize.texts.carriers import twilio as carrier
from mobilize.texts.models import AttemptOutcome

PHONE, URI = r"\+[1-9]\d{6,14}", r"https?://[^\s_]+"
BOOLEAN, INTEGER, TEXT = r"true|false", r"\d+", r"(?s).+"
DATE_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
CREATE = {
    "To": PHONE,
    "StatusCallback": URI,
    "ApplicationSid": r"AP[0-9a-fA-F]{32}",
    "MaxPrice": r"[\d.]+",
    "ProvideFeedback": BOOLEAN,
    "Attempt": INTEGER,
    "ValidityPeriod": INTEGER,
    "ForceDelivery": BOOLEAN,
    "ContentRetention": "retain|discard",
    "AddressRetention": "retain|obfuscate",
    "SmartEncoded": BOOLEAN,
    "PersistentAction": TEXT,
    "TrafficType": "free",
    "ShortenUrls": BOOLEAN,
    "ScheduleType": "fixed",
    "SendAt": DATE_TIME,
    "SendAsMms": BOOLEAN,
    "ContentVariables": TEXT,
    "RiskCheck": "enable|disable",
    "From": PHONE,
    "FallbackFrom": PHONE,
    "MessagingServiceSid": r"MG[0-9a-fA-F]{32}",
    "Body": TEXT,
    "MediaUrl": URI,
    "ContentSid": r"HX[0-9a-fA-F]{32}",
}
LIST = {
    "To": PHONE,
    "From": PHONE,
    "DateSent": DATE_TIME,
    "DateSent<": DATE_TIME,
    "DateSent>": DATE_TIME,
    "PageSize": INTEGER,
    "Page": INTEGER,
    "PageToken": TEXT,
}
ACCOUNT = "AC" + "0" * 32
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
NO_MESSAGES = b'{"messages": [], "page": 0, "page_size": 50, "start": 0, "end": 0, "uri": "/x"}'


@pytest.fixture
def app(sqlite_app: Flask) -> Flask:
    return sqlite_app


@pytest.fixture
def calls(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every call that would have left us, answered with nothing in particular."""
    requests: list[dict[str, Any]] = []

    def request(_self: object, method: str, url: str, **params: Any) -> urllib3.HTTPResponse:
        requests.append({"method": method, "url": url, **params})
        body = b'{"sid": "SM1", "status": "queued"}' if method == "POST" else NO_MESSAGES
        return urllib3.HTTPResponse(body, status=201 if method == "POST" else 200)

    monkeypatch.setattr(urllib3.PoolManager, "request", request)
    # A client of its own: the pooled one may have been made by another test.
    address = "https://api.example.org"
    app.config["MOBILIZE"] = dataclasses.replace(app.config["MOBILIZE"], twilio_api_url=address)
    return requests


def test_create_message_is_what_the_description_allows(calls: list[dict[str, Any]]):
    answer = carrier.send(
        "+12135550101",
        "¡Hola! ¿Vienes mañana? 1 = sí",
        callback="https://mobilize.example.org/texts/receipts/0199",
        validity_s=3600,
    )
    assert answer == carrier.SendResult(AttemptOutcome.ACCEPTED, "SM1")
    (call,) = calls
    assert (call["method"], urlsplit(call["url"]).path) == ("POST", MESSAGES)
    assert call["headers"]["Content-Type"] == "application/x-www-form-urlencoded"
    assert call["headers"]["authorization"].startswith("Basic ")
    form = fields(call["body"])
    assert_allowed(form, CREATE)
    # `To` is needed; and one of From and MessagingServiceSid, one of Body, MediaUrl and ContentSid.
    assert {"To", "MessagingServiceSid", "Body"} <= form.keys()
    assert form["SmartEncoded"] == "false"
    assert 1 <= int(form["ValidityPeriod"]) <= 36_000
    assert len(form["Body"]) <= 1600


def test_list_messages_is_what_the_description_allows(calls: list[dict[str, Any]]):
    assert carrier.messages_to("+12135550101") == []
    (call,) = calls
    assert (call["method"], urlsplit(call["url"]).path, call["body"]) == ("GET", MESSAGES, None)
    query = fields(urlsplit(call["url"]).query)
    assert_allowed(query, LIST)
    assert query == {"To": "+12135550101", "PageSize": "20"}
    assert 1 <= int(query["PageSize"]) <= 1000


def test_the_log_since_a_moment_is_what_the_description_allows(calls: list[dict[str, Any]]):
    since = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
    assert list(carrier.inbound_messages("+12135550100", since)) == []
    assert list(carrier.outbound_messages(since)) == []
    inbound, outbound = (fields(urlsplit(call["url"]).query) for call in calls)
    assert_allowed(inbound, LIST)
    assert_allowed(outbound, LIST)
    assert inbound["To"] == "+12135550100"
    assert outbound["DateSent>"] == "2026-03-03T15:00:00Z"


def test_redacting_is_an_update_with_an_empty_body_and_nothing_else(calls: list[dict[str, Any]]):
    carrier.redact("SM" + "1" * 32)
    (call,) = calls
    assert (call["method"], urlsplit(call["url"]).path) == (
        "POST",
        MESSAGES.replace(".json", f"/SM{'1' * 32}.json"),
    )
    assert fields(call["body"]) == {"Body": ""}


def test_nothing_else_of_the_sdk_is_used():
    import mobilize.texts.carriers.twilio as module

    # Of one message: `.update` and `.media`, in `redact`.
    source = module.__loader__.get_source(module.__name__)  # type: ignore[union-attr]
    assert set(re.findall(r"_client\(\)\.(\w+)\.(\w+)\(", source)) <= {
        ("messages", "create"),
        ("messages", "stream"),
    }


def fields(encoded: str) -> dict[str, str]:
    pairs = parse_qsl(encoded, keep_blank_values=True, strict_parsing=True)
    assert len({name for name, _ in pairs}) == len(pairs), "a field is there twice"
    return dict(pairs)


def assert_allowed(params: dict[str, str], described: dict[str, str]) -> None:
    for name, value in params.items():
        assert name in described, f"Twilio knows no {name}"
        assert re.fullmatch(described[name], value), f"{name}={value!r}"
