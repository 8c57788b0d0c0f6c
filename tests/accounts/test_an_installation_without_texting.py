"""Without a carrier: pages say who gives a link, and a new link leaves passkeys and apps as they are."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE, authority_of
from mobilize.accounts.access.sponsors import are_related
from mobilize.accounts.models import OneTimeLink, Person, RoleName, SignedInSession
from mobilize.accounts.second_factor.operations import may_set_up
from mobilize.accounts.sign_in.one_time_links import link_works, spend_link
from mobilize.accounts.sign_in.role_links import SHELL, LinkEffect, link_effect, start_anew
from mobilize.accounts.sign_in.sessions import has_second_factor, is_half_in
from mobilize.audit import AuditRow
from mobilize.database import db
from mobilize.keys.tokens import hash_token
from tests.accounts.second_factor import app_for, is_in
from tests.builders import make_person, sign_in

DAY = timedelta(hours=24, minutes=1)


@pytest.fixture(autouse=True)
def without_carrier(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = replace(app.config["MOBILIZE"], twilio_account_sid="", telnyx_api_key="")
    monkeypatch.setitem(app.config, "MOBILIZE", chosen)
    assert not chosen.carriers_set_up


@pytest.fixture
def ada(app: Flask) -> Person:
    return admin("Ada Stone", "+12135550130")


@pytest.fixture
def bea(app: Flask) -> Person:
    return admin("Bea Stone", "+12135550131")


def admin(name: str, phone: str) -> Person:
    person = make_person(name, phone=phone, role=RoleName.ADMIN)
    app_for(person, now=clock.now() - timedelta(days=30))
    return person


def link_on(page: str) -> str:
    match = re.search(r"/enter/([\w-]+)", page)
    assert match, "no link on the page"
    return match[1]


def test_the_shell_gives_a_new_link_and_the_second_factor_stays(
    app: Flask, client: FlaskClient, ada: Person
) -> None:
    printed = app.test_cli_runner().invoke(args=["people", "link", "--phone", "213 555 0130"])
    assert printed.exit_code == 0, printed.output
    assert has_second_factor(ada, now=clock.now())
    assert client.post(f"/enter/{link_on(printed.output)}").status_code == 303
    assert not is_in(client), "the app is still asked for"
    assert ada.restarted_at is None, "they agree to what others ask, as before"
    assert db.session.scalars(select(AuditRow.actor).where(AuditRow.verb == "link.make")).all() == [SHELL]


def test_an_admin_gives_another_one_a_link_that_waits_and_asks_for_their_app(
    app: Flask, client: FlaskClient, ada: Person, bea: Person
) -> None:
    sign_in(client, ada)
    assert "Their passkey or app stays" in client.get("/people").text
    page = client.post(f"/people/{bea.id}/link").text
    assert "They confirm with their passkey or app" in page and "They set up" not in page
    token, now = link_on(page), clock.now()
    assert has_second_factor(bea, now=now) and not are_related(ada.id, bea.id, now=now)
    assert "A sign-in link for Bea Stone" in client.get("/people").text, "everybody is told"
    assert not link_works(token, now=now) and link_works(token, now=now + DAY)
    began = db.session.get_one(SignedInSession, hash_token(spend_link(token, now=now + DAY)))
    assert is_half_in(began, authority_of(bea, now + DAY)) and not may_set_up(began, now=now + DAY)


def test_such_a_link_ends_with_a_reset(client: FlaskClient, ada: Person, bea: Person) -> None:
    sign_in(client, ada)
    token, now = link_on(client.post(f"/people/{bea.id}/link").text), clock.now()
    start_anew(bea, scope=THE_OFFICE, actor=SHELL, now=now)
    assert not link_works(token, now=now + DAY)


def test_making_it_asks_who_is_there_once_more(client: FlaskClient, ada: Person, bea: Person) -> None:
    sign_in(client, ada)
    began = db.session.scalars(select(SignedInSession).where(SignedInSession.person_id == ada.id)).one()
    began.stepped_up_at = clock.now() - timedelta(hours=1)
    db.session.commit()
    assert "/enter/" not in client.post(f"/people/{bea.id}/link").text
    assert not db.session.scalars(select(OneTimeLink)).all()


def test_where_a_link_would_be_a_reset_the_page_says_reset(
    client: FlaskClient, ada: Person, olga: Person
) -> None:
    """Olga has neither passkey nor app here yet."""
    assert link_effect(olga, now=clock.now()) is LinkEffect.RESET
    sign_in(client, ada)
    page = client.get("/people?place=North").text
    assert f"/people/{olga.id}/start-anew" in page and "a new link is a reset too" in page
    assert f"/people/{olga.id}/link" not in page and "Text a new link" not in page


def test_the_pages_of_signing_in_say_who_gives_a_link(client: FlaskClient) -> None:
    for path in ("/sign-in", "/sign-in/code"):
        page = client.get(path, follow_redirects=True)
        assert page.status_code == 200 and "Ask whoever runs the server" in page.text
        assert "We text" not in page.text and "on its way" not in page.text
    for path in ("/me", "/me/code"):
        page = client.get(path, follow_redirects=True).text
        assert "No texts can be sent from here" in page
        assert "We text" not in page and "Text me a code" not in page


def test_a_chairs_link_does_not_promise_a_code(client: FlaskClient, ada: Person, carmen: Person) -> None:
    sign_in(client, ada)
    page = client.post(f"/people/{carmen.id}/link").text
    assert "/enter/" in page and "that we text" not in page
