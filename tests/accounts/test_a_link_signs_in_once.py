"""A one-time link: previews spend nothing, its button spends it once."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import LinkKind, Person, RoleName
from mobilize.accounts.people.operations import end_role
from mobilize.accounts.sign_in.one_time_links import link_works, make_link, spend_link
from mobilize.database import db
from mobilize.errors import Refused
from tests.builders import make_person, make_site, sign_in

NOW = datetime(2026, 3, 3, 14, 45, tzinfo=UTC)


@pytest.fixture
def carmen(app: Flask) -> Person:
    return make_person(role=RoleName.CHAIR, site=make_site())


def test_previews_spend_nothing_and_the_button_spends_it_once(app: Flask, carmen: Person) -> None:
    link = f"/enter/{make_link(carmen, 'shell', kind=LinkKind.SHELL, now=clock.now())}"
    messenger, browser, later = app.test_client(), app.test_client(), app.test_client()
    for _ in range(3):
        preview = messenger.get(link)
        assert preview.status_code == 200 and b"Carmen" not in preview.data
        assert "Set-Cookie" not in preview.headers
    assert browser.post(link).status_code == 303
    assert "session" in {cookie.key for cookie in browser._cookies.values()}
    again = later.post(link)
    assert again.status_code == 410 and "Set-Cookie" not in again.headers
    assert later.get(link).status_code == 410


def test_a_link_runs_out_after_seven_days(carmen: Person) -> None:
    token = make_link(carmen, "shell", kind=LinkKind.SHELL, now=NOW)
    assert link_works(token, now=NOW + timedelta(days=6, hours=23))
    with pytest.raises(Refused):
        spend_link(token, now=NOW + timedelta(days=7))


def test_a_new_link_ends_the_older_one(carmen: Person) -> None:
    first, second = (make_link(carmen, "shell", kind=LinkKind.SHELL, now=NOW) for _ in range(2))
    assert not link_works(first, now=NOW)
    assert spend_link(second, now=NOW)


def test_a_link_of_somebody_whose_role_ended_opens_nothing(carmen: Person) -> None:
    token = make_link(carmen, "shell", kind=LinkKind.SHELL, now=NOW)
    end_role(carmen.roles[0].id, for_cause=False, scope=THE_OFFICE, actor="shell", now=NOW)
    with pytest.raises(Refused) as refused:
        spend_link(token, now=NOW)
    assert refused.value.code == "link_spent"


@pytest.mark.parametrize("token", ["x", "%00", "../..", "é", "A" * 1500])
def test_what_is_no_link_is_told_like_a_spent_one(client: FlaskClient, token: str) -> None:
    for answer in (client.get(f"/enter/{token}"), client.post(f"/enter/{token}")):
        assert answer.status_code in {404, 410}


def test_signing_in_gives_a_new_session_and_ends_the_one_before(
    app: Flask, client: FlaskClient, carmen: Person
) -> None:
    olga = make_person("Olga Brandt", role=RoleName.ADMIN)
    sign_in(client, olga)
    before = client.get_cookie("session").value
    client.post(f"/enter/{make_link(carmen, 'shell', kind=LinkKind.SHELL, now=clock.now())}")
    assert client.get_cookie("session").value != before
    other = app.test_client()
    other.set_cookie("session", before, domain="localhost")
    assert other.get("/people").status_code == 302
    db.session.remove()
