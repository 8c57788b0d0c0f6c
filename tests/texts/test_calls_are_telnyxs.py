"""Every call we make to Telnyx, checked against its own description of it.

Source: https://developers.telnyx.com/api-reference/messages/send-a-message and
https://developers.telnyx.com/api-reference/detail-records/search-detail-records (August 2026), as its Python
library 4 has them: `MessageSendParams`, `DetailRecordListParams`. Copied by hand: names, and what is needed.
"""

import dataclasses
import json
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import urllib3
from flask import Flask

from mobilize.texts.carriers import telnyx
from mobilize.texts.carriers.base import LogUnreadable, SendResult
from mobilize.texts.models import AttemptOutcome

SEND = {
    "to", "from", "text", "type", "auto_detect", "media_urls", "messaging_profile_id", "send_at", "subject",
    "use_profile_webhooks", "webhook_failover_url", "webhook_url",
}  # fmt: skip
# Attributes of a message's detail record by which a list may be filtered.
RECORD = {"cld", "cli", "direction", "status", "created_at", "uuid"}
MESSAGE_ID = "40385f64-5717-4562-b3fc-2c963f66afa6"
TEXT_ID = uuid.UUID("01990000-0000-7000-8000-000000000001")


@pytest.fixture
def app(sqlite_app: Flask) -> Flask:
    numbers = ("+12135550150", "+12135550151")
    sqlite_app.config["MOBILIZE"] = dataclasses.replace(
        sqlite_app.config["MOBILIZE"], telnyx_api_key="KEY1", telnyx_numbers=numbers
    )
    return sqlite_app


class Answers:
    """Every call that would have left us, and what it is answered with."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.status, self.body = 200, json.dumps({"data": {"id": MESSAGE_ID}})

    def request(self, method: str, url: str, **arguments: Any) -> urllib3.HTTPResponse:
        self.calls.append({"method": method, "url": url, **arguments})
        return urllib3.HTTPResponse(self.body.encode(), status=self.status)


@pytest.fixture
def answers(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Answers:
    answers = Answers()
    monkeypatch.setattr(
        urllib3.PoolManager,
        "request",
        lambda _self, *arguments, **named: answers.request(*arguments, **named),
    )
    return answers


def send(number: str | None = None) -> SendResult:
    callback = telnyx.callback(TEXT_ID, 2)
    return telnyx.send("+12135550101", "¿Vienes?", callback=callback, validity_s=60, number=number)


def test_a_text_is_sent_as_the_description_has_it(answers: Answers):
    assert send() == SendResult(AttemptOutcome.ACCEPTED, uuid.UUID(MESSAGE_ID).hex)
    (call,) = answers.calls
    assert (call["method"], call["url"]) == ("POST", "https://api.telnyx.com/v2/messages")
    assert call["headers"]["Authorization"] == "Bearer KEY1"
    sent = json.loads(call["body"])
    assert sent.keys() <= SEND
    assert (sent["to"], sent["text"], sent["type"]) == ("+12135550101", "¿Vienes?", "SMS")
    assert len(sent["webhook_url"]) < 2000
    assert telnyx._our_id(sent["webhook_url"]) == (TEXT_ID, 2)


def test_the_same_phone_is_texted_from_the_same_number_and_an_answer_from_the_one_written_to(
    answers: Answers,
):
    for number in (None, None, "+12135550150", "+12135550151", "+12135559999"):
        send(number)
    assert [json.loads(call["body"])["from"][-1] for call in answers.calls] == ["1", "1", "0", "1", "1"]


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (400, "40310", AttemptOutcome.REFUSED),
        (403, "40300", AttemptOutcome.REFUSED),
        (401, "10009", AttemptOutcome.REFUSED),
        (429, "10011", AttemptOutcome.SLOWED),
        (500, "10007", AttemptOutcome.UNKNOWN),
        (400, "10007", AttemptOutcome.UNKNOWN),
        (408, "10008", AttemptOutcome.UNKNOWN),
        (502, None, AttemptOutcome.UNKNOWN),
        (403, None, AttemptOutcome.UNKNOWN),
    ],
)
def test_only_a_clear_no_with_a_code_of_its_own_is_a_no(
    answers: Answers, status: int, code: str | None, outcome: AttemptOutcome
):
    answers.status = status
    answers.body = json.dumps({"errors": [{"code": code}]}) if code else "<html>a proxy"
    assert send().outcome is outcome


@pytest.mark.parametrize(
    "body", ["", "<html>", "[]", "{}", '{"data": {}}', '{"data": {"id": "x"}}', '{"data": null}']
)
def test_a_yes_that_cannot_be_read_is_looked_up(answers: Answers, body: str):
    answers.body = body
    assert send().outcome is AttemptOutcome.UNKNOWN


def test_a_look_asks_for_what_the_description_lists(answers: Answers):
    answers.body = json.dumps({"data": [], "meta": {"total_pages": 0}})
    assert telnyx.messages_to("+12135550101") == []
    assert list(telnyx.outbound_messages(datetime(2026, 3, 3, 15, 0, tzinfo=UTC))) == []
    assert list(telnyx.inbound_messages("+12135550150", datetime(2026, 3, 3, 15, 0, tzinfo=UTC))) == []
    for call in answers.calls:
        query = dict(parse_qsl(urlsplit(call["url"]).query))
        assert urlsplit(call["url"]).path == "/v2/detail_records"
        assert (query.pop("filter[record_type]"), query.pop("sort")) == ("messaging", "-created_at")
        assert 1 <= int(query.pop("page[size]")) <= 50 and query.pop("page[number]") == "1"
        assert {name.split("[")[1].rstrip("]") for name in query} <= RECORD
        assert query["filter[created_at][gte]"].endswith("Z")


@pytest.mark.parametrize(
    "body",
    ["", "<html>", "[]", "{}", '{"data": [{}], "meta": {"total_pages": 1}}', '{"data": [], "meta": {}}'],
)
def test_a_list_that_cannot_be_read_concludes_nothing(answers: Answers, body: str):
    answers.body = body
    with pytest.raises(LogUnreadable):
        telnyx.messages_to("+12135550101")
