"""How somebody gets half in, and proves it a second way."""

import json
from datetime import UTC, datetime

import pyotp
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from mobilize import clock
from mobilize.accounts.models import (
    LinkKind,
    Person,
    SignedInSession,
)
from mobilize.accounts.second_factor.totp import confirm_app, start_app
from mobilize.accounts.sign_in.one_time_links import make_link
from mobilize.accounts.sign_in.operations import send_codes
from mobilize.accounts.sign_in.sessions import begin_session
from mobilize.database import db
from mobilize.keys.tokens import hash_token
from mobilize.texts.models import OutboxText
from tests.services.authenticator import Authenticator

NOW = datetime(2026, 3, 3, 14, 45, tzinfo=UTC)
OLGA = "+12135550110"


def by_link(client: FlaskClient, person: Person) -> TestResponse:
    return client.post(f"/enter/{make_link(person, 'shell', kind=LinkKind.SHELL, now=clock.now())}")


def by_code(client: FlaskClient, phone: str = OLGA) -> TestResponse:
    client.post("/sign-in", data={"phone": phone})
    send_codes(now=clock.now())
    texts = db.session.scalars(select(OutboxText).order_by(OutboxText.id)).all()
    return client.post("/sign-in/code", data={"code": json.loads(texts[-1].merge_fields)["code"]})


def options(client: FlaskClient, purpose: str) -> dict[str, object]:
    answer = client.post(f"/sign-in/passkey/{purpose}")
    assert answer.status_code == 200
    return dict(answer.json)


def add(client: FlaskClient, passkey: Authenticator, name: str = "My phone") -> TestResponse:
    credential = passkey.create(options(client, "add"))
    return client.post("/sign-in/set-up", data={"step_credential": credential, "step_name": name})


def prove(client: FlaskClient, passkey: Authenticator, **more: str) -> TestResponse:
    proof = passkey.get(options(client, "prove"))
    return client.post("/sign-in/second", data={"step_credential": proof, **more})


def with_passkey(client: FlaskClient, passkey: Authenticator, **more: str) -> TestResponse:
    """Whoever is not signed in takes the passkey alone."""
    answer = client.post("/sign-in/with-passkey/options")
    assert answer.status_code == 200
    proof = passkey.get(dict(answer.json))
    return client.post("/sign-in/with-passkey", data={"step_credential": proof, **more})


def app_for(person: Person, *, now: datetime = NOW) -> pyotp.TOTP:
    totp = pyotp.TOTP(start_app(person, now=now).secret)
    confirm_app(person, totp.at(now), now=now)
    return totp


def half_in(person: Person, *, now: datetime = NOW) -> SignedInSession:
    return db.session.get_one(SignedInSession, hash_token(begin_session(person, now=now)))


def is_in(client: FlaskClient) -> bool:
    return client.get("/people").status_code == 200


def cookie(client: FlaskClient) -> str:
    return client.get_cookie("session").value
