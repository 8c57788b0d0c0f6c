"""A carrier's callbacks that are refused or stay away: counted, shown, alarmed; and the first that comes."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

import config
from mobilize import clock, create_app, settings
from mobilize.accounts.models import Person, RoleName
from mobilize.accounts.security.protections import ProtectionState, protections
from mobilize.database import db
from mobilize.demo.carrier.callbacks import ed25519_headers, signature
from mobilize.demo.carrier.server import Carrier
from mobilize.demo.carrier.telnyx import TelnyxCarrier
from mobilize.reminders.monitoring.alarms import alert_about_callbacks
from mobilize.texts.carriers.base import CallbackRefusal
from mobilize.texts.models import OutboxText
from mobilize.texts.queries import is_opted_out
from mobilize.texts.receiving import callbacks
from mobilize.texts.receiving.callbacks import CallbackStatus, callback_statuses
from mobilize.texts.receiving.missed_events import catch_up
from tests.builders import make_person, sign_in
from tests.services.client import BareClient
from tests.services.databases import opened
from tests.texts.conftest import MIA, NATE

STOP = {"MessageSid": "SM" + "1" * 32, "From": MIA, "Body": "STOP"}


@pytest.fixture(autouse=True)
def written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "WRITE_EVERY_S", 0.0)


def post(client: FlaskClient, *, base: str = "", token: str = "", host: str = "", **fields: str) -> int:
    form = {**STOP, "AccountSid": settings().twilio_account_sid, **fields}
    address = f"{base or settings().public_base_url}/texts/inbound"
    signed = signature(token or settings().twilio_auth_token, address, form)
    headers = {"X-Twilio-Signature": signed} | ({"Host": host} if host else {})
    return client.post("/texts/inbound", data=form, headers=headers).status_code


def twilio() -> CallbackStatus:
    return callback_statuses(clock.now())[0]


def protection() -> Any:
    return next(one for one in protections(clock.now()) if one.name == "texts")


def workers_page(client: FlaskClient) -> str:
    ada = db.session.scalar(select(Person)) or make_person("Ada Stone", role=RoleName.ADMIN, phone=NATE)
    sign_in(client, ada)
    return client.get("/texts/health/workers").text


def test_the_first_signed_text_ticks_the_box(client: FlaskClient, app: Flask) -> None:
    assert (protection().state, twilio().first_at) == (ProtectionState.UNKNOWN, None)
    assert "Not yet: text any word to (213) 555-0100" in workers_page(client)
    assert post(client) == 200
    first = twilio().first_at
    assert post(client, MessageSid="SM" + "2" * 32) == 200
    assert first and twilio().first_at == first and twilio().last_at
    assert protection().state is ProtectionState.OK
    assert "Yes, the last one came" in workers_page(client)


@pytest.mark.parametrize(
    ("mistake", "refusal", "remedy"),
    [
        ({"token": "yesterday's"}, CallbackRefusal.OTHER_SECRET, "token or key anew"),
        (
            {"base": "https://picket.example.net", "host": "picket.example.net"},
            CallbackRefusal.OTHER_ADDRESS,
            "PUBLIC_BASE_URL",
        ),
    ],
)
def test_a_wrong_setting_is_counted_shown_and_told(
    client: FlaskClient, app: Flask, mistake: dict[str, str], refusal: CallbackRefusal, remedy: str
) -> None:
    assert post(client) == 200
    assert [post(client, **mistake) for _ in range(3)] == [403, 403, 403]
    assert (twilio().refusal, twilio().refused) == (refusal, 3)
    page = workers_page(client)
    assert remedy in page and "3 times" in page and "Everything is running" not in page
    assert protection().state is ProtectionState.TO_DO
    assert (alert_about_callbacks(clock.now()), alert_about_callbacks(clock.now())) == (1, 0)
    [alarm] = db.session.scalars(select(OutboxText).where(OutboxText.wording == "webhooks_refused"))
    assert "/texts/health/workers" in str(alarm.merge_fields)
    # Put right, the next one that arrives ends it.
    assert post(client, MessageSid="SM" + "3" * 32) == 200
    assert not twilio().needs_somebody and protection().state is ProtectionState.OK


def test_in_production_a_callback_by_another_name_is_seen_too(
    sqlite_app: Flask, base_environ: dict[str, str]
) -> None:
    production = {"MOBILIZE_ENV": "production", "PUBLIC_BASE_URL": "https://mobilize.example.org"}
    production |= {"TWILIO_API_URL": "https://api.twilio.com", "TEXT_NUMBER": "+12135551235"}
    environ = {**base_environ, **production, "DATABASE_URL": sqlite_app.config["DATABASE_URL"]}
    other = create_app(config.load(environ))
    other.test_client_class = BareClient
    with opened(other):
        client = other.test_client()
        assert post(client, base="https://picket.example.net", host="picket.example.net") == 403
        assert twilio().refusal is CallbackRefusal.OTHER_ADDRESS
        assert client.get("/", headers={"Host": "picket.example.net"}).status_code == 421


def test_what_anybody_may_post_alarms_nobody(client: FlaskClient, app: Flask) -> None:
    assert client.post("/texts/inbound", data=STOP).status_code == 403
    assert post(client, token="guessed", AccountSid="AC" + "9" * 32) == 403
    assert not twilio().needs_somebody and alert_about_callbacks(clock.now()) == 0
    assert not is_opted_out(MIA)


def test_a_flood_writes_once_a_minute(
    client: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callbacks, "WRITE_EVERY_S", 60.0)
    callbacks._written_at.clear()
    for _ in range(20):
        assert post(client, token="guessed") == 403
    assert twilio().refused == 1
    callbacks._written_at.clear()
    assert post(client, token="guessed") == 403
    assert twilio().refused == 21


def test_texts_that_had_to_be_fetched_are_told(
    carrier: Carrier, client: FlaskClient, app: Flask, now: datetime
) -> None:
    """Nothing is refused where the carrier calls nobody, or another address than ours."""
    assert post(client) == 200
    make_person("Ada Stone", role=RoleName.ADMIN, phone=NATE)
    callbacks.note_arrived("twilio", now=now - timedelta(hours=1))
    carrier.store.receive(MIA, "STOP")
    assert catch_up(now=clock.now())[0] == 1
    assert is_opted_out(MIA) and twilio().fetched == 1
    assert alert_about_callbacks(clock.now()) == 1


def test_telnyx_says_which_setting_is_wrong(
    carrier: Carrier, second: TelnyxCarrier, client: FlaskClient, app: Flask
) -> None:
    body = json.dumps({"data": {"event_type": "message.received"}})
    late = {**ed25519_headers(second.signing_key, body), "telnyx-timestamp": "1700000000"}
    late["telnyx-signature-ed25519"] = base64.b64encode(
        second.signing_key.sign(b"1700000000|" + body.encode())
    ).decode()
    assert client.post("/texts/telnyx", data=body, headers=late).status_code == 403
    [_twilio, telnyx] = callback_statuses(clock.now())
    assert (telnyx.carrier, telnyx.refusal) == ("telnyx", CallbackRefusal.OTHER_TIME)
