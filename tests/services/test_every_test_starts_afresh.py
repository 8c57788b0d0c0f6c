"""The promises of conftest.py, each of which other tests rely on without looking."""

from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page
from sqlalchemy.orm import Session

from mobilize.database import atomic
from mobilize.roster.models import Area


def store_an_area() -> None:
    with atomic() as session:
        session.add(Area(name="North"))


def test_what_one_test_stores(app: Flask, db_session: Session) -> None:
    assert db_session.query(Area).count() == 0
    store_an_area()
    assert db_session.query(Area).count() == 1


def test_the_next_does_not_see(app: Flask, db_session: Session) -> None:
    assert db_session.query(Area).count() == 0
    store_an_area()


def test_the_web_says_ready_without_redis(client: FlaskClient) -> None:
    assert client.get("/readyz").get_json() == {"ok": True}


def test_the_web_server_serves_a_phone_what_the_test_stored(live_server: str, phone: Page) -> None:
    store_an_area()
    answer = phone.goto(f"{live_server}/readyz")
    assert answer and answer.status == 200
    assert phone.viewport_size == {"width": 390, "height": 844}
