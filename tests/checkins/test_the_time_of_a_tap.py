"""When somebody tapped, on a phone whose clock may be wrong."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from mobilize.checkins.record.phone_clocks import TapClock, tap_time
from mobilize.checkins.review.queue import settled, unmatched
from mobilize.checkins.review.resolutions import settle_time
from mobilize.errors import Refused
from tests.builders import make_event, make_member, make_site
from tests.checkins.morning import OPEN, attendance, evidence, outcomes, uncertain_times
from tests.checkins.test_a_phone_sends_later import send

NOW = datetime(2026, 10, 6, 16, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def tapped(at, sent_at=NOW, **more):
    return tap_time(TapClock(at=at, sent_at=sent_at, **more), NOW)


def test_the_steady_clock_of_a_page_in_sight_is_believed_whatever_the_phone_shows():
    for at in (NOW - 4 * HOUR, NOW + 9 * HOUR):
        when = tapped(at, age_ms=3_600_000, awake=True, ahead_ms=0)
        assert (when.at, when.span) == (NOW - HOUR, None)


def test_what_was_sent_at_once_needs_no_other_clock():
    when = tapped(NOW - 5 * HOUR, NOW - 5 * HOUR + timedelta(seconds=3))
    assert (when.at, when.span) == (NOW - timedelta(seconds=3), None)


def test_after_the_page_died_the_last_known_offset_is_better_than_the_clock_at_sending():
    when = tapped(NOW - 4 * HOUR, ahead_ms=-3 * 3_600_000)
    assert when.at == NOW - HOUR and when.span is not None
    assert when.span[1] == NOW, "nothing is known of it but that it is over"
    assert tapped(NOW - 4 * HOUR).at == NOW - 4 * HOUR


def test_at_once_is_under_two_minutes():
    two = timedelta(minutes=2)
    assert tapped(NOW - two + timedelta(seconds=1)).span is None and tapped(NOW - two).span is not None


def test_a_page_out_of_sight_says_only_when_it_was_at_the_latest():
    when = tapped(NOW - HOUR, age_ms=600_000, ahead_ms=0)
    assert when.at == NOW - HOUR and when.span[1] == NOW - timedelta(minutes=10)


def test_no_tap_is_in_the_future():
    assert tapped(NOW + 9 * HOUR, ahead_ms=0).at <= NOW
    assert tapped(NOW + 9 * HOUR, sent_at=None).at == NOW


@pytest.fixture
def event(app):
    site = make_site()
    make_member(site=site, phone="+12135550101")
    make_member(site=site, phone="+12135550102")
    with time_machine.travel(OPEN, tick=False):
        yield make_event(site)


def test_a_time_that_cannot_be_known_is_never_outside_the_hours_and_has_a_receipt(client, event):
    answer = send(client, event, at=OPEN - 3 * HOUR, ahead_ms=0)
    assert answer.status_code == 200 and "Time uncertain" in answer.json["page"]
    stranger = send(client, event, typed="88888888", n=2, at=OPEN - 3 * HOUR, ahead_ms=0)
    assert len(stranger.json["page"]) == len(answer.json["page"]), "the same for member and stranger"
    assert sorted(outcomes(event)) == ["unresolved", "walkup"]
    assert [one.time_uncertain for one in evidence(event)] == [True, True]
    assert not attendance(event) and uncertain_times(event.id) == 1


def test_a_time_that_is_known_and_outside_the_hours_says_so(client, event):
    answer = send(client, event, at=OPEN - 3 * HOUR, age_ms=3 * 3_600_000, awake=True)
    assert "Too early" in answer.json["page"]
    assert outcomes(event) == ["outside_hours"] and not evidence(event)[0].time_uncertain


def test_the_chair_says_was_there_and_it_counts_and_takes_it_back(client, event):
    send(client, event, at=OPEN - 3 * HOUR, ahead_ms=0)
    [item] = unmatched([event])
    assert item.time_uncertain and item.member
    for _twice in range(2):
        settle_time(item.id, present=True, actor="chair", now=OPEN)
        assert [row.member_id for row in attendance(event)] == [item.member.id]
    assert uncertain_times(event.id) == 0 and unmatched([event]) == []
    settle_time(item.id, present=False, actor="chair", now=OPEN)
    assert attendance(event) == [] and len(settled([event])) == 1


def test_nothing_else_is_settled_like_that(client, event):
    send(client, event)
    with pytest.raises(Refused):
        settle_time(evidence(event)[0].id, present=True, actor="chair", now=OPEN)
