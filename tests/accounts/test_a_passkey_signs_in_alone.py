"""Olga signs in with nothing but a passkey; whatever else is tried gets the same answer."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import Passkey, Person, RoleName, RoleTerm, SignedInSession
from mobilize.accounts.people.operations import end_role
from mobilize.accounts.second_factor.operations import forget_second_factors
from mobilize.accounts.sign_in.operations import PASSKEYS_A_BROWSER, send_codes
from mobilize.accounts.sign_in.sessions import is_fresh
from mobilize.audit import AuditRow
from mobilize.database import db
from mobilize.texts.models import OutboxText
from tests.accounts.second_factor import add, by_code, by_link, is_in, options, prove, with_passkey
from tests.builders import make_person
from tests.services.authenticator import Authenticator

ALL = pytest.mark.parametrize("carrier", [True, False], ids=["with a carrier", "without"])


@pytest.fixture
def enrolled(client: FlaskClient, olga: Person, passkey: Authenticator) -> Authenticator:
    """The passkey that Olga has set up here; they are signed out."""
    by_link(client, olga)
    add(client, passkey)
    client.post("/sign-out")
    assert not is_in(client)
    return passkey


def test_a_new_passkey_is_one_that_its_device_finds_and_unlocks(client: FlaskClient, olga: Person) -> None:
    by_link(client, olga)
    selection = options(client, "add")["authenticatorSelection"]
    assert isinstance(selection, dict)
    assert (selection["residentKey"], selection["requireResidentKey"]) == ("required", True)
    assert selection["userVerification"] == "required"


@ALL
def test_the_passkey_alone_signs_in_and_they_go_where_they_wanted(
    app: Flask, client: FlaskClient, enrolled: Authenticator, carrier: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not carrier:
        chosen = replace(app.config["MOBILIZE"], twilio_account_sid="", telnyx_api_key="")
        monkeypatch.setitem(app.config, "MOBILIZE", chosen)
    page = client.get("/sign-in?next=/people")
    assert "Sign in with a passkey" in page.text
    entered = with_passkey(client, enrolled, step_there="/people")
    assert (entered.status_code, entered.location) == (303, "/people")
    assert is_in(client)
    verbs = db.session.scalars(select(AuditRow.verb)).all()
    assert "sign_in.passkey" in verbs


def test_what_the_browser_is_asked_to_sign_names_nobody(client: FlaskClient, enrolled: Authenticator) -> None:
    answers = [client.post("/sign-in/with-passkey/options").json for _n in range(2)]
    for answer in answers:
        assert answer["userVerification"] == "required" and not answer["allowCredentials"]
    assert answers[0].pop("challenge") != answers[1].pop("challenge")
    assert answers[0] == answers[1]


def test_it_is_no_step_up(client: FlaskClient, enrolled: Authenticator) -> None:
    with_passkey(client, enrolled)
    running = db.session.scalars(select(SignedInSession).where(SignedInSession.ended_at.is_(None))).one()
    assert not is_fresh(running, now=clock.now())
    assert "Is it you?" in client.post("/devices/recovery-codes").text


def test_a_chair_who_has_one_signs_in_with_it(
    client: FlaskClient, carmen: Person, passkey: Authenticator
) -> None:
    by_code(client, "+12135550101")
    add(client, passkey)
    client.post("/sign-out")
    assert with_passkey(client, passkey).status_code == 303


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: setattr(key, "unlocks", False),
        lambda key: setattr(key, "user", b""),
        lambda key: setattr(key, "user", b"somebody else..."),
        lambda key: setattr(key, "origin", "https://evil.example"),
        lambda key: setattr(key, "rp_id", "evil.example"),
        lambda key: setattr(key, "key", Authenticator("x").key),
        lambda key: setattr(key, "count", 0),  # a copy of the key: its counter does not move on
    ],
    ids=["not unlocked", "nobody's", "another's", "other origin", "other site", "other key", "copied"],
)
def test_a_bad_one_is_answered_as_one_that_nobody_knows(
    client: FlaskClient, enrolled: Authenticator, spoil: Callable[[Authenticator], None]
) -> None:
    enrolled.count = 5
    assert with_passkey(client, enrolled).status_code == 303
    client.post("/sign-out", follow_redirects=True)  # which says so once
    spoil(enrolled)
    bad = with_passkey(client, enrolled)
    stranger = Authenticator(enrolled.origin)
    stranger.user = b"nobody that is here"
    unknown = with_passkey(client, stranger)
    assert (bad.status_code, bad.text) == (unknown.status_code, unknown.text)
    assert bad.status_code == 422 and "not one of yours here" in bad.text
    assert not is_in(client)


@pytest.mark.parametrize("sent", ["", "{", "[]", "null", '{"id": 1}', "x" * 30_000])
def test_garbage_is_a_no(client: FlaskClient, enrolled: Authenticator, sent: str) -> None:
    client.post("/sign-in/with-passkey/options")
    assert client.post("/sign-in/with-passkey", data={"step_credential": sent}).status_code == 422


def test_what_was_signed_is_good_once_in_its_browser_and_five_minutes(
    app: Flask, client: FlaskClient, enrolled: Authenticator
) -> None:
    def opens(browser: FlaskClient, proof: str) -> int:
        return browser.post("/sign-in/with-passkey", data={"step_credential": proof}).status_code

    proof = enrolled.get(dict(client.post("/sign-in/with-passkey/options").json))
    other = type(client)(app, use_cookies=True)
    assert opens(other, proof) == 422, "another browser"
    assert opens(client, proof) == 303
    client.post("/sign-out")
    assert opens(client, proof) == 422, "once more"
    proof = enrolled.get(dict(client.post("/sign-in/with-passkey/options").json))
    with time_machine.travel(clock.now() + timedelta(minutes=5, seconds=1), tick=False):
        assert opens(client, proof) == 422, "too late"
    assert not is_in(client)


def test_an_answer_about_passkeys_that_comes_late_does_not_end_the_code_that_was_asked_for(
    app: Flask, client: FlaskClient, olga: Person
) -> None:
    """A page asks for them by itself, and on a slow line is answered after its form was sent."""
    late = type(client)(app, use_cookies=True).post("/sign-in/with-passkey/options")
    client.post("/sign-in", data={"phone": olga.phone})
    for cookie in late.headers.getlist("Set-Cookie"):
        name, _equals, value = cookie.partition(";")[0].partition("=")
        client.set_cookie(name, value)
    send_codes(now=clock.now())
    [text] = db.session.scalars(select(OutboxText)).all()
    entered = client.post("/sign-in/code", data={"code": json.loads(text.merge_fields)["code"]})
    assert entered.status_code == 303


def test_what_was_asked_for_a_second_step_opens_nothing_alone(
    client: FlaskClient, enrolled: Authenticator
) -> None:
    by_code(client)
    proof = enrolled.get(options(client, "prove"))
    assert client.post("/sign-in/with-passkey", data={"step_credential": proof}).status_code == 422
    assert not is_in(client)


def test_one_that_does_not_unlock_stays_the_second_step(
    client: FlaskClient, olga: Person, passkey: Authenticator
) -> None:
    passkey.unlocks = False
    by_link(client, olga)
    assert add(client, passkey).status_code == 200
    client.post("/sign-out")
    assert with_passkey(client, passkey).status_code == 422
    by_code(client)
    assert prove(client, passkey).status_code == 303 and is_in(client)


def test_whose_role_has_ended_is_answered_as_anybody(
    client: FlaskClient, olga: Person, enrolled: Authenticator
) -> None:
    make_person("Ada Office", phone="+12135550130", role=RoleName.ADMIN)
    term = db.session.scalars(select(RoleTerm).where(RoleTerm.person_id == olga.id)).one()
    end_role(term.id, for_cause=False, scope=THE_OFFICE, actor="shell", now=clock.now())
    refused = with_passkey(client, enrolled)
    assert refused.status_code == 422 and "not one of yours here" in refused.text


def test_one_from_before_a_higher_role_or_a_reset_opens_nothing(
    client: FlaskClient, olga: Person, enrolled: Authenticator
) -> None:
    kept = db.session.scalars(select(Passkey)).one()
    kept.made_at = olga.roles[0].granted_at - timedelta(minutes=1)
    db.session.commit()
    assert with_passkey(client, enrolled).status_code == 422
    kept.made_at = clock.now()
    db.session.commit()
    assert with_passkey(client, enrolled).status_code == 303
    client.post("/sign-out")
    forget_second_factors(olga, "shell", now=clock.now())
    assert with_passkey(client, enrolled).status_code == 422


def test_a_browser_that_asks_on_and_on_waits_and_nobody_else_does(
    app: Flask, client: FlaskClient, enrolled: Authenticator
) -> None:
    statuses = [
        client.post("/sign-in/with-passkey/options").status_code for _n in range(PASSKEYS_A_BROWSER + 1)
    ]
    assert statuses == [200] * PASSKEYS_A_BROWSER + [429]
    assert with_passkey(type(client)(app, use_cookies=True), enrolled).status_code == 303
