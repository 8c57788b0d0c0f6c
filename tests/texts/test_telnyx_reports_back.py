"""Callbacks of Telnyx: signed by its key over the moment and the body; unordered, repeated, or not ours."""

import base64
import dataclasses
import json
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize.database import db
from mobilize.demo.carrier.callbacks import ed25519_headers
from mobilize.demo.carrier.server import Carrier
from mobilize.demo.carrier.telnyx import TelnyxCarrier
from mobilize.texts.consent.carrier_blocks import carriers_that_block
from mobilize.texts.models import AttemptOutcome, Inbound, Intent, OutboxText, TextState
from mobilize.texts.queries import is_opted_out
from mobilize.texts.sending.delivery import drain
from tests.texts.conftest import MIA, attempt, fresh

Queue = Callable[..., OutboxText]
ADDRESS = "/texts/telnyx"


def post(
    client: FlaskClient,
    second: TelnyxCarrier,
    data: Any,
    headers: dict[str, str] | None = None,
    path: str = ADDRESS,
) -> int:
    body = json.dumps({"data": data})
    signed = ed25519_headers(second.signing_key, body) if headers is None else headers
    return client.post(path, data=body, headers={"Content-Type": "application/json", **signed}).status_code


def event(kind: str, **payload: Any) -> dict[str, Any]:
    return {"event_type": kind, "id": str(uuid.uuid4()), "payload": payload}


def status(second: TelnyxCarrier, text: OutboxText, word: str, *errors: str, n: int = 1) -> dict[str, Any]:
    """What Telnyx reports on an attempt of this text; its id is the first in the ledger, or a new one."""
    taken = second.store.ledger()
    message_id = uuid.UUID(hex=taken[0]["sid"][2:]) if taken else uuid.uuid4()
    return event(
        "message.sent" if word in ("queued", "sent") else "message.finalized",
        id=str(message_id),
        to=[{"phone_number": MIA, "status": word}],
        webhook_url=f"http://localhost:{second.callback_base.rpartition(':')[2]}{ADDRESS}?text={text.id}&n={n}",
        errors=[{"code": code, "title": "?"} for code in errors],
    )


def inbound(body: str, **more: Any) -> dict[str, Any]:
    payload = {
        "id": str(uuid.uuid4()),
        "from": {"phone_number": MIA},
        "to": [{"phone_number": "+12135550150"}],
        "text": body,
    }
    return event("message.received", **payload, **more)


@pytest.fixture
def alone(app: Flask, second: TelnyxCarrier) -> TelnyxCarrier:
    """Telnyx without Twilio."""
    app.config["MOBILIZE"] = dataclasses.replace(app.config["MOBILIZE"], carriers=("telnyx",))
    return second


@pytest.fixture
def sent(alone: TelnyxCarrier, queued: Queue, now: datetime) -> OutboxText:
    text = queued()
    assert drain(now=now).accepted == 1
    return text


def test_a_signed_status_moves_its_text(client: FlaskClient, second: TelnyxCarrier, sent: OutboxText):
    assert attempt(sent).carrier == "telnyx" and len(attempt(sent).sid or "") == 32
    for word, state in (
        ("sent", TextState.SENT),
        ("delivered", TextState.DELIVERED),
        ("sent", TextState.DELIVERED),
    ):
        assert post(client, second, status(second, sent, word)) == 204
        assert fresh(sent).state is state


def test_a_status_finds_the_attempt_whose_answer_was_lost(
    client: FlaskClient, alone: TelnyxCarrier, queued: Queue, now: datetime
):
    alone.faults.next = {"drop_accepted": 1}
    text = queued()
    drain(now=now)
    assert fresh(text).state is TextState.UNKNOWN
    assert post(client, alone, status(alone, text, "delivered")) == 204
    assert (fresh(text).state, attempt(text).outcome) == (TextState.DELIVERED, AttemptOutcome.ADOPTED)


def test_what_was_not_delivered_has_its_code_and_a_landline_is_marked(
    client: FlaskClient, second: TelnyxCarrier, sent: OutboxText
):
    assert post(client, second, status(second, sent, "delivery_failed", "40001")) == 204
    assert (fresh(sent).state, fresh(sent).error_code) == (TextState.FAILED, 40001)


def test_the_id_in_the_request_s_own_address_is_not_believed_for_it_is_not_signed(
    client: FlaskClient, second: TelnyxCarrier, sent: OutboxText, queued: Queue
):
    other = queued("+12135550177", "other:1:1")
    path = f"{ADDRESS}?text={other.id}&n=1"
    assert post(client, second, status(second, sent, "delivered"), path=path) == 204
    assert (fresh(sent).state, fresh(other).state) == (TextState.DELIVERED, TextState.WAITING)


@pytest.mark.parametrize("wrong", ["none", "other_key", "other_body", "old", "no_number", "no_base64"])
def test_what_telnyx_has_not_signed_within_five_minutes_is_refused(
    client: FlaskClient, second: TelnyxCarrier, sent: OutboxText, wrong: str
):
    data = status(second, sent, "delivered")
    body = json.dumps({"data": data})
    headers = ed25519_headers(second.signing_key, body)
    old = str(int(time.time()) - 301)
    headers |= {
        "none": {"telnyx-signature-ed25519": ""},
        "other_key": ed25519_headers(Ed25519PrivateKey.generate(), body),
        "other_body": ed25519_headers(second.signing_key, body + " "),
        "old": {
            "telnyx-timestamp": old,
            "telnyx-signature-ed25519": base64.b64encode(
                second.signing_key.sign(f"{old}|{body}".encode())
            ).decode(),
        },
        "no_number": {"telnyx-timestamp": "now"},
        "no_base64": {"telnyx-signature-ed25519": "§"},
    }[wrong]
    assert post(client, second, data, headers) == 403
    assert fresh(sent).state is TextState.ACCEPTED


def test_without_telnyx_nobody_can_sign_for_it(client: FlaskClient, carrier: Carrier):
    assert client.post(ADDRESS, data="{}").status_code == 403


@pytest.mark.parametrize(
    "data",
    [None, [], {}, event("call.initiated"), event("message.finalized"), event("message.received", id="x")],
)
def test_what_concerns_us_not_or_is_garbage_is_taken_and_changes_nothing(
    client: FlaskClient, second: TelnyxCarrier, data: Any
):
    assert post(client, second, data) == 204
    assert db.session.scalars(select(Inbound)).all() == []


def test_a_text_to_us_is_taken_once_with_its_carrier_and_the_number(
    client: FlaskClient, second: TelnyxCarrier
):
    data = inbound("STOP", autoresponse_type="opt_out")
    assert post(client, second, data) == post(client, second, data) == 204
    (row,) = db.session.scalars(select(Inbound)).all()
    assert (row.carrier, row.number, row.intent) == ("telnyx", "+12135550150", Intent.OUT)
    assert is_opted_out(MIA) and carriers_that_block(MIA) == ["telnyx"]
    assert post(client, second, inbound("START", autoresponse_type="opt_in")) == 204
    assert not is_opted_out(MIA) and carriers_that_block(MIA) == []


def test_a_picture_goes_to_the_inbox_with_a_mark(client: FlaskClient, second: TelnyxCarrier):
    assert post(client, second, inbound("", media=[{"url": "https://example.org/1"}] * 2)) == 204
    (row,) = db.session.scalars(select(Inbound)).all()
    assert (row.media, row.intent, row.done_at) == (2, Intent.OTHER, None)
