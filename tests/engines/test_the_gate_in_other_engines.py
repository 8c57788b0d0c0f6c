"""The gate on phones that are not Chromium: Firefox, and WebKit, whose engine every iPhone has."""

import io
from datetime import timedelta

import pytest
import zxingcpp
from PIL import Image

from mobilize import clock
from mobilize.accounts.access.grants import revoke_grant
from mobilize.checkins.line.rotating_codes import is_current
from mobilize.checkins.member.personal_links import personal_code
from tests.checkins.morning import attendance, evidence, outcomes
from tests.engines.conftest import kept
from tests.journeys.phones import eventually

pytestmark = pytest.mark.timeout(240)

UNSENT = "not yet sent"
COUNTED = "You're counted"


def check_in(phone, number):
    phone.type("Your mobile number", number)
    phone.press("Check in")


def test_a_member_types_their_number_and_is_counted(gate, engine, open_phone):
    phone = open_phone(engine)
    phone.go(gate.check_in)
    check_in(phone, "call me")
    phone.reads("Type your mobile number with area code")
    check_in(phone, "(213) 555-0110")
    phone.reads(COUNTED)
    eventually(lambda: outcomes(gate.event), ["counted"])


def test_taps_without_a_network_arrive_once_and_with_their_time(gate, network, engine, open_phone):
    phone = open_phone(engine)
    phone.go(gate.check_in)
    phone.until(kept(f"/c/{gate.event.code}"))
    network.cut()
    phone.go(gate.check_in)
    before = clock.now()
    for n in range(3):
        if n:
            phone.press("Check in someone else on this phone")
        check_in(phone, f"213555011{n}")
        phone.reads(UNSENT)
    after = clock.now()
    if engine.keeps_its_profile:
        phone.driver.kill()
        phone = open_phone(engine)
    phone.go(gate.check_in)
    phone.reads(UNSENT)
    assert evidence(gate.event) == []
    network.restore()
    phone.go(gate.check_in)
    phone.reads(COUNTED)
    eventually(lambda: outcomes(gate.event), ["counted"] * 3)
    phone.reads_no_more(UNSENT)
    for row in attendance(gate.event):
        assert before - timedelta(seconds=2) <= row.first_at <= after + timedelta(seconds=2), "the tap's time"


def test_the_receipt_opens_without_a_network(gate, network, engine, open_phone):
    phone = open_phone(engine)
    phone.go(gate.check_in)
    phone.until(kept(f"/c/{gate.event.code}"))
    check_in(phone, "2135550110")
    phone.reads(COUNTED)
    network.cut()
    phone.go(gate.check_in)
    phone.press("Show my receipt")
    phone.reads(COUNTED)


def test_a_members_own_link_works_without_a_network(gate, network, engine, open_phone):
    path = f"/p/{gate.event.code}/{personal_code(gate.event.id, gate.members[2].id)}"
    phone = open_phone(engine)
    phone.go(gate.server + path)
    phone.until(kept(path))
    network.cut()
    phone.go(gate.server + path)
    phone.press("Check me in")
    phone.reads(UNSENT)
    network.restore()
    phone.reads(COUNTED)
    eventually(lambda: outcomes(gate.event), ["counted"])
    assert attendance(gate.event)[0].member_id == gate.members[2].id


def test_a_captain_ticks_and_counts_without_a_network(gate, network, captains_phone):
    phone = captains_phone.phone
    network.cut()
    for n in range(3):
        phone.press(f"Here: First{n} L.")
    phone.type("How many people stand here now?", "17")
    phone.press("Report head count")
    phone.reads("4 waiting to send")
    phone.go(gate.line)
    phone.reads("4 waiting to send")
    phone.reads("First4 L.")  # WebKit gives no words of names that are below the screen
    assert evidence(gate.event) == []
    network.restore()
    phone.reads_no_more("waiting to send")
    eventually(lambda: outcomes(gate.event), ["counted"] * 3)
    phone.until("document.querySelector('#head-count strong')?.textContent === '17'")


def test_a_link_taken_back_wipes_the_names_and_loses_no_tick(gate, network, captains_phone):
    phone = captains_phone.phone
    network.cut()
    phone.press("Here: First1 L.")
    phone.reads("1 waiting to send")
    revoke_grant(captains_phone.grant, "shell", now=clock.now())
    network.restore()
    phone.reads("This phone's link has ended")
    phone.reads_no_more("First2 L.")
    eventually(lambda: outcomes(gate.event), ["unresolved"])


def test_the_changing_code_is_drawn_and_read_from_the_screen(gate, captains_phone):
    phone = captains_phone.phone
    phone.press("Show the changing code full screen")
    phone.reads("New code in")
    read = zxingcpp.read_barcode(Image.open(io.BytesIO(phone.driver.picture())))
    address, _slash, code = read.text.rpartition("/")
    assert address.lower().endswith(f"/c/{gate.event.code}".lower())
    assert is_current(gate.event.id, code, clock.now())
