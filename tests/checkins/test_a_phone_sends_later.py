"""The member's page keeps a tap on the phone and sends it by its nonce until it is named as stored."""

from datetime import timedelta

import pytest

from mobilize.checkins.forms import event_token
from mobilize.checkins.line.rotating_codes import rotating_code
from mobilize.checkins.models import Tier
from tests.builders import START
from tests.checkins.morning import OPEN, attendance, evidence, outcomes
from tests.services.client import Client

pytestmark = pytest.mark.usefixtures("in_the_morning", "nate")


def saved(event, typed="2135550101", n=1, at=OPEN, sent_at=OPEN, **more):
    fields = {"nonce": f"{n:032x}", "typed": typed, "at": at.isoformat(), "sent_at": sent_at.isoformat()}
    return {**fields, "token": event_token(event.code), **more}


def send(client, event, *args, **values):
    return client.post(f"/c/{event.code}", json=saved(event, *args, **values))


def test_the_answer_names_it_as_stored_and_brings_the_receipt(client, event):
    answer = send(client, event)
    assert answer.status_code == 200
    assert answer.json["nonce"] == f"{1:032x}" and answer.json["stored"] is True
    assert "You're counted" in answer.json["page"]
    assert outcomes(event) == ["counted"]


def test_the_same_nonce_again_gives_the_same_answer_and_another_body_is_refused(client, event):
    token = event_token(event.code)
    assert [send(client, event, token=token).status_code for _ in range(3)] == [200] * 3
    assert len(evidence(event)) == 1
    other = send(client, event, typed="2135550102")
    assert other.status_code == 422 and other.json["message"]
    assert outcomes(event) == ["counted"]


def test_it_counts_at_the_time_of_the_tap_by_our_clock(client, event, in_the_morning):
    later, ahead = OPEN + timedelta(hours=3), timedelta(days=20_000)
    in_the_morning.move_to(later)
    answer = send(client, event, at=OPEN - ahead, sent_at=later - ahead)
    assert "7:05" in answer.json["page"], "the receipt says when they tapped"
    [row] = attendance(event)
    assert (row.first_at, row.tier) == (OPEN, Tier.SELF)
    assert evidence(event)[0].recorded_at == later
    assert evidence(event)[0].clock_error_s == -ahead.total_seconds()


def test_what_comes_days_late_is_kept_for_a_person(client, event, in_the_morning):
    later = OPEN + timedelta(days=9)
    in_the_morning.move_to(later)
    answer = send(client, event, sent_at=later)
    assert answer.json["stored"] is True and "not counted" in answer.json["page"]
    send(client, event, typed="88888888", n=2, sent_at=later)
    assert outcomes(event) == ["unresolved", "walkup"]
    assert not attendance(event)


def test_a_tap_on_a_known_phone_needs_no_number_and_stays_the_same_deed(client, event):
    send(client, event)
    again = saved(event, typed=None, n=2)
    assert client.post(f"/c/{event.code}", json=again).status_code == 200
    send(client, event, typed="2135550102", n=3)
    assert client.post(f"/c/{event.code}", json=again).status_code == 200, "whatever was typed since"
    assert outcomes(event) == ["counted", "counted", "repeat"]


def test_a_phone_we_do_not_know_has_to_say_who(client, event):
    answer = send(client, event, typed=None)
    assert answer.status_code == 422 and "mobile number" in answer.json["message"]


def test_read_at_the_line_and_sent_at_once_is_verified_and_sent_later_is_not(app, event, in_the_morning):
    for n, waited in ((1, 0), (2, 5)):
        in_the_morning.move_to(OPEN)
        phone = Client(app, use_cookies=True)
        phone.get(f"/c/{event.code}/{rotating_code(event.id, OPEN)}")
        now = OPEN + timedelta(minutes=waited)
        in_the_morning.move_to(now)
        send(phone, event, typed=f"213555010{n}", n=n, sent_at=now)
    assert sorted(row.tier for row in attendance(event)) == [Tier.SELF, Tier.VERIFIED]


def test_status_headers_and_bytes_are_the_same_for_member_and_stranger(app, event):
    answers = set()
    for n, typed in enumerate(("2135550101", "2135550101", "2135550142", "88888888")):
        answer = send(Client(app, use_cookies=True), event, typed=typed, n=n + 1)
        names = tuple(name for name, _value in answer.headers)
        answers.add((answer.status, names, len(answer.get_data())))
    assert len(answers) == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"nonce": "x"},
        {"at": "soon"},
        {"at": (START.replace(year=1969)).isoformat()},
        {"typed": "1" * 81},
        {"typed": 7},
        {"token": "x" * 20},
        {"more": 1},
        {"sent_at": None},
    ],
)
def test_what_is_no_check_in_is_a_4xx(client, event, odd):
    assert client.post(f"/c/{event.code}", json={**saved(event), **odd}).status_code in (400, 422)
    assert not evidence(event)


def test_the_worker_that_keeps_pages_comes_from_the_root_and_is_asked_for_anew(client):
    answer = client.get("/sw.js")
    assert answer.status_code == 200 and "javascript" in answer.headers["Content-Type"]
    assert answer.headers["Cache-Control"] == "no-cache"
