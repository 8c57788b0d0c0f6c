"""The QR on the line's phone: read in time it proves the place, and a picture of it proves nothing."""

from datetime import timedelta

import pytest
import time_machine

from mobilize.actions.models import Event
from mobilize.checkins.models import Tier
from mobilize.checkins.rotating import holds, is_current, rotating_code, rotating_key, ticket
from tests.builders import START, make_event, make_member, make_site
from tests.checkins.morning import OPEN, attendance, evidence, outcomes, post, scan

HALF_A_MINUTE = timedelta(seconds=30)


@pytest.fixture
def event(app):
    site = make_site()
    for n in (1, 2):
        make_member(site=site, phone=f"+1213555010{n}")
    return make_event(site)


def read(client, event, at, code=None):
    with time_machine.travel(at, tick=False):
        return client.get(f"/c/{event.code}/{code or rotating_code(event.id, at)}")


def send(client, event, at, typed="2135550101"):
    with time_machine.travel(at, tick=False):
        assert post(client, event, typed).status_code == 200


@pytest.mark.parametrize(("later", "good"), [(0, True), (29, True), (59, False), (90, False), (-31, False)])
def test_this_half_minutes_code_and_the_one_before_are_accepted(event, later, good):
    begins = OPEN.replace(second=0)
    code = rotating_code(event.id, begins)
    assert is_current(event.id, code.lower(), begins + timedelta(seconds=later)) is (good or later == 59)


def test_two_steps_later_and_another_events_code_are_stale(event):
    code = rotating_code(event.id, OPEN)
    assert not is_current(event.id, code, OPEN + 2 * HALF_A_MINUTE)
    assert not is_current(make_event().id, code, OPEN)
    for odd in ("", "A" * 500, "ÄÖÜ", code + "A"):
        assert not is_current(event.id, odd, OPEN)


def test_whoever_reads_it_has_a_quarter_of_an_hour_and_is_verified(client, event):
    assert not evidence(event)
    read(client, event, OPEN)
    assert not evidence(event), "opening a link counts nobody"
    send(client, event, OPEN + timedelta(minutes=14))
    assert [row.tier for row in attendance(event)] == [Tier.VERIFIED]


def test_a_ticket_counts_each_member_once_and_a_second_member_too(client, event):
    read(client, event, OPEN)
    send(client, event, OPEN)
    send(client, event, OPEN + timedelta(minutes=1))
    assert outcomes(event) == ["counted"]
    send(client, event, OPEN + timedelta(minutes=1), "2135550102")
    assert [row.tier for row in attendance(event)] == [Tier.VERIFIED] * 2


@pytest.mark.parametrize("minutes", [15, 20])
def test_an_old_ticket_is_as_good_as_the_poster(client, event, minutes):
    read(client, event, OPEN)
    send(client, event, OPEN + timedelta(minutes=minutes))
    assert [row.tier for row in attendance(event)] == [Tier.SELF]


def test_a_photographed_code_is_as_good_as_the_poster(client, event):
    page = read(client, event, OPEN + timedelta(minutes=5), rotating_code(event.id, OPEN))
    assert page.status_code == 200 and "Set-Cookie" not in page.headers
    send(client, event, OPEN + timedelta(minutes=5))
    assert [row.tier for row in attendance(event)] == [Tier.SELF]


def test_a_ticket_is_for_one_event_and_nobody_can_make_one(event):
    good = ticket(event.id, OPEN)
    assert holds(event.id, good, OPEN)
    assert not holds(make_event().id, good, OPEN)
    longer = ".".join([good.split(".")[0], "99999999999", good.split(".")[2]])
    for odd in (None, "", "x", "a.b.c", longer, good[:-1], "." * 9, f"x.{'9' * 40}.y"):
        assert not holds(event.id, odd, OPEN)


def test_poster_and_line_together_are_verified_whichever_came_first(client, event):
    scan(event, "2135550101", at=OPEN - timedelta(minutes=1))
    read(client, event, OPEN)
    send(client, event, OPEN)
    assert [row.tier for row in attendance(event)] == [Tier.VERIFIED]


def test_phones_get_the_key_only_around_the_event(app):
    event: Event = make_event()
    for at in (START - timedelta(hours=2), event.ends_at + timedelta(minutes=31)):
        assert rotating_key(event, at) is None
    assert rotating_key(event, START - timedelta(minutes=60))
    assert rotating_key(event, START) != rotating_key(make_event(), START)
