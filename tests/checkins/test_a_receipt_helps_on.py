import re
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy.exc import OperationalError

from mobilize import clock
from mobilize.checkins.forms import event_token
from mobilize.checkins.models import Void
from mobilize.checkins.record.deferred_attendance import derive_deferred
from mobilize.checkins.record.head_counts import report_head_count
from mobilize.database import db
from mobilize.languages import Translated
from tests.builders import START, make_action, make_campaign, make_event, make_member, make_site
from tests.checkins.calendars import read_strictly
from tests.checkins.morning import OPEN, attendance, evidence, post
from tests.services.client import Client


@pytest.fixture(autouse=True)
def in_the_morning():
    with time_machine.travel(OPEN, tick=True) as traveller:
        yield traveller


@pytest.fixture
def site(app):
    school = make_site("Roosevelt, High; School")
    for n in (1, 2):
        make_member(site=school, phone=f"+1213555010{n}")
    return school


@pytest.fixture
def event(site):
    return make_event(site)


def undo(phone, event, **how):
    """Pressed, and brought into attendance a few seconds later."""
    answer = phone.post(f"/c/{event.code}/undo", **how)
    derive_deferred(clock.now())
    return answer


def test_a_slip_is_taken_back_within_minutes_and_can_be_made_good(client, event):
    post(client, event, "2135550101")
    assert undo(client, event).status_code == 303
    assert not attendance(event)
    assert "same phone" in db.session.query(Void).one().reason
    post(client, event, "2135550101")
    assert len(attendance(event)) == 1


def test_who_checks_in_again_at_once_is_counted(client, event):
    post(client, event, "2135550101")
    client.post(f"/c/{event.code}/undo")
    post(client, event, "2135550101")
    derive_deferred(clock.now())
    assert len(attendance(event)) == 1


def test_undo_pressed_twice_takes_back_one_check_in(client, event):
    post(client, event, "2135550101")
    post(client, event, "2135550102")
    for _press in range(2):
        page = undo(client, event, follow_redirects=True)
        assert "was taken back, if it was less than five minutes old" in page.text
    assert len(attendance(event)) == 1
    assert db.session.query(Void).count() == 1


def test_who_tapped_twice_is_not_counted_by_their_first_tap(client, event):
    post(client, event, "2135550102")
    for _tap in range(2):
        post(client, event, "2135550101")
    undo(client, event)
    assert len(attendance(event)) == 1
    assert db.session.query(Void).count() == 2


def test_after_five_minutes_it_stands(client, event, in_the_morning):
    post(client, event, "2135550101")
    in_the_morning.move_to(OPEN + timedelta(minutes=6))
    undo(client, event)
    assert len(attendance(event)) == 1


def test_only_the_last_one_of_this_phone_is_taken_back_and_nobody_elses(app, client, event):
    post(client, event, "2135550101")
    post(client, event, "2135550102")
    other = Client(app, use_cookies=True)
    answers = [undo(phone, event) for phone in (other, client)]
    assert len({(a.status_code, a.headers["Location"], a.get_data()) for a in answers}) == 1
    assert len(attendance(event)) == 1 and len(evidence(event)) == 2


def test_the_chapters_next_action_stands_on_the_receipt_and_goes_into_a_calendar(client, event, site):
    assert client.get(f"/c/{event.code}/next.ics").status_code == 404
    later = START + timedelta(days=14)
    make_event(make_site(), action=make_action(starts_at=later - timedelta(days=7)))
    coming = make_event(site, action=make_action(starts_at=later, name=Translated(en="Rally, downtown")))
    assert "Rally, downtown" in post(client, event, "2135550101").text
    answer = client.get(f"/c/{event.code}/next.ics")
    assert answer.mimetype == "text/calendar"
    [entry] = read_strictly(answer.data)
    assert (entry.start, entry.end) == (later, later + timedelta(minutes=45))
    assert (entry["summary"], entry["location"]) == ("Rally, downtown", "Roosevelt, High; School")
    assert entry["uid"] == str(coming.id) and entry.alarms.times == []


def test_everything_they_need_stands_on_it(client, app, site):
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], share_tags="#OurSchools")
    event = make_event(site, action=make_action(campaign_id=make_campaign().id))
    report_head_count(event, 27, counted_at=OPEN, nonce=bytes(16), via="line", by="grant", now=OPEN)
    page = post(client, event, "2135550101").text
    for sentence in (
        "7:05",  # time
        "Roosevelt, High; School",  # place
        "27 people counted here at 7:05",  # the chair's head count
        "Call (213) 555-0199",  # help number
        "What to do next",
        "A nurse in every school",  # the campaign's demands
        "Take it back",  # undo, within minutes
        "I stood up today: Morning picket. Test Local 100 #OurSchools",
        "sms:?&amp;body=I%20stood%20up",
    ):
        assert sentence in page, sentence
    assert re.search(r'<dd class="code">[0-9A-Z]{6}</dd>', page), "the short code"


def test_a_form_sent_while_the_database_is_away_comes_back_with_what_was_typed(client, event, monkeypatch):
    def away(*_args, **_named):
        raise OperationalError("x", {}, Exception())

    monkeypatch.setattr("mobilize.checkins.member.views.check_in_by_poster", away)
    token = event_token(event.code)
    answer = post(client, event, "2135550101", token=token)
    assert answer.status_code == 503 and answer.headers["Retry-After"]
    assert 'name="typed" value="2135550101"' in answer.text and token in answer.text
    assert f'action="/c/{event.code}"' in answer.text and "Send it again" in answer.text
