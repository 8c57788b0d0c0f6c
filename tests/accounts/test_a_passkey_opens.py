"""Olga sets up a passkey and signs in with it; nobody else's opens anything."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from mobilize import clock
from mobilize.accounts.models import (
    Passkey,
    PasskeyChallenge,
    Person,
    RecoveryCode,
)
from mobilize.database import db
from tests.accounts.second_factor import add, by_code, by_link, is_in, options, prove
from tests.services.authenticator import Authenticator


def test_the_first_link_leads_to_a_passkey_and_then_recovery_codes_once(
    client: FlaskClient, olga: Person, passkey: Authenticator
) -> None:
    entered = by_link(client, olga)
    page = client.get(entered.location, follow_redirects=True)
    assert page.request.path == "/sign-in/set-up" and "Set up your passkey" in page.text
    assert not is_in(client)
    done = add(client, passkey)
    assert done.status_code == 200 and "shown only here, only once" in done.text
    assert is_in(client)
    assert db.session.scalars(select(Passkey)).one().name == "My phone"
    assert db.session.scalar(select(func.count()).select_from(RecoveryCode)) == 10


def test_the_passkey_opens_after_the_code_and_they_go_where_they_wanted(
    app: Flask, client: FlaskClient, olga: Person, passkey: Authenticator
) -> None:
    by_link(client, olga)
    add(client, passkey)
    laptop = type(client)(app, use_cookies=True)
    assert by_code(laptop).status_code == 303
    response = laptop.get("/people?place=x")
    assert response.status_code == 302 and response.location.startswith("/sign-in/second?next=")
    assert "Use my passkey" in laptop.get(response.location).text
    entered = prove(laptop, passkey, step_there="/people?place=x")
    assert (entered.status_code, entered.location) == (303, "/people?place=x")
    assert is_in(laptop)


def test_a_stolen_number_sets_up_no_passkey(
    client: FlaskClient, olga: Person, passkey: Authenticator
) -> None:
    by_code(client)
    page = client.get("/sign-in/second", follow_redirects=True)
    assert page.status_code == 403 and "You need a sign-in link once" in page.text
    assert add(client, passkey).status_code == 403
    assert client.post("/sign-in/set-up/app").status_code == 403
    assert db.session.scalars(select(Passkey)).all() == [] and not is_in(client)


def test_a_challenge_is_good_once_for_its_session_and_five_minutes(
    app: Flask, client: FlaskClient, olga: Person, passkey: Authenticator
) -> None:
    by_link(client, olga)
    add(client, passkey)
    client.post("/sign-out")
    by_code(client)
    challenge = options(client, "prove")
    other = type(client)(app, use_cookies=True)
    by_code(other)
    assert other.post("/sign-in/second", data={"step_credential": passkey.get(challenge)}).status_code == 422
    with time_machine.travel(clock.now() + timedelta(minutes=5, seconds=1), tick=False):
        late = client.post("/sign-in/second", data={"step_credential": passkey.get(challenge)})
        assert late.status_code == 422 and "longer than five minutes" in late.text
    again = client.post("/sign-in/second", data={"step_credential": passkey.get(challenge)})
    assert again.status_code == 422 and not is_in(client)
    assert db.session.scalars(select(PasskeyChallenge)).all() == []
    assert prove(client, passkey).status_code == 303


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: setattr(key, "origin", "https://evil.example"),
        lambda key: setattr(key, "rp_id", "evil.example"),
        lambda key: setattr(key, "key", Authenticator("x").key),
        lambda key: setattr(key, "id", b"another credential"),
        lambda key: setattr(key, "count", -1),  # a copy of the key: its counter does not move on
    ],
    ids=["other origin", "other site", "other key", "other id", "copied"],
)
def test_what_is_not_their_passkey_opens_nothing(
    client: FlaskClient, olga: Person, passkey: Authenticator, spoil: Callable[[Authenticator], None]
) -> None:
    by_link(client, olga)
    passkey.count = 5
    add(client, passkey)
    client.post("/sign-out")
    by_code(client)
    spoil(passkey)
    assert prove(client, passkey).status_code == 422
    assert not is_in(client)


@pytest.mark.parametrize(
    "sent",
    [
        "{",
        "[]",
        "null",
        '"x"',
        "{}",
        '{"id": 1}',
        "x" * 30_000,
        '{"rawId": "%00", "id": "a", "type": "public-key"}',
    ]
    + [
        '{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"AA","attestationObject":"gg"}}'
    ]
    + [
        '{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA"}}'
    ],
)
def test_garbage_for_a_passkey_is_a_no_and_never_a_500(client: FlaskClient, olga: Person, sent: str) -> None:
    by_link(client, olga)
    options(client, "add")
    assert client.post("/sign-in/set-up", data={"step_credential": sent}).status_code == 422
    options(client, "prove")
    assert client.post("/sign-in/second", data={"step_credential": sent}).status_code == 422
