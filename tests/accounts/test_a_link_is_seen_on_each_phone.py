"""A captain's link on a second phone: possible, since batteries die at the gate, and never unseen."""

import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from datetime import time as at_hour

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from mobilize.accounts.access.grants import grant_line, open_link, phones_by_link, revoke_grant
from mobilize.accounts.models import GrantKind, LineGrant, RoleName
from mobilize.actions.models import Event
from mobilize.actions.operations import move_event
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.database import atomic, db
from tests.builders import START, make_event, make_person, make_site, sign_in
from tests.services.client import Client

SEVEN_TWO, SEVEN_TEN = START + timedelta(minutes=2), START + timedelta(minutes=10)


@pytest.fixture
def picket(app: Flask) -> Event:
    return make_event(make_site("Lincoln High"))


@pytest.fixture
def rosa(picket: Event) -> tuple[LineGrant, str]:
    ends_at = picket.ends_at + timedelta(minutes=30)
    return grant_line(picket.id, GrantKind.LINK, "Rosa, back gate", None, "person:x", ends_at, now=START)


def opened(app: Flask, token: str, at: datetime, phone: FlaskClient | None = None) -> FlaskClient:
    """A phone that opened the link as people do: the page, then its button."""
    phone = phone or Client(app, use_cookies=True)
    with time_machine.travel(at, tick=False):
        page = re.search(r'name="page" value="([^"]+)"', phone.get(f"/l/{token}").text)
        assert page is not None
        assert phone.post(f"/l/{token}", data={"page": page[1]}).status_code == 303
    return phone


def line(phone: FlaskClient, event: Event, at: datetime = SEVEN_TEN) -> int:
    with time_machine.travel(at, tick=False):
        return phone.get(f"/line/{event.code}").status_code


def phones(event: Event, at: datetime = SEVEN_TEN) -> list[datetime]:
    return [phone.made_at for link in phones_by_link(event.id, now=at) for phone in link.phones]


def chairs_page(app: Flask, event: Event) -> tuple[FlaskClient, str]:
    chair = Client(app, use_cookies=True)
    with time_machine.travel(SEVEN_TEN, tick=False):
        sign_in(chair, make_person(role=RoleName.CHAIR, site=event.site))
        return chair, chair.get(f"/events/{event.id}/captains").text


def test_the_chair_sees_on_how_many_phones_a_link_is_open_and_since_when(
    app: Flask, picket: Event, rosa: tuple[LineGrant, str]
) -> None:
    assert "Not opened yet" in chairs_page(app, picket)[1]
    opened(app, rosa[1], SEVEN_TWO)
    once = chairs_page(app, picket)[1]
    assert re.search(r"Opened at 7:02\sAM", once) and "Open on 2 phones" not in once
    opened(app, rosa[1], SEVEN_TEN)
    _chair, page = chairs_page(app, picket)
    assert "Open on 2 phones" in page
    assert re.search(r"opened at 7:02\sAM", page) and re.search(r"opened at 7:10\sAM", page)


def test_both_phones_say_so_to_whoever_holds_them(
    app: Flask, picket: Event, rosa: tuple[LineGrant, str]
) -> None:
    first = opened(app, rosa[1], SEVEN_TWO)
    with time_machine.travel(SEVEN_TWO, tick=False):
        assert first.get(f"/line/{picket.code}/state").json["phones"] == ""
    second = opened(app, rosa[1], SEVEN_TEN)
    with time_machine.travel(SEVEN_TEN, tick=False):
        for phone in (first, second):
            assert "open on 2 phones (7:02" in phone.get(f"/line/{picket.code}/state").json["phones"]
            assert "open on 2 phones (7:02" in phone.get(f"/line/{picket.code}").text


def test_the_links_own_token_is_no_phones_cookie(
    app: Flask, picket: Event, rosa: tuple[LineGrant, str]
) -> None:
    phone = Client(app, use_cookies=True)
    phone.set_cookie(f"line-{picket.code}", rosa[1], domain="localhost")
    assert line(phone, picket) == 403


def test_the_same_phone_that_opens_it_again_is_one_phone(
    app: Flask, picket: Event, rosa: tuple[LineGrant, str]
) -> None:
    phone = opened(app, rosa[1], SEVEN_TWO)
    opened(app, rosa[1], SEVEN_TEN, phone)
    assert phones(picket) == [SEVEN_TWO]


def test_a_button_pressed_twice_is_one_phone(picket: Event, rosa: tuple[LineGrant, str]) -> None:
    link, token = rosa
    first = open_link(link, token, "this page", now=SEVEN_TWO)
    again = open_link(link, token.lower(), "this page", now=SEVEN_TEN)
    assert (first[0].id, first[1]) == (again[0].id, again[1])
    assert phones(picket) == [SEVEN_TWO]


def test_one_phone_is_taken_back_alone_and_cannot_open_the_link_again(
    app: Flask, picket: Event, rosa: tuple[LineGrant, str]
) -> None:
    captains, strangers = opened(app, rosa[1], SEVEN_TWO), opened(app, rosa[1], SEVEN_TEN)
    chair, page = chairs_page(app, picket)
    revoke = re.findall(rf"/events/{picket.id}/captains/[0-9a-f-]+/revoke", page)
    with time_machine.travel(SEVEN_TEN, tick=False):
        assert chair.post(revoke[1]).status_code == 303
        assert strangers.post(f"/l/{rosa[1]}").status_code == 410
    assert (line(captains, picket), line(strangers, picket)) == (200, 403)
    assert "opens no more phones" in chairs_page(app, picket)[1]


def test_a_dead_battery_locks_nobody_out(app: Flask, picket: Event, rosa: tuple[LineGrant, str]) -> None:
    opened(app, rosa[1], SEVEN_TWO)
    borrowed = opened(app, rosa[1], SEVEN_TEN)
    assert line(borrowed, picket) == 200


def test_a_link_taken_back_takes_back_every_phone(
    app: Flask, picket: Event, rosa: tuple[LineGrant, str]
) -> None:
    both = [opened(app, rosa[1], at) for at in (SEVEN_TWO, SEVEN_TEN)]
    for _twice in range(2):
        revoke_grant(rosa[0], "person:x", now=SEVEN_TEN)
    assert [line(phone, picket) for phone in both] == [403, 403]
    assert not phones(picket)


def test_who_hands_the_line_on_cannot_open_the_old_link_again(
    app: Flask, picket: Event, rosa: tuple[LineGrant, str]
) -> None:
    first = opened(app, rosa[1], SEVEN_TWO)
    with time_machine.travel(SEVEN_TEN, tick=False):
        page = first.post(f"/line/{picket.code}/hand-over", data={"label": "Sam"}).text
        token = page.split("/l/", 1)[1][:40]
        assert first.get(f"/l/{rosa[1]}").status_code == 410
    assert line(opened(app, token, SEVEN_TEN), picket) == 200


def test_moving_the_event_opens_again_neither_who_handed_the_line_on_nor_the_old_link(
    app: Flask, picket: Event, rosa: tuple[LineGrant, str]
) -> None:
    first, second = opened(app, rosa[1], SEVEN_TWO), opened(app, rosa[1], SEVEN_TEN)
    with time_machine.travel(SEVEN_TEN, tick=False):
        assert first.post(f"/line/{picket.code}/hand-over", data={"label": "Sam"}).status_code == 200
    longer = LocalTimeRange(START.date(), at_hour(7), at_hour(8, 45))
    assert move_event(picket, longer, "", actor="person:x", now=SEVEN_TEN)
    assert (line(first, picket), line(second, picket, SEVEN_TEN + timedelta(minutes=90))) == (403, 200)
    with time_machine.travel(SEVEN_TEN, tick=False):
        assert first.get(f"/l/{rosa[1]}").status_code == 410


def test_a_link_that_ended_while_its_page_was_open_opens_no_phone(
    app: Flask, picket: Event, rosa: tuple[LineGrant, str]
) -> None:
    link, token = rosa
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(_take_back, app, link.id).result()
    assert open_link(link, token, "a page from before", now=SEVEN_TEN) is None
    assert phones(picket) == []


def test_a_phone_that_is_being_opened_while_its_link_is_taken_back_is_taken_back_too(
    app: Flask, picket: Event, rosa: tuple[LineGrant, str]
) -> None:
    link, token = rosa
    with ThreadPoolExecutor(1) as elsewhere:
        with atomic():
            opened_now = open_link(link, token, "a page", now=SEVEN_TWO)
            taken = elsewhere.submit(_take_back, app, link.id)
            time.sleep(0.3)  # long enough to be in the middle of it
        taken.result()
    assert opened_now is not None
    db.session.refresh(opened_now[0])
    assert opened_now[0].revoked_at == SEVEN_TEN


def _take_back(app: Flask, link_id: uuid.UUID) -> None:
    with app.app_context():
        revoke_grant(db.session.get_one(LineGrant, link_id), "shell", now=SEVEN_TEN)
        db.session.remove()
