"""Calendar feeds follow what is moved and called off, and end with whoever has them."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from icalendar import Calendar

from mobilize import clock, settings
from mobilize.accounts.access.scope import scope_of, today
from mobilize.accounts.models import Person, RoleName
from mobilize.actions.models import Event
from mobilize.actions.operations import call_off_action, move_event
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.checkins.calendar.feeds import address_of_member, addresses_of, end_addresses, open_feed
from mobilize.checkins.member.personal_links import end_links
from mobilize.database import atomic
from mobilize.keys import crypto
from mobilize.languages import Translated
from mobilize.roster.models import Member, Site
from tests.builders import (
    START,
    make_action,
    make_area,
    make_event,
    make_member,
    make_person,
    make_site,
    sign_in,
)
from tests.checkins.calendars import read_strictly

A_WEEK_BEFORE = START - timedelta(days=7)


@pytest.fixture(autouse=True)
def a_week_before() -> Iterator[None]:
    with time_machine.travel(A_WEEK_BEFORE, tick=True):
        yield


@pytest.fixture
def site(app: Flask) -> Site:
    area = make_area("North")
    return make_site("Roosevelt, High; School", area=area, lat=34.05, lon=-118.25, city="Marisol")


@pytest.fixture
def event(site: Site) -> Event:
    action = make_action()
    with atomic():
        action.name = Translated(en="Picket\nfor — 🌹, class sizes", es="Piquete")
    return make_event(site, action=action)


@pytest.fixture
def carmen(site: Site) -> Person:
    return make_person(role=RoleName.CHAIR, site=site)


@pytest.fixture
def mia(site: Site) -> Member:
    return make_member(site=site, phone="+12135550101")


def path(address: str) -> str:
    return urlsplit(address).path


def feeds(person: Person) -> dict[str, str]:
    scope = scope_of(person, today(clock.now()))
    return {feed.name: path(feed.address) for feed in addresses_of(person, scope)}


def test_a_chairs_calendar_has_the_events_of_the_site(
    client: FlaskClient, event: Event, carmen: Person
) -> None:
    make_event(make_site("Another"))
    [address] = feeds(carmen).values()
    answer = client.get(address)
    assert answer.mimetype == "text/calendar"
    [entry] = read_strictly(answer.data)
    assert str(entry["summary"]) == "Picket\nfor — 🌹, class sizes"
    assert str(entry["location"]) == "Roosevelt, High; School, Marisol"
    assert entry["geo"].latitude == 34.05
    assert str(entry["status"]) == "CONFIRMED" and entry["sequence"] == 0
    assert entry.alarms.times[0].trigger == entry.start - timedelta(hours=1)
    calendar = Calendar.from_ical(answer.data)
    assert calendar["refresh-interval"].dt == timedelta(hours=1)
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H" in answer.data
    assert str(calendar["name"]) == "Roosevelt, High; School"
    [spanish] = read_strictly(client.get(address + "?lang=es").data)
    assert str(spanish["summary"]) == "Piquete"


def test_an_unchanged_calendar_is_not_sent_again(client: FlaskClient, event: Event, carmen: Person) -> None:
    [address] = feeds(carmen).values()
    etag = client.get(address).headers["ETag"]
    again = client.get(address, headers={"If-None-Match": etag})
    assert again.status_code == 304 and again.data == b""


def test_what_is_moved_and_called_off_follows_in_order(
    client: FlaskClient, event: Event, carmen: Person
) -> None:
    [address] = feeds(carmen).values()
    [before] = read_strictly(client.get(address).data)
    now = clock.now() + timedelta(minutes=5)
    assert move_event(event, _span(event), "Gate B", actor="shell", now=now)
    [moved] = read_strictly(client.get(address).data)
    assert "Gate B" in moved["location"] and moved["uid"] == before["uid"]
    assert (moved["sequence"], moved["status"]) == (1, "CONFIRMED")
    assert before["last-modified"].dt < moved["last-modified"].dt
    call_off_action(event.action, actor="shell", now=now + timedelta(minutes=5))
    [off] = read_strictly(client.get(address).data)
    assert (off["sequence"], off["status"]) == (2, "CANCELLED") and off.alarms.times == []
    assert moved["last-modified"].dt < off["last-modified"].dt == off["dtstamp"].dt


def _span(event: Event) -> LocalTimeRange:
    starts, ends = (clock.local(at + timedelta(hours=1), event.tz) for at in (event.starts_at, event.ends_at))
    return LocalTimeRange(starts.date(), starts.time(), ends.time())


def test_the_union_and_an_area_have_one_entry_for_each_action(
    client: FlaskClient, event: Event, site: Site
) -> None:
    make_event(make_site("Lincoln", area=site.area), action=event.action)
    make_event(make_site("South High"), action=event.action)
    olga = make_person("Olga Brandt", role=RoleName.ORGANIZER, area=site.area)
    calendars = feeds(olga)
    assert list(calendars) == [settings().union_name, "North"]
    [of_union] = read_strictly(client.get(calendars[settings().union_name]).data)
    [of_area] = read_strictly(client.get(calendars["North"]).data)
    assert (of_union["location"], of_area["location"]) == ("3 places", "2 places")
    assert of_union["uid"] == of_area["uid"] == str(event.action_id)


def test_an_action_of_one_place_stays_the_same_entry_when_places_join(
    client: FlaskClient, event: Event, site: Site
) -> None:
    """Else the old one would vanish, and stay in many calendars as it was."""
    olga = make_person("Olga Brandt", role=RoleName.ORGANIZER, area=site.area)
    other_area = make_site("Elsewhere")
    for address in feeds(olga).values():
        entries = [*read_strictly(client.get(address).data)]
        assert "Roosevelt" in entries[0]["location"] and entries[0]["geo"].latitude == 34.05
    make_event(other_area, action=event.action)
    [of_area] = read_strictly(client.get(feeds(olga)["North"]).data)
    assert "Roosevelt" in of_area["location"], "of its own place, not of another area's"
    entries, made_at = [], clock.now()
    for n in range(2):
        joined = make_event(make_site(f"School {n}", area=site.area), action=event.action)
        with atomic():
            joined.made_at = made_at + timedelta(minutes=n + 1)
        entries.append(
            [entry for feed in feeds(olga).values() for entry in read_strictly(client.get(feed).data)]
        )
    for before, after in zip(*entries, strict=True):
        assert before["uid"] == after["uid"] == str(event.action_id)
        assert before["sequence"] < after["sequence"] and before["location"] != after["location"]
        assert before["last-modified"].dt < after["last-modified"].dt


@pytest.mark.parametrize("whose", ["union", "area", "site", "member"])
def test_each_calendar_says_what_was_moved_and_called_off(
    client: FlaskClient, event: Event, site: Site, carmen: Person, mia: Member, whose: str
) -> None:
    """By sequence, moment and status, with a reminder, and how often it is read again."""
    olga = make_person("Olga Brandt", role=RoleName.ORGANIZER, area=site.area)
    addresses = {"union": feeds(olga)[settings().union_name], "area": feeds(olga)["North"]}
    addresses |= {"site": feeds(carmen)[site.name], "member": path(address_of_member(mia.id))}
    entries, now = [], clock.now()
    for n in range(3):
        answer = client.get(addresses[whose])
        [entry] = read_strictly(answer.data)
        entries.append(entry)
        assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H" in answer.data
        assert len(entry.alarms.times) == (0 if n == 2 else 1), "nobody is reminded of what is called off"
        if n == 0:
            assert move_event(event, _span(event), "Gate B", actor="shell", now=now + timedelta(minutes=5))
        elif n == 1:
            call_off_action(event.action, actor="shell", now=now + timedelta(minutes=10))
    assert [str(entry["status"]) for entry in entries] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert len({str(entry["uid"]) for entry in entries}) == 1
    sequences, changes = (
        [entry["sequence"] for entry in entries],
        [entry["last-modified"].dt for entry in entries],
    )
    assert sequences == sorted(set(sequences)) and changes == sorted(set(changes))


def test_an_address_ends_with_the_role_and_by_hand(client: FlaskClient, event: Event, carmen: Person) -> None:
    [address] = feeds(carmen).values()
    sign_in(client, carmen)
    assert address in client.get("/calendars").text
    client.post("/calendars/end")
    assert client.get(address).status_code == 404
    [newer] = feeds(carmen).values()
    assert client.get(newer).status_code == 200
    with atomic():
        carmen.roles[0].to_on = date(2020, 1, 1)
    assert client.get(newer).status_code == 404
    end_addresses(carmen, actor="shell", now=clock.now())


def test_a_member_has_a_calendar_of_their_own_until_their_links_end(
    client: FlaskClient, event: Event, mia: Member
) -> None:
    drill = make_action(starts_at=event.starts_at, ends_at=event.ends_at, drill=True)
    make_event(event.site, action=drill)
    address = path(address_of_member(mia.id))
    assert [str(entry["uid"]) for entry in read_strictly(client.get(address).data)] == [str(event.id)]
    end_links(mia.id, actor="member", now=clock.now())
    assert client.get(address).status_code == 404
    newer = path(address_of_member(mia.id))
    assert client.get(newer).status_code == 200
    with atomic():
        mia.gone_on = clock.now()
    assert client.get(newer).status_code == 404


def test_an_address_names_nobody_and_cannot_be_made_up(app: Flask, mia: Member) -> None:
    address = address_of_member(mia.id)
    assert mia.id.hex not in address and str(mia.id) not in address
    token = path(address).removeprefix("/calendar/").removesuffix(".ics")
    now: datetime = clock.now()
    for wrong in (token[:-1], token[1:], token.swapcase(), "", "A" * 90, "é", "m" + str(mia.id)):
        assert open_feed(wrong, "en", now) is None
    other = crypto.make_token("another purpose", b"x" * 41)
    assert open_feed(other, "en", now) is None and open_feed(token, "en", now) is not None
