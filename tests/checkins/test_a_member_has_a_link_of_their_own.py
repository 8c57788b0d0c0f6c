"""The link in a reminder: it names nobody, changes nothing by being opened, and is a code for the captain."""

import re
from datetime import timedelta

import pytest

from mobilize import clock
from mobilize.checkins.forms import event_token
from mobilize.checkins.member.personal_links import (
    end_links,
    ended_links,
    personal_address,
    personal_code,
    whose,
)
from mobilize.checkins.models import Method, Tier
from mobilize.checkins.record.deferred_attendance import derive_deferred
from mobilize.languages import Translated
from tests.builders import START, make_action, make_event, make_member
from tests.checkins.morning import OPEN, attendance, evidence, grant_for, outcomes

pytestmark = pytest.mark.usefixtures("in_the_morning")


@pytest.fixture
def mia(site):
    return make_member("Reyes", "Mia", site=site, phone="+12135550101")


@pytest.fixture
def link(event, mia):
    return "/p/" + personal_address(event.code, event.id, mia.id).partition("/p/")[2]


def test_opening_it_counts_nobody_and_names_nobody(client, event, link):
    page = client.get(link)
    assert page.status_code == 200 and "Check me in" in page.text
    assert "Mia" not in page.text and "5550101" not in page.text
    assert not evidence(event)


def test_its_button_checks_in_once_however_often_it_is_pressed(client, event, link):
    for address in (link, link.upper(), link):
        assert "You're counted" in client.post(address).text
    assert outcomes(event) == ["counted"]
    assert [row.tier for row in attendance(event)] == [Tier.SELF]
    assert evidence(event)[0].method is Method.LINK


def waited(event, key=7, minutes=0, **more):
    """The tap kept by the member's page on the phone, tapped so many minutes after the line opened."""
    tapped = OPEN + timedelta(minutes=minutes)
    times = {"at": tapped.isoformat(), "sent_at": clock.now().isoformat()}
    return {"nonce": f"{key:032x}", "token": event_token(event.code), **times, **more}


def test_what_waited_on_their_phone_counts_at_the_time_of_the_tap(client, event, link, in_the_morning):
    in_the_morning.move_to(OPEN + timedelta(hours=3))
    answer = client.post(link, json=waited(event, minutes=4))
    assert answer.json["stored"] is True and "You're counted" in answer.json["page"]
    assert client.post(link, json=waited(event, minutes=4)).json["nonce"] == answer.json["nonce"]
    assert client.post(link, json=waited(event, minutes=4, left=True)).status_code == 422
    assert outcomes(event) == ["counted"]
    [came] = attendance(event)
    assert (came.first_at, came.tier) == (OPEN + timedelta(minutes=4), Tier.SELF)
    assert evidence(event)[0].method is Method.LINK


def test_what_waited_for_nine_days_goes_to_a_person(client, event, link, in_the_morning):
    in_the_morning.move_to(OPEN + timedelta(days=9))
    assert client.post(link, json=waited(event)).json["stored"] is True
    assert outcomes(event) == ["unresolved"]


def test_what_no_page_of_theirs_has_kept_is_refused(client, event, link):
    other = make_event(action=make_action(name=Translated(en="Rally")))
    assert client.post(link, json=waited(event, token=event_token(other.code))).status_code == 400
    assert client.post(link, json={"nonce": "x"}).status_code == 422
    answer = client.post(f"/p/{event.code}/ABCDEFGHIJ", json=waited(event))
    assert answer.status_code == 404 and "does not work" in answer.json["message"]
    assert not evidence(event)


def test_a_slip_on_their_link_is_taken_back_once_and_can_be_made_good(client, event, link):
    page = client.post(link).text
    undo = re.search(r'action="([^"]+/undo[^"]*)"', page)[1].replace("&amp;", "&")
    for _press in range(2):
        assert "was taken back" in client.post(undo, follow_redirects=True).text
    derive_deferred(clock.now())
    assert not attendance(event)
    assert "You're counted" in client.post(link).text
    assert len(attendance(event)) == 1


def test_pressed_too_early_it_still_works_at_the_line(client, event, link, in_the_morning):
    in_the_morning.move_to(START - timedelta(hours=12))
    assert "counted yet" in client.post(link).text
    in_the_morning.move_to(OPEN)
    assert "You're counted" in client.post(link).text
    assert sorted(outcomes(event)) == ["counted", "outside_hours"]


@pytest.mark.parametrize("letters", ["ABCDEFGHIJ", "x", "%00", "A" * 500, "../x"])
def test_nobodys_letters_are_a_404(client, event, mia, letters):
    for ask in (client.get, client.post):
        assert ask(f"/p/{event.code}/{letters}").status_code == 404
    assert not evidence(event)


def test_letters_are_for_one_event(event, mia, site):
    other = make_event(site)
    letters = personal_code(event.id, mia.id)
    assert whose(event.code, letters.lower(), OPEN) == mia.id
    assert whose(other.code, letters, OPEN) is None


def test_it_is_good_until_a_day_after_the_event(client, event, mia, link, in_the_morning):
    last = event.ends_at + timedelta(hours=24)
    in_the_morning.move_to(last)
    assert "is over" in client.get(link).text
    in_the_morning.move_to(last + timedelta(minutes=1))
    for ask in (client.get, client.post):
        answer = ask(link)
        assert answer.status_code == 404 and "This link does not work" in answer.text
    assert not evidence(event)


def test_ended_links_open_nothing_and_the_next_one_does(client, event, mia, link):
    assert client.get(link).status_code == 200
    for times in (1, 2):
        end_links(mia.id, actor="shell", now=OPEN + timedelta(seconds=times))
        for ask in (client.get, client.post):
            assert ask(link).status_code == 404
        assert ended_links() == {mia.id: times}
        link = f"/p/{event.code}/{personal_code(event.id, mia.id, times)}"
        assert "Check me in" in client.get(link).text
    assert not evidence(event)


def test_a_captain_scans_it_and_they_are_verified_on_any_line(client, event, mia):
    host = make_event()
    client.set_cookie(f"line-{host.code}", grant_for(host)[1], domain="localhost")
    text = f"{event.code}/{personal_code(event.id, mia.id)}"
    one = {"nonce": "1" * 32, "kind": "scan", "at": OPEN.isoformat(), "personal": text}
    answer = client.post(f"/line/{host.code}/items", json={"items": [one]})
    assert answer.json["items"][0]["outcome"] == "counted"
    assert [(row.member_id, row.tier) for row in attendance(host)] == [(mia.id, Tier.VERIFIED)]


def test_last_weeks_code_is_nobodys_on_todays_line(client, site, mia):
    action = make_action(starts_at=START - timedelta(days=7))
    before, host = make_event(site, action=action), make_event()
    client.set_cookie(f"line-{host.code}", grant_for(host)[1], domain="localhost")
    text = f"{before.code}/{personal_code(before.id, mia.id)}"
    one = {"nonce": "1" * 32, "kind": "scan", "at": OPEN.isoformat(), "personal": text}
    [answer] = client.post(f"/line/{host.code}/items", json={"items": [one]}).json["items"]
    assert answer["stored"] is False and "no member's own code" in answer["why"]
    assert not attendance(host)
