"""What a captain is told where an entry is kept and does not count: by its time alone, never by who it is."""

from datetime import timedelta

import pytest
import time_machine

from mobilize.actions.models import EventState
from mobilize.checkins.line.queries import head_count, line_figures
from mobilize.checkins.models import HeadCount, Supporters
from mobilize.checkins.review.queue import kept_counts
from mobilize.checkins.review.resolutions import settle_count
from mobilize.database import atomic
from tests.builders import make_member
from tests.checkins.morning import OPEN, attendance, item, outcomes, send

EARLIER, JUST_NOW = OPEN - timedelta(hours=3), OPEN - timedelta(minutes=10)
# A member of the chapter by two numbers, a stranger's number, one that two members share, a name.
ANYBODY = ["2135550101", "00004711", "2135550142", "2135550150", "Tomás Rivera"]


@pytest.fixture(autouse=True)
def in_the_morning(site):
    for _twice in range(2):
        make_member(site=site, phone="+12135550150")
    with time_machine.travel(OPEN, tick=False):
        yield


def walkins(at, **more):
    return [
        {**item(n, "walkin", typed=typed), "at": at.isoformat(), **more} for n, typed in enumerate(ANYBODY)
    ]


def uncertain(key, kind, n, at=JUST_NOW):
    """By a page that has gone since: the time is the phone's own word."""
    return {**item(key, kind, n=n), "at": at.isoformat()}


def problems(answers):
    [one] = {(answer["outcome"], answer.get("why")) for answer in answers}
    return one


def test_a_walk_in_outside_the_hours_is_said_to_be_that_whoever_it_is(line, event):
    for _twice in range(2):
        outcome, why = problems(send(line, event, *walkins(EARLIER)))
        assert outcome == "outside_hours" and "outside the hours" in why
    assert set(outcomes(event)) == {"outside_hours"}


def test_a_walk_in_of_uncertain_time_is_said_to_be_kept_whoever_it_is(line, event):
    for _twice in range(2):
        outcome, why = problems(send(line, event, *walkins(EARLIER), sent_at=OPEN.isoformat()))
        assert outcome == "unresolved" and "clock was wrong" in why
    assert not attendance(event)


@pytest.mark.parametrize("at", [OPEN, EARLIER])
@pytest.mark.parametrize("sent_at", [{}, {"sent_at": OPEN.isoformat()}])
def test_at_a_called_off_event_no_clock_is_blamed(line, event, mia, at, sent_at):
    with atomic():
        event.state = EventState.CALLED_OFF
    ticked = {**item(99, member=str(mia.id)), "at": at.isoformat()}
    outcome, why = problems(send(line, event, *walkins(at), ticked, **sent_at))
    assert outcome == "unresolved" and "an organizer will look at it" in why


def test_a_walk_in_within_the_hours_is_sent_whoever_it_is(line, event):
    assert problems(send(line, event, *walkins(JUST_NOW))) == ("walkup", None)


@pytest.mark.parametrize("at", [JUST_NOW, EARLIER])
def test_a_head_count_of_uncertain_time_displaces_none_and_waits_for_the_chair(line, event, at):
    send(line, event, {**item(1, "head_count", n=31), "at": (OPEN - timedelta(minutes=20)).isoformat()})
    before = head_count(event.id)
    for _twice in range(2):
        [answer] = send(line, event, uncertain(2, "head_count", 12, at), sent_at=OPEN.isoformat())
        assert (answer["stored"], answer["outcome"]) == (True, "unresolved")
        assert "Count again" in answer["why"]
    assert head_count(event.id) == before
    [kept] = kept_counts([event])
    assert (kept.n, kept.at) == (12, at)
    assert settle_count(HeadCount, kept.id, take=True, actor="chair", now=OPEN)
    assert kept_counts([event]) == []


def test_a_head_count_that_counted_is_said_to_count_when_it_is_sent_again_from_another_page(line, event):
    counted = uncertain(1, "head_count", 12)
    awake = {"age_ms": 600_000, "awake": True}
    for how in (awake, {}):
        [answer] = send(line, event, {**counted, **how}, sent_at=OPEN.isoformat())
        assert (answer["outcome"], answer.get("why")) == ("counted", None)
    assert head_count(event.id) == (12, JUST_NOW)


def test_supporters_add_up_whenever_it_was_within_the_hours_else_wait_for_the_chair(line, event):
    within, outside = uncertain(1, "supporters", 5), uncertain(2, "supporters", 7, EARLIER)
    answers = send(line, event, within, outside, sent_at=OPEN.isoformat())
    assert [answer["outcome"] for answer in answers] == ["counted", "unresolved"]
    assert line_figures(event.id).supporters == 5
    [kept] = kept_counts([event])
    assert kept.supporters and settle_count(Supporters, kept.id, take=True, actor="chair", now=OPEN)
    assert line_figures(event.id).supporters == 12
