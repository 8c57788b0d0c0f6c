"""Mia types a number, gets a code, sees, changes, takes or deletes what is held; Nate learns nothing."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from mobilize.accounts.models import CodeRequest, RoleName, SignedInSession
from mobilize.accounts.sign_in import one_time_codes
from mobilize.accounts.sign_in import operations as codes
from mobilize.checkins.calendar.feeds import address_of_member
from mobilize.checkins.member.personal_links import ended_links
from mobilize.database import db
from mobilize.privacy.member_page.sessions import send_codes
from mobilize.privacy.models import Visit
from mobilize.roster.models import Member
from mobilize.texts.consent.suppressions import is_opted_out
from mobilize.texts.models import OutboxText
from mobilize.texts.operations import opt_out
from tests.builders import make_member, make_person, make_site
from tests.privacy.morning import ANA, MIA, NATE
from tests.services.client import Client

NOW = datetime(2026, 3, 5, 18, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def stopped_clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def mia(app: Flask) -> Member:
    return make_member(site=make_site("Lincoln"), phone=MIA, number="90000101")


def ask(client: FlaskClient, phone: str) -> TestResponse:
    client.set_cookie("me-asks", "the same browser", domain="localhost")
    return client.post("/me", data={"phone": phone})


def code_of(phone: str) -> str:
    send_codes(now=NOW)
    codes_sent = select(OutboxText).where(OutboxText.wording == "member_code").order_by(OutboxText.id)
    texts = db.session.scalars(codes_sent)
    sent = [json.loads(text.merge_fields)["code"] for text in texts if text.to == phone]
    return sent[-1] if sent else "none"


def open_page(client: FlaskClient, phone: str = MIA) -> TestResponse:
    ask(client, phone)
    client.post("/me/code", data={"code": code_of(phone)})
    return client.get("/me/held")


def same(answer: TestResponse) -> tuple[int, bytes, list[tuple[str, str]]]:
    return answer.status_code, answer.data, sorted(answer.headers.items())


def test_member_stranger_and_opted_out_get_the_same_bytes_until_the_code(app: Flask, mia: Member) -> None:
    make_member("Soto", "Ana", phone=ANA)
    opt_out(ANA, source="reply", now=NOW)
    answers = []
    for phone in (MIA, NATE, ANA):
        client = Client(app, use_cookies=True)
        walk = [client.get("/me"), ask(client, phone), client.get("/me/code")]
        send_codes(now=NOW)
        walk += [client.post("/me/code", data={"code": "12"}), client.get("/me/held")]
        answers.append([same(answer) for answer in walk])
    assert answers[0] == answers[1] == answers[2]


def test_only_a_phone_of_the_roster_is_texted(client: FlaskClient, mia: Member) -> None:
    for phone in (MIA, NATE):
        ask(client, phone)
    assert send_codes(now=NOW) == 1 and send_codes(now=NOW) == 0
    assert [text.to for text in db.session.scalars(select(OutboxText))] == [MIA]
    assert all(request.looked_at for request in db.session.scalars(select(CodeRequest)))


def test_they_see_their_name_number_phone_chapter_and_status(client: FlaskClient, mia: Member) -> None:
    page = open_page(client).get_data(as_text=True)
    for part in ("Mia Reyes", "90000101", "(213) 555-0101", "Lincoln", "Active", "English"):
        assert part in page


def test_they_may_take_a_calendar_and_are_told_who_then_knows(client: FlaskClient, mia: Member) -> None:
    page = open_page(client).get_data(as_text=True)
    address = address_of_member(mia.id)
    assert f'href="{address.replace("http://", "webcal://")}"' in page and f">{address}<" in page
    words = " ".join(page.split())
    assert "The company of your calendar (Google, Apple, Microsoft) then knows" in words
    spanish = " ".join(client.get("/me/held", headers={"Accept-Language": "es"}).text.split())
    assert "Google, Apple, Microsoft" in spanish and "then knows" not in spanish


def test_the_page_closes_after_fifteen_minutes_and_when_they_say_so(
    app: Flask, mia: Member, stopped_clock: Any
) -> None:
    client, other = Client(app, use_cookies=True), Client(app, use_cookies=True)
    open_page(client)
    assert b"Mia" not in other.get("/me/held").data
    stopped_clock.shift(timedelta(minutes=14))
    assert b"Mia" in client.get("/me/held").data
    stopped_clock.shift(timedelta(minutes=1))
    assert client.get("/me/held").location == "/me"
    stopped_clock.move_to(NOW, tick=False)
    client.post("/me/leave")
    client.set_cookie("me", "", domain="localhost")
    assert client.get("/me/held").location == "/me"
    assert db.session.scalars(select(Visit.ends_at)).one() == NOW


def test_a_code_opens_one_page_once_in_the_browser_that_asked_within_five_tries(
    app: Flask, mia: Member
) -> None:
    client, other = Client(app, use_cookies=True), Client(app, use_cookies=True)
    ask(client, MIA)
    code = code_of(MIA)
    other.set_cookie("me-asks", "another browser", domain="localhost")
    assert other.post("/me/code", data={"code": code}).status_code == 422
    assert client.post("/me/code", data={"code": code}).location == "/me/held"
    client.set_cookie("me-asks", "the same browser", domain="localhost")
    assert client.post("/me/code", data={"code": code}).status_code == 422
    ask(client, MIA)
    code = code_of(MIA)
    for _ in range(5):
        client.post("/me/code", data={"code": "0"})
    assert client.post("/me/code", data={"code": code}).status_code == 422


def test_it_is_no_sign_in_and_sign_in_is_no_visit(client: FlaskClient, mia: Member) -> None:
    make_person(phone=MIA, role=RoleName.CHAIR, site=make_site())
    open_page(client)
    assert client.get("/").status_code == 200
    assert db.session.scalars(select(SignedInSession)).all() == []
    one_time_codes.ask_for_code(MIA, "the same browser", language="en", now=NOW)
    assert send_codes(now=NOW) == 0 and codes.send_codes(now=NOW) == 1
    sign_in = db.session.scalars(select(OutboxText).where(OutboxText.wording == "sign_in_code")).one()
    client.set_cookie("me-asks", "the same browser", domain="localhost")
    code = json.loads(sign_in.merge_fields)["code"]
    assert client.post("/me/code", data={"code": code}).status_code == 422


def test_strangers_asking_with_their_number_text_them_three_times_an_hour_at_most(
    client: FlaskClient, mia: Member
) -> None:
    from mobilize.privacy.member_page.sessions import ask_to_see

    for n in range(6):
        ask_to_see(MIA, f"stranger {n}", language="en", now=NOW)
        send_codes(now=NOW)
    assert len(db.session.scalars(select(OutboxText)).all()) == 3
    assert open_page(client).status_code == 200, "strangers shut them out of their own page"
    make_person(phone=MIA, role=RoleName.CHAIR, site=make_site())
    one_time_codes.ask_for_code(MIA, "own", language="en", now=NOW)
    assert codes.send_codes(now=NOW) == 1, "strangers used up their sign-in"


def test_two_who_share_a_phone_each_see_their_own_page(client: FlaskClient, mia: Member) -> None:
    make_member("Reyes", "Max", phone=MIA, number="90000102")
    page = open_page(client).data
    assert b"member number" in page and b"Mia" not in page and b"Max" not in page
    for number in ("90000999", "", "x" * 300):
        wrong = client.post("/me/which", data={"number": number})
        assert wrong.status_code == 422 and b"Mia" not in wrong.data
    client.post("/me/which", data={"number": "90000102"})
    page = client.get("/me/held").data
    assert b"Max Reyes" in page and b"Mia" not in page
    export = client.get("/me/held.json").data
    assert b"Max" in export and b"Mia" not in export


def test_language_urgent_and_stop_are_one_button_each(client: FlaskClient, mia: Member) -> None:
    open_page(client)
    for wish in ({"language": "es"}, {"urgent": "yes"}, {"texts": "stop"}):
        assert client.post("/me/wish", data=wish).location == "/me/held"
    member = db.session.get_one(Member, mia.id, populate_existing=True)
    assert member.language == "es" and member.urgent_ok_at == NOW and is_opted_out(MIA)
    for wish in ({"urgent": "no"}, {"texts": "start"}):
        client.post("/me/wish", data=wish)
    member = db.session.get_one(Member, mia.id, populate_existing=True)
    assert member.urgent_ok_at is None and not is_opted_out(MIA)
    assert client.post("/me/wish", data={"language": "xx"}).status_code == 422


def test_they_end_the_links_in_their_texts(client: FlaskClient, mia: Member) -> None:
    open_page(client)
    assert "End my links" in client.get("/me/held").text
    assert "Ended." in client.post("/me/wish", data={"links": "end"}, follow_redirects=True).text
    assert ended_links() == {mia.id: 1}


def test_they_take_everything_with_them(client: FlaskClient, mia: Member) -> None:
    open_page(client)
    answer = client.get("/me/held.json")
    payload = json.loads(answer.data)
    assert payload["members"][0]["number"] == "90000101" and payload["members"][0]["phone"] == MIA
    assert "attachment" in answer.headers["Content-Disposition"]


def test_they_delete_it_and_the_page_is_gone(client: FlaskClient, mia: Member) -> None:
    open_page(client)
    assert b"Delete it now" in client.get("/me/delete").data
    assert client.post("/me/delete", data={"stop_texts": "yes"}).location == "/me/gone"
    member = db.session.get_one(Member, mia.id, populate_existing=True)
    assert member.erased_at == NOW and member.name is None and is_opted_out(MIA)
    assert client.get("/me/held").location == "/me"


def test_who_holds_a_role_is_told_why_it_cannot_be_deleted(client: FlaskClient, mia: Member) -> None:
    make_person(phone=MIA, role=RoleName.CHAIR, site=make_site())
    open_page(client)
    answer = client.post("/me/delete")
    assert answer.status_code == 409 and b"role" in answer.data
    assert db.session.get_one(Member, mia.id, populate_existing=True).erased_at is None


@pytest.mark.parametrize("path", ["which", "wish", "delete", "leave"])
def test_without_a_visit_nothing_happens(client: FlaskClient, mia: Member, path: str) -> None:
    answer = client.post(f"/me/{path}", data={"texts": "stop", "number": "90000101"})
    assert answer.location == "/me" and not is_opted_out(MIA)


@pytest.mark.parametrize("typed", ["", "555-0101", "2.13556E+09", "x" * 5000, "\x00"])
def test_what_is_no_number_is_said_so(client: FlaskClient, typed: str) -> None:
    answer = client.post("/me", data={"phone": typed})
    assert answer.status_code == 422 and b"10 digits" in answer.data


def test_the_page_speaks_spanish_when_they_do(client: FlaskClient, mia: Member) -> None:
    client.set_cookie("language", "es", domain="localhost")
    ask(client, MIA)
    send_codes(now=NOW)
    assert db.session.scalars(select(OutboxText.language)).one() == "es"
