"""The program in docs/webhooks.md reads what we send, and nothing else."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mobilize.webhooks.models import WebhookTopic
from mobilize.webhooks.sending.signature import headers_of, make_secret

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


def test_every_topic_stands_there() -> None:
    assert set(re.findall(r"^\| `([\w.]+)` \|", DOCS, re.M)) == {
        "type",
        *(topic.value for topic in WebhookTopic),
    }
