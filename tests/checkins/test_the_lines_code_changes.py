"""The QR on the line's phone: read in time it proves the place, and a picture of it proves nothing."""

import base64
import hmac
from datetime import date, timedelta

import pytest
import time_machine
from sqlalchemy import update

from mobilize.accounts.access.grants import grant_line, hand_over, pass_on, revoke_grant
from mobilize.accounts.models import GrantKind, RoleName, RoleTerm
from mobilize.actions.models import Event
from mobilize.checkins.line.rotating_codes import holds, is_current, rotating_code, rotating_key, ticket
from mobilize.checkins.models import Tier
from mobilize.database import atomic
from tests.builders import START, make_event, make_person
from tests.checkins.morning import OPEN, attendance, evidence, grant_for, outcomes, post, scan
from tests.services.client import Client

pytestmark = pytest.mark.usefixtures("nate")

HALF_A_MINUTE = timedelta(seconds=30)


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


def state_of(app, event, token):
    phone = Client(app, use_cookies=True)
    phone.set_cookie(f"line-{event.code}", token, domain="localhost")
    return phone.get(f"/line/{event.code}/state")


def scanned(app, event, key, at):
    """The tier of somebody who scans, at that moment, the code on a phone with this key."""
    code, phone = code_of(bytes.fromhex(key), at), Client(app, use_cookies=True)
    with time_machine.travel(at, tick=False):
        phone.get(f"/c/{event.code}/{code}")
        return phone.get_cookie(f"here-{event.code}", domain="localhost") is not None


def code_of(key, at):
    """As `rotating_code.js` draws it."""
    step = (int(at.timestamp()) // 30).to_bytes(8, "big")
    return base64.b32encode(hmac.digest(key, step, "sha256")[:5]).decode()


@pytest.mark.parametrize("way", ["taken back", "handed over by the chair", "handed on at the gate"])
def test_a_captain_who_is_out_cannot_show_a_good_code_from_home(app, event, way):
    (rosa, rosas), (_sam, sams) = grant_for(event), grant_for(event)
    with time_machine.travel(OPEN, tick=False):
        key = state_of(app, event, rosas).json["key"]
        assert state_of(app, event, sams).json["key"] == key and scanned(app, event, key, OPEN)
        end = {"taken back": revoke_grant, "handed over by the chair": hand_over_to("Vera", hand_over),
               "handed on at the gate": hand_over_to("Vera", pass_on)}[way]  # fmt: skip
        end(rosa, "shell", now=OPEN)
        assert state_of(app, event, rosas).status_code == 403
        fresh = state_of(app, event, sams).json["key"]
    assert fresh != key
    next_code = OPEN.replace(second=30)
    assert not scanned(app, event, key, next_code), "a code that begins after the phone was out"
    assert scanned(app, event, fresh, next_code), "the other phone goes on"


def hand_over_to(label, way):
    return lambda grant, by, *, now: way(grant, label, by, now=now)


def test_a_code_that_was_shown_before_is_good_for_the_rest_of_its_minute(app, event):
    begins = OPEN.replace(second=0)
    rosa, rosas = grant_for(event)
    with time_machine.travel(begins, tick=False):
        key = state_of(app, event, rosas).json["key"]
    code = code_of(bytes.fromhex(key), begins)
    revoke_grant(rosa, "shell", now=begins + timedelta(seconds=10))
    assert is_current(event.id, code, begins + timedelta(seconds=50))
    assert not is_current(event.id, code, begins + timedelta(seconds=60))
    later = code_of(bytes.fromhex(key), begins + timedelta(seconds=30))
    assert not is_current(event.id, later, begins + timedelta(seconds=30))


def test_a_chair_whose_role_has_ended_cannot_either(app, event):
    carmen = make_person(role=RoleName.CHAIR, site=event.site)
    ends_at = event.ends_at + timedelta(hours=3)
    with time_machine.travel(OPEN, tick=False):
        grant_line(event.id, GrantKind.CHAIR, "", carmen, "shell", ends_at, now=OPEN)
        before = rotating_key(event, OPEN)
        with atomic() as session:
            session.execute(update(RoleTerm).values(to_on=date(2026, 3, 2)))
        assert rotating_key(event, OPEN) != before


def test_a_wall_that_is_taken_back_and_a_link_that_is_given_change_no_key(app, event):
    before = rotating_key(event, OPEN)
    wall, _token = grant_for(event, kind=GrantKind.WALL)
    revoke_grant(wall, "shell", now=OPEN)
    grant_for(event)
    grant_for(event, kind=GrantKind.LINK)
    assert rotating_key(event, OPEN) == before
