"""A browser is signed out after half an hour of nothing, after twelve hours, and at once by its button."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from mobilize.accounts.models import Person, RoleName
from mobilize.jobs import operations as jobs
from mobilize.jobs.models import JobKind
from tests.builders import make_person, sign_in

NOW = datetime(2026, 3, 3, 14, 45, tzinfo=UTC)


@pytest.fixture
def olga(app: Flask) -> Person:
    return make_person("Olga Brandt", role=RoleName.ADMIN)


@pytest.fixture
def signed_in(client: FlaskClient, olga: Person) -> FlaskClient:
    with time_machine.travel(NOW, tick=False):
        sign_in(client, olga)
    return client


def is_in(client: FlaskClient, at: datetime) -> bool:
    with time_machine.travel(at, tick=False):
        return client.get("/people").status_code == 200


def test_half_an_hour_of_nothing_ends_it(signed_in: FlaskClient) -> None:
    assert is_in(signed_in, NOW + timedelta(minutes=30))
    assert is_in(signed_in, NOW + timedelta(minutes=59))
    assert not is_in(signed_in, NOW + timedelta(minutes=59 + 31))


def test_what_an_open_page_asks_by_itself_keeps_nobody_in(signed_in: FlaskClient, olga: Person) -> None:
    by = f"person:{olga.id}"
    job = jobs.start(JobKind.POSTERS, by=by, language="en", about="", now=NOW)
    for minutes in (10, 20, 30):
        with time_machine.travel(NOW + timedelta(minutes=minutes), tick=False):
            assert signed_in.get(f"/jobs/{job.id}/state").status_code == 200
    assert not is_in(signed_in, NOW + timedelta(minutes=31))


def test_twelve_hours_end_it_whatever_they_do(signed_in: FlaskClient) -> None:
    for minutes in range(0, 12 * 60, 29):
        assert is_in(signed_in, NOW + timedelta(minutes=minutes))
    assert not is_in(signed_in, NOW + timedelta(hours=12))


def test_signing_out_ends_it_for_a_stolen_cookie_too(app: Flask, client: FlaskClient, olga: Person) -> None:
    sign_in(client, olga)
    stolen = client.get_cookie("session").value
    assert client.post("/sign-out").status_code == 303
    assert client.get_cookie("session") is None
    thief = app.test_client()
    thief.set_cookie("session", stolen, domain="localhost")
    assert thief.get("/people").status_code == 302


def test_signing_out_by_a_link_does_nothing(client: FlaskClient, olga: Person) -> None:
    sign_in(client, olga)
    assert client.get("/sign-out").status_code == 405
    assert client.get("/people").status_code == 200


def test_they_come_back_to_where_they_wanted_to_go(client: FlaskClient) -> None:
    answer = client.get("/people?place=Lincoln")
    assert answer.status_code == 302 and answer.location == "/sign-in?next=/people?place%3DLincoln"
    assert b'value="/people?place=Lincoln"' in client.get(answer.location).data


def test_a_program_is_told_401_and_not_sent_to_a_form(client: FlaskClient) -> None:
    answer = client.get("/people", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json["error"]) == (401, "unauthorized")
