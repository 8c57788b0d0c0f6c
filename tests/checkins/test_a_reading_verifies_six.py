"""One reading of the line's changing code verifies six people, on however many phones its ticket is shown."""

from collections import Counter
from types import SimpleNamespace

import pytest

from mobilize.checkins.forms import event_token
from mobilize.checkins.line.rotating_codes import rotating_code, ticket
from mobilize.checkins.models import Outcome, Tier
from mobilize.checkins.record.identifiers import read_typed
from mobilize.checkins.record.operations import check_in_by_poster
from mobilize.checkins.review.evidence_counts import flags_of
from mobilize.checkins.review.resolutions import tie
from tests.builders import make_event, make_member, make_site
from tests.checkins.morning import OPEN, attendance, evidence, post
from tests.checkins.test_two_at_the_same_moment_are_one import all_at_once
from tests.services.client import Client

pytestmark = pytest.mark.usefixtures("in_the_morning")


@pytest.fixture
def numbers():
    return [f"213555011{n}" for n in range(10)]


@pytest.fixture
def event(app, numbers):
    site = make_site()
    for number in numbers:
        make_member(site=site, phone=f"+1{number}")
    picket = make_event(site)
    return SimpleNamespace(id=picket.id, code=picket.code)


def cookie_of(client, event):
    return client.get_cookie(f"here-{event.code}", domain="localhost").value


def tiers(event):
    return Counter(row.tier for row in attendance(event))


def read(app, event):
    """A phone that has read the code, and its ticket."""
    phone = Client(app, use_cookies=True)
    phone.get(f"/c/{event.code}/{rotating_code(event.id, OPEN)}")
    return phone, cookie_of(phone, event)


def with_ticket(app, event, token):
    phone = Client(app, use_cookies=True)
    phone.set_cookie(f"here-{event.code}", token, domain="localhost")
    return phone


def test_the_seventh_on_one_phone_is_self_reported(app, event, numbers):
    phone, _ticket = read(app, event)
    answers = {post(phone, event, number).status_code for number in numbers}
    assert answers == {200}
    assert tiers(event) == {Tier.VERIFIED: 6, Tier.SELF: 4}


def test_the_seventh_is_self_reported_on_whatever_phones_the_ticket_is_shown(app, event, numbers):
    _phone, token = read(app, event)
    for number in numbers:
        post(with_ticket(app, event, token), event, number)
    assert len({row.device_hmac for row in evidence(event)}) == 10, "ten phones, or one without its cookies"
    assert tiers(event) == {Tier.VERIFIED: 6, Tier.SELF: 4}
    assert flags_of([event.id]).busy_devices == 1


def test_one_phone_with_many_members_is_flagged_once(app, event, numbers):
    phone, _ticket = read(app, event)
    for number in numbers[:4]:
        post(phone, event, number)
    assert flags_of([event.id]).busy_devices == 1


def test_from_the_pages_queue_it_is_the_same(app, event, numbers):
    _phone, token = read(app, event)
    for n, number in enumerate(numbers):
        at = OPEN.isoformat()
        tap = {"nonce": f"{n + 1:032x}", "typed": number, "at": at, "sent_at": at}
        sent = {**tap, "token": event_token(event.code)}
        assert with_ticket(app, event, token).post(f"/c/{event.code}", json=sent).status_code == 200
    assert tiers(event) == {Tier.VERIFIED: 6, Tier.SELF: 4}


def test_a_member_who_taps_again_takes_no_second_place(app, event, numbers):
    token = ticket(event.id, OPEN)
    for n in range(12):
        page, typed = event_token(event.code), read_typed(numbers[n % 6])
        check_in_by_poster(event.id, typed, page=page, cookie=None, ticket=token, now=OPEN)
        tap = {"nonce": f"{n + 1:032x}", "typed": numbers[n % 6], "at": OPEN.isoformat(), "token": page}
        with_ticket(app, event, token).post(f"/c/{event.code}", json={**tap, "sent_at": OPEN.isoformat()})
    assert tiers(event) == {Tier.VERIFIED: 6}
    assert {row.tier for row in evidence(event)} == {Tier.VERIFIED}


def test_numbers_that_match_nobody_take_a_place_since_a_person_may_match_them(app, event, numbers):
    phone, _ticket = read(app, event)
    for n in range(6):
        post(phone, event, f"213555099{n}")
    post(phone, event, numbers[0])
    assert tiers(event) == {Tier.SELF: 1}


def test_what_waits_for_a_person_takes_a_place_since_it_is_verified_when_they_settle_it(app, event, numbers):
    phone, _ticket = read(app, event)
    for n in range(6):
        post(phone, event, f"213555099{n}")
    post(phone, event, numbers[0])
    late = make_member()
    waits = next(row for row in evidence(event) if row.outcome is Outcome.WALKUP)
    tie(waits.id, late.id, "wrong digit", actor="chair", now=OPEN)
    assert tiers(event) == {Tier.SELF: 1, Tier.VERIFIED: 1}


def test_after_an_undo_the_phone_reads_the_code_again_and_that_verifies_six(app, event, numbers):
    phone, _ticket = read(app, event)
    for n in range(4):
        post(phone, event, f"213555099{n}")
    phone.post(f"/c/{event.code}/undo", data={"token": event_token(event.code)})
    assert phone.get_cookie(f"here-{event.code}", domain="localhost") is None
    phone.get(f"/c/{event.code}/{rotating_code(event.id, OPEN)}")
    for number in numbers:
        post(phone, event, number)
    assert tiers(event)[Tier.VERIFIED] == 6


def test_at_the_same_moment_they_are_six_as_well(app, event, numbers):
    token = ticket(event.id, OPEN)

    def tap(number):
        return lambda: (
            check_in_by_poster(
                event.id, read_typed(number), page=number, cookie=None, ticket=token, now=OPEN
            )[0].outcome
        )

    outcomes = all_at_once(app, *[tap(number) for number in numbers])
    assert set(outcomes) == {"counted"}
    assert tiers(event) == {Tier.VERIFIED: 6, Tier.SELF: 4}


def test_another_reading_verifies_six_more(app, event, numbers):
    for some in (numbers[:6], numbers[6:]):
        phone, _ticket = read(app, event)
        for number in some:
            post(phone, event, number)
    assert tiers(event) == {Tier.VERIFIED: 10}


def test_a_script_that_reads_the_code_again_and_again_is_seen(app, event):
    """It throws its cookies away, and so is no busy phone: twelve are verified within a minute."""
    site = make_site()
    [make_member(site=site, phone=f"+1213555012{n}") for n in range(10)]
    everybody = [f"213555011{n}" for n in range(6)] + [f"213555012{n}" for n in range(6)]
    for number in everybody:
        _phone, token = read(app, event)
        post(with_ticket(app, event, token), event, number)
    assert tiers(event)[Tier.VERIFIED] == 12
    assert (flags_of([event.id]).busy_devices, flags_of([event.id]).bursts) == (0, 1)
