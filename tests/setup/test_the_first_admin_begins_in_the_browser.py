"""Ada has installed the service: the address from their terminal makes them the first admin."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from config import RunBy
from mobilize import clock, settings
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.keys.tokens import hash_token
from mobilize.setup import first_admin
from mobilize.setup.models import SetupLink
from tests.builders import make_area, make_person, make_site, sign_in

ADA = {"name": "Ada Stone", "phone": "(213) 555-0140"}
NOW = datetime(2026, 3, 3, 14, 45, tzinfo=UTC)


def printed(app: Flask) -> str:
    """The path of the address that the command prints."""
    result = app.test_cli_runner().invoke(args=["setup-link"])
    assert result.exit_code == 0, result.output
    address = result.output.splitlines()[-1]
    assert address.startswith(settings().public_base_url)
    return address.removeprefix(settings().public_base_url)


def admins() -> int:
    return db.session.scalar(select(func.count()).where(RoleTerm.role == RoleName.ADMIN)) or 0


def test_it_leads_from_the_terminal_to_the_checklist(app: Flask, client: FlaskClient) -> None:
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], is_live=False)
    path = printed(app)
    assert client.get(path).status_code == 200
    begun = client.post(path, data=ADA)
    assert (begun.status_code, begun.headers["Location"]) == (303, "/sign-in/set-up")
    # Without the second step nothing opens.
    assert client.get("/setup").headers["Location"].startswith("/sign-in/second")
    page = client.post("/sign-in/set-up/app").text
    secret = re.search(r"(?:[A-Z2-7]{4} ){8}", page)
    assert secret is not None
    digits = pyotp.TOTP(secret[0].replace(" ", "")).now()
    codes = client.post("/sign-in/set-up/app", data={"step_code": digits})
    assert codes.status_code == 200 and "recovery codes" in codes.text and 'href="/setup"' in codes.text
    assert 'href="/setup"' in client.get("/overview").text
    assert "Not yet" in client.get("/setup").text


def test_only_the_hash_of_the_address_is_stored(app: Flask) -> None:
    token = printed(app).rpartition("/")[2]
    link = db.session.scalars(select(SetupLink)).one()
    assert link.token_hash == hash_token(token) and token.encode() not in link.token_hash


def test_a_preview_uses_nothing_up_and_the_form_does_once(app: Flask, client: FlaskClient) -> None:
    path = printed(app)
    for _ in range(3):
        assert client.get(path).status_code == 200
    assert client.post(path, data=ADA).status_code == 303
    other = app.test_client()
    again = other.post(path, data={**ADA, "phone": "(213) 555-0141"})
    assert again.status_code == 410 and "Set-Cookie" not in again.headers
    assert other.get(path).status_code == 410
    assert admins() == 1


def test_what_was_typed_wrong_leaves_the_address_good(app: Flask, client: FlaskClient) -> None:
    path = printed(app)
    bad = client.post(path, data={**ADA, "phone": "555"})
    assert bad.status_code == 422 and "Ada Stone" in bad.text and "area code" in bad.text
    assert client.post(path, data={**ADA, "name": " "}).status_code == 422
    assert db.session.scalar(select(func.count()).select_from(Person)) == 0
    assert client.post(path, data=ADA).status_code == 303


def test_it_is_good_for_an_hour(app: Flask) -> None:
    token = first_admin.make_setup_link(now=NOW).rpartition("/")[2]
    late = NOW + first_admin.GOOD_FOR
    assert first_admin.setup_link_works(token, now=late - timedelta(seconds=1))
    assert not first_admin.setup_link_works(token, now=late)
    with pytest.raises(Refused) as refused:
        first_admin.begin(token, ADA["name"], ADA["phone"], now=late)
    assert refused.value.code == "setup_link_spent" and admins() == 0


def test_a_new_address_ends_the_one_before(app: Flask, client: FlaskClient) -> None:
    first, second = printed(app), printed(app)
    assert client.get(first).status_code == 410
    assert client.post(second, data=ADA).status_code == 303


def test_where_there_is_an_admin_none_is_printed_and_an_older_one_opens_nothing(
    app: Flask, client: FlaskClient
) -> None:
    path = printed(app)
    make_person("Olga Brandt", role=RoleName.ADMIN)
    refused = app.test_cli_runner().invoke(args=["setup-link"])
    assert refused.exit_code == 1 and "people link" in refused.output and "http" not in refused.output
    assert client.get(path).status_code == 410
    assert client.post(path, data=ADA).status_code in {410, 422}
    assert admins() == 1


@pytest.mark.parametrize("token", ["x", "%00", "é", "A" * 1500])
def test_what_is_no_address_is_answered_like_a_spent_one(client: FlaskClient, token: str) -> None:
    for answer in (client.get(f"/setup/start/{token}"), client.post(f"/setup/start/{token}", data=ADA)):
        assert answer.status_code in {404, 410}


def test_the_checklist_follows_what_is_there(app: Flask, client: FlaskClient) -> None:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    before = client.get("/setup").text.count("Not yet")
    make_site("Lincoln High")
    assert client.get("/setup").text.count("Not yet") == before - 2  # areas and sites


def test_nobody_stands_at_a_carrier_that_takes_weeks(app: Flask, client: FlaskClient) -> None:
    nothing = {"twilio_account_sid": "", "twilio_auth_token": "", "run_by": RunBy.MACHINE}
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], **nothing)
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert "Continue: Areas" in client.get("/setup").text
    assert "sudo make install CARRIERS=twilio" in client.get("/setup/carrier").text


@pytest.mark.parametrize("carrier", [True, False])
def test_no_code_is_promised_where_no_text_can_leave(app: Flask, client: FlaskClient, carrier: bool) -> None:
    if not carrier:
        nothing = {"twilio_account_sid": "", "twilio_auth_token": ""}
        app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], **nothing)
    assert (
        "until then with your passkey, or a link from the server" in client.get(printed(app)).text
    ) is not carrier


def test_areas_are_added_by_hand_once_however_they_are_spelled(app: Flask, client: FlaskClient) -> None:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert client.post("/setup/areas", data={"names": "North\n\n  East  Side \nnorth"}).status_code == 303
    client.post("/setup/areas", data={"names": "NORTH\nWest"})
    page = client.get("/setup/areas").text
    assert all(name in page for name in ("North", "East Side", "West")) and "NORTH" not in page
    assert client.post("/setup/areas", data={"names": " \n"}).status_code == 422
    assert client.post("/setup/areas", data={"names": "N" * 81}).status_code == 422


def test_without_a_carrier_people_are_invited_by_links_that_are_passed_on(
    app: Flask, client: FlaskClient
) -> None:
    nothing = {"twilio_account_sid": "", "twilio_auth_token": "", "is_live": False}
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], **nothing)
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert "people are invited by links" in client.get("/setup").text
    site, area = make_site("Lincoln High"), make_area("North")
    chair = {"name": "Carmen Ortiz", "phone": "(213) 555-0141", "role": "chair", "site": site.code}
    page = client.post("/people", data=chair).text
    link = re.search(r"/enter/[\w-]+", page)
    assert link is not None and app.test_client().get(link[0]).status_code == 200
    organizer = {"name": "Olga Brandt", "phone": "(213) 555-0142", "role": "organizer", "area": area.name}
    waits = client.post("/people", data=organizer).text
    link = re.search(r"/enter/[\w-]+", waits)
    assert link is not None and app.test_client().get(link[0]).status_code == 410  # not before a day is over


def test_whoever_is_no_admin_finds_nothing_of_it(app: Flask, client: FlaskClient) -> None:
    sign_in(client, make_person(role=RoleName.CHAIR, site=make_site()))
    for path in ("/setup", "/setup/union", "/setup/areas", "/setup/carrier", "/setup/live"):
        assert client.get(path).status_code == 403
    assert clock.now()
