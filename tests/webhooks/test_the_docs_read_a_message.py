"""The program in docs/webhooks.md reads what we send, and nothing else."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from mobilize.checkins.record.head_counts import report_head_count
from mobilize.database import db
from mobilize.webhooks.endpoints.operations import make_webhook
from mobilize.webhooks.events.operations import collect
from mobilize.webhooks.events.queries import body_of
from mobilize.webhooks.models import WebhookEvent, WebhookTopic
from mobilize.webhooks.sending.delivery import PAUSES
from mobilize.webhooks.sending.signature import headers_of, make_secret
from tests.builders import START, make_event, make_site

DOCS = (Path(__file__).parents[2] / "docs/webhooks.md").read_text(encoding="utf-8")
AT = datetime(2026, 3, 3, 15, 5, tzinfo=UTC)


def program() -> dict[str, Any]:
    [code] = re.findall(r"```python\n(.*?)```", DOCS, re.S)
    names: dict[str, Any] = {}
    exec(compile(code, "docs/webhooks.md", "exec"), names)  # noqa: S102
    return names


def test_it_reads_what_is_signed_and_refuses_the_rest() -> None:
    read, secret, other = program()["read_message"], make_secret(), make_secret()
    headers = headers_of("msg_1", AT, b'{"type": "webhook.test"}', [other, secret])
    now = AT.timestamp()
    assert read(headers, b'{"type": "webhook.test"}', secret, now)["type"] == "webhook.test"
    for body, key, at in (
        (b'{"type": "webhook.tesT"}', secret, now),
        (b'{"type": "webhook.test"}', make_secret(), now),
        (b'{"type": "webhook.test"}', secret, now + 301),
    ):
        with pytest.raises(ValueError, match="signed|old"):
            read(headers, body, key, at)


def test_the_message_that_is_shown_is_one_of_ours(app: Flask) -> None:
    with time_machine.travel(START, tick=False):
        make_webhook("Map", "http://localhost", [WebhookTopic.HEAD_COUNT], actor="shell", now=START)
        event = make_event(make_site("Lincoln High"), meet_at="Gate B")
        report_head_count(event, 27, counted_at=START, nonce=bytes(16), via="line", by="shell", now=START)
        collect(START)
    sent = body_of(db.session.scalars(select(WebhookEvent)).one(), names=False)
    [example] = [json.loads(one) for one in re.findall(r"```json\n(.*?)```", DOCS, re.S)]
    assert list(sent) == list(example) and list(sent["data"]) == list(example["data"])
    assert (sent["type"], sent["data"]["head_count"]) == (example["type"], example["data"]["head_count"])


def test_the_pauses_are_as_they_stand_there() -> None:
    words = " ".join(DOCS.split()).partition("within ten seconds: after ")[2].partition(" and then every ")
    times = re.findall(r"[\d, and]+ (?:seconds|minutes|hours)", words[0])
    seconds = {"seconds": 1, "minutes": 60, "hours": 3600}
    example = [int(n) * seconds[one.split()[-1]] for one in times for n in re.findall(r"\d+", one)]
    example.append(int(words[2].split(",")[0]) * 3600)
    assert example == [pause.total_seconds() for pause in PAUSES]


def test_every_topic_stands_there() -> None:
    assert set(re.findall(r"^\| `([\w.]+)` \|", DOCS, re.M)) == {
        "type",
        *(topic.value for topic in WebhookTopic),
    }
