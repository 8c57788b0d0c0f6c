"""The union's name, zone, colour and help number are changed on a page, and every page has them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select, text

from mobilize import clock, settings, stored_settings
from mobilize.accounts.models import RoleName
from mobilize.audit import AuditRow
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.setup.union_settings import change_union
from mobilize.texts.models import OutboxText
from mobilize.texts.templates import render
from tests.builders import make_event, make_person, make_site, sign_in

TYPED = {
    "union_name": "Teachers Local 7",
    "union_timezone": "America/New_York",
    "union_colour": "#123456",
    "help_number": "(213) 555-0177",
}
# 22:00 in Los Angeles, one in the morning in New York.
EVENING = datetime(2026, 3, 4, 6, 0, tzinfo=UTC)


def as_settings(**changed: str) -> dict[str, str]:
    return {name.upper(): value for name, value in {**TYPED, **changed}.items()}


def test_what_an_admin_stores_stands_on_pages_and_in_texts(app: Flask, client: FlaskClient) -> None:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert "Test Local 100" in client.get("/setup/union").text
    assert client.post("/setup/union", data=TYPED).headers["Location"] == "/setup"
    front = app.test_client().get("/").text
    assert "Teachers Local 7" in front and "(213) 555-0177" in front and "/colours.css?123456" in front
    assert "#123456" in client.get("/colours.css").text
    assert "Teachers Local 7" in render("who", "en", {})
    assert settings().union_timezone == "America/New_York"
    # What they left alone is not stored, and follows the environment.
    client.post("/setup/union", data=TYPED)
    verbs = [row.ref for row in db.session.scalars(select(AuditRow).where(AuditRow.verb == "setting.change"))]
    assert sorted(verbs) == ["HELP_NUMBER", "UNION_COLOUR", "UNION_NAME", "UNION_TIMEZONE"]


def test_no_secret_of_the_carrier_stands_on_its_page(app: Flask, client: FlaskClient) -> None:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN, phone="+12135550140"))
    page, chosen = client.get("/setup/carrier").text, settings()
    assert "TWILIO_AUTH_TOKEN" in page and f"{chosen.public_base_url}/texts/inbound#rc=3&amp;rp=all" in page
    assert all(value not in page for value in (chosen.twilio_auth_token, chosen.twilio_account_sid))


def test_a_test_text_goes_to_ones_own_phone_and_five_an_hour(app: Flask, client: FlaskClient) -> None:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN, phone="+12135550140"))
    answers = [client.post("/setup/carrier/test").status_code for _ in range(6)]
    assert answers == [303] * 5 + [429]
    texts = db.session.scalars(select(OutboxText)).all()
    assert {text.to for text in texts} == {"+12135550140"} and "waiting" in client.get("/setup/carrier").text
    assert "Not yet" in client.get("/setup").text


def test_a_check_in_page_has_the_new_name(app: Flask, client: FlaskClient) -> None:
    code = make_event(make_site()).code
    assert "Test Local 100" in app.test_client().get(f"/c/{code}").text
    change_union(as_settings(), by="shell", now=clock.now())
    assert "Teachers Local 7" in app.test_client().get(f"/c/{code}").text


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("union_name", "   ", "Type the union"),
        ("union_name", "N" * 61, "60 letters"),
        ("union_name", "Local \u202e7", "60 letters"),
        ("union_colour", "#ff8888", "darker"),
        ("union_colour", "red", "darker"),
        ("union_colour", "", "darker"),
        ("union_timezone", "America/Nowhere", "time zone"),
        ("union_timezone", "../etc/passwd", "time zone"),
        ("help_number", "12", "area code"),
    ],
)
def test_a_bad_value_is_refused_at_its_field_and_nothing_is_stored(
    app: Flask, client: FlaskClient, field: str, value: str, words: str
) -> None:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    answer = client.post("/setup/union", data={**TYPED, field: value})
    assert answer.status_code == 422 and words in answer.text
    assert stored_settings.read() == {}


def test_a_help_number_is_taken_off(app: Flask, client: FlaskClient) -> None:
    assert settings().help_number
    change_union(as_settings(help_number=""), by="shell", now=clock.now())
    assert settings().help_number == ""


def test_the_zone_does_not_change_while_it_is_yesterday_there(app: Flask) -> None:
    change_union(as_settings(), by="shell", now=EVENING)
    with pytest.raises(Refused) as refused:
        change_union(as_settings(union_timezone="America/Los_Angeles"), by="shell", now=EVENING)
    assert refused.value.code == "zone_day" and settings().union_timezone == "America/New_York"


def test_settings_are_not_statements_for_again_and_again(app: Flask, client: FlaskClient) -> None:
    change_union(as_settings(), by="shell", now=clock.now())
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "stored_settings" in statement:
            statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        for _ in range(20):
            assert client.get("/").status_code == 200
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert len(statements) <= 1


def test_without_the_table_the_environment_counts(app: Flask) -> None:
    with atomic() as session:
        session.execute(text("ALTER TABLE stored_settings RENAME TO put_aside"))
    try:
        app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], union_name="From the environment")
        assert settings().union_name == "From the environment"
    finally:
        with atomic() as session:
            session.execute(text("ALTER TABLE put_aside RENAME TO stored_settings"))


def test_a_stored_value_that_cannot_be_used_is_passed_over(app: Flask) -> None:
    stored_settings.store({"UNION_TIMEZONE": "Mars/Olympus"}, by="shell", now=clock.now())
    assert settings().union_timezone == "America/Los_Angeles"


def test_what_is_stored_and_taken_back_is_not_kept(app: Flask) -> None:
    with pytest.raises(RuntimeError), atomic():
        change_union(as_settings(), by="shell", now=clock.now())
        raise RuntimeError
    assert settings().union_name == "Test Local 100" and stored_settings.read() == {}
