"""The retention page: the office changes it, organizers read it, and nothing happens at one tap."""

from collections.abc import Iterator

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action
from mobilize.database import db
from mobilize.privacy.models import LegalHold
from mobilize.privacy.retention.legal_holds import place_hold
from tests.builders import make_person, sign_in
from tests.privacy.morning import Morning, day


@pytest.fixture(autouse=True)
def stopped_clock() -> Iterator[None]:
    with time_machine.travel(day(1), tick=False):
        yield


@pytest.fixture
def morning(app: Flask) -> Morning:
    return Morning().happen()


@pytest.fixture
def ada(client: FlaskClient) -> None:
    sign_in(client, make_person("Ada", role=RoleName.ADMIN))


def forgotten(morning: Morning) -> bool:
    return db.session.get_one(Action, morning.action.id, populate_existing=True).forgotten_at is not None


def test_it_says_the_day_in_plain_words(client: FlaskClient, morning: Morning, ada: None) -> None:
    page = client.get("/privacy").get_data(as_text=True)
    assert "Morning picket" in page and "is forgotten on Monday, June 1, 90 days after the end" in page


def test_forgetting_now_takes_two_steps(client: FlaskClient, morning: Morning, ada: None) -> None:
    address = f"/privacy/forget/{morning.action.id}"
    assert "Nobody will ever be able to find out again" in client.get(address).text
    assert client.post(address).status_code == 422 and not forgotten(morning)
    assert client.post(address, data={"sure": "yes"}).location == "/privacy" and forgotten(morning)
    assert b"forgotten on Wednesday, March 4" in client.get("/privacy").data
    assert client.get("/privacy/forget/01890000-0000-7000-8000-000000000000").status_code == 404


def test_a_hold_is_placed_shown_and_released(client: FlaskClient, morning: Morning, ada: None) -> None:
    hold = {"action": str(morning.action.id), "reason": "Case 12, by counsel"}
    for bad in ({}, {"action": "all"}, {"action": "x", "reason": "Case"}, {"reason": "Case 12"}):
        assert client.post("/privacy/holds", data=bad).status_code == 422
    assert client.post("/privacy/holds", data=hold).location == "/privacy"
    page = client.get("/privacy").data
    assert b"Case 12" in page and b"kept: legal hold" in page
    address = f"/privacy/forget/{morning.action.id}"
    assert client.post(address, data={"sure": "yes"}).status_code == 409 and not forgotten(morning)
    placed = db.session.scalars(select(LegalHold)).one()
    client.post(f"/privacy/holds/{placed.id}/release")
    assert b"kept: legal hold" not in client.get("/privacy").data


def test_an_organizer_reads_it_and_changes_nothing(client: FlaskClient, morning: Morning) -> None:
    hold = place_hold(morning.action.id, "Case 12, by counsel", by="person:x", now=day(1))
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=morning.lincoln.area))
    page = client.get("/privacy").data
    assert b"Morning picket" in page and b"Case 12" not in page and b"Forget now" not in page
    assert client.get(f"/privacy/forget/{morning.action.id}").status_code == 403
    for address in (f"forget/{morning.action.id}", "holds", f"holds/{hold.id}/release"):
        assert client.post(f"/privacy/{address}", data={"sure": "yes"}).status_code == 403
    assert not forgotten(morning)


def test_a_chair_has_no_such_page(client: FlaskClient, morning: Morning) -> None:
    sign_in(client, morning.carmen)
    assert client.get("/privacy").status_code == 403
