"""A line without a network: its list, what captains did there, and what leaves their phones at its end."""

import io
import json
import re
import time
from datetime import timedelta
from types import SimpleNamespace

import zxingcpp
from PIL import Image
from playwright.sync_api import expect
from qrcode.main import QRCode

from mobilize import clock
from mobilize.accounts.access.grants import grant_line, revoke_grant
from mobilize.accounts.models import GrantKind
from mobilize.checkins.line.rotating_codes import is_current
from tests.builders import make_member, make_site
from tests.checkins.morning import attendance, evidence, outcomes
from tests.journeys.phones import SOON, eventually, inside, kill, open_and_keep, until

DRAW = """
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = canvas.videoWidth = canvas.videoHeight = rows.length * 8;
  const draw = canvas.getContext('2d');
  draw.fillStyle = '#fff';
  draw.fillRect(0, 0, canvas.width, canvas.height);
  draw.fillStyle = '#000';
  const put = (x, y) => draw.fillRect(x * 8, y * 8, 8, 8);
  rows.forEach((row, y) => row.forEach((dark, x) => dark && put(x, y)));"""
# The key of the changing code that a line's phone has; undefined while it has none.
KEY = inside("state.cached.rotating?.key")


def line_phone(gate, phone_of, name, no_state=False):
    """A captain's phone with the line page open and kept. Returns its context, page, grant and cookie."""
    now = clock.now()
    grant, token = grant_line(
        gate.event.id, GrantKind.CAPTAIN, name, None, "shell", now + timedelta(hours=3), now=now
    )
    cookie = {"name": f"line-{gate.event.code}", "value": token, "url": gate.server}
    context, page = phone_of(name, [{**cookie, "expires": time.time() + 86400}])
    if no_state:
        page.route("**/state", lambda route: route.abort())
    open_and_keep(page, gate.line, f"/line/{gate.event.code}")
    return SimpleNamespace(context=context, page=page, grant=grant)


def tick(page, n):
    page.get_by_role("button", name=f"Here: First{n} L.").click()
    expect(page.locator("#names li", has_text=f"First{n} L.").locator(".state")).to_have_text(
        "Saved on this phone, not yet sent"
    )


def test_two_captains_tick_without_a_network_one_phone_dies_and_nobody_counts_twice(gate, phone_of):
    rosa, sam = line_phone(gate, phone_of, "rosa"), line_phone(gate, phone_of, "sam")
    for phone in (rosa, sam):
        phone.context.set_offline(True)
    before = clock.now()
    for n in range(4):
        tick(rosa.page, n)
    rosa.page.get_by_label("How many people stand here now?").fill("17")
    rosa.page.get_by_role("button", name="Report head count").click()
    expect(rosa.page.get_by_text("5 waiting to send")).to_be_visible()
    expect(rosa.page.get_by_text("17: Saved on this phone, not yet sent")).to_be_visible()
    for unsent in ("+5", "+10"):
        rosa.page.get_by_role("button", name="+5 supporters").click()
        expect(rosa.page.get_by_text(f"{unsent}: Saved on this phone, not yet sent")).to_be_visible()
    rosa.page.get_by_role("button", name="-1 supporters").click()
    for n in range(3, 6):
        tick(sam.page, n)
    after = clock.now()
    written = rosa.context.cookies()  # to the disk, that is: Chromium does so within half a minute
    kill(rosa.context)

    again, page = phone_of("rosa", written)
    again.set_offline(True)
    page.goto(gate.line)
    expect(page.get_by_text("8 waiting to send")).to_be_visible()
    expect(page.get_by_text("+9: Saved on this phone, not yet sent")).to_be_visible()
    expect(page.locator("#names li")).to_have_count(8)
    tick(page, 6)
    assert evidence(gate.event) == []
    again.set_offline(False)
    sam.context.set_offline(False)
    expect(page.get_by_text("waiting to send")).to_be_hidden(timeout=SOON)
    expect(sam.page.get_by_text("waiting to send")).to_be_hidden(timeout=SOON)
    eventually(lambda: outcomes(gate.event), ["counted"] * 7 + ["repeat"])
    expect(page.locator("#named")).to_have_text("7", timeout=SOON)
    expect(page.locator("#head-count strong")).to_have_text("17")
    expect(page.locator("#supporters")).to_have_text("9")
    early = [row for row in attendance(gate.event) if row.member_id != gate.members[6].id]
    assert all(before - timedelta(seconds=2) <= row.first_at <= after + timedelta(seconds=2) for row in early)
    assert len(evidence(gate.event)) == 8


def test_a_list_that_was_altered_on_the_phone_is_not_shown(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.context.set_offline(True)
    rosa.page.evaluate(
        inside(
            "lineStorage.get('list', page.code).then((list) => { list.people[0].name = 'Somebody E.';"
            " return lineStorage.put('list', page.code, list.ends, list); })"
        )
    )
    rosa.page.goto(gate.line)
    expect(rosa.page.get_by_text("was altered, so it is not shown")).to_be_visible()
    expect(rosa.page.locator("#names li")).to_have_count(0)


def test_a_link_taken_back_wipes_the_names_and_loses_no_tick(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.context.set_offline(True)
    tick(rosa.page, 1)
    revoke_grant(rosa.grant, "shell", now=clock.now())
    rosa.context.set_offline(False)
    expect(rosa.page.get_by_text("This phone's link has ended")).to_be_visible(timeout=SOON)
    expect(rosa.page.locator("#names li")).to_have_count(0)
    eventually(lambda: outcomes(gate.event), ["unresolved"])
    until(rosa.page, inside("storage.all('lines').then((lines) => lines.length === 0)"))
    assert "First1" not in rosa.page.content()


def test_at_the_days_end_the_names_leave_the_phone_and_what_waits_does_not(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.context.set_offline(True)
    tick(rosa.page, 1)
    rosa.page.evaluate(
        inside(
            "lineStorage.get('list', page.code)"
            ".then((list) => lineStorage.put('list', page.code, 0, { ...list, ends: 0 }))"
            ".then(() => lineStorage.put('live', page.code, 0, state.cached))"
        )
    )
    rosa.page.goto(gate.line)
    expect(rosa.page.get_by_text("The names are not on this phone")).to_be_visible()
    expect(rosa.page.get_by_text("1 waiting to send")).to_be_visible()
    expect(rosa.page.locator("#names li")).to_have_count(0)
    until(rosa.page, inside("storage.all('lines').then((lines) => lines.length === 0)"))
    rosa.context.set_offline(False)
    eventually(lambda: outcomes(gate.event), ["counted"])


def test_what_could_not_be_taken_stays_on_the_phone_until_a_person_has_seen_it(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    elsewhere = make_member("Somebody", "Else", site=make_site())
    rosa.context.set_offline(True)
    tick(rosa.page, 1)
    rosa.page.get_by_text("Hand the line to another phone").click()
    rosa.page.get_by_role("button", name="Hand over").click()
    expect(rosa.page.get_by_text("This needs a network.")).to_be_visible()
    rosa.page.get_by_role("button", name="I have seen this").click()
    rosa.page.get_by_label("Mobile number, member number or name").fill("12!?")
    rosa.page.get_by_role("button", name="Add this person").click()
    rosa.page.evaluate(inside(f"enqueue({{ kind: 'tick', member: '{elsewhere.id}' }})"))
    expect(rosa.page.get_by_text("3 waiting to send")).to_be_visible()
    rosa.context.set_offline(False)
    for _look in range(2):
        expect(rosa.page.get_by_text("Write a mobile number, a member number or a name.")).to_be_visible(
            timeout=SOON
        )
        expect(rosa.page.get_by_text("12!? (")).to_be_visible()
        expect(rosa.page.get_by_text("This name is not on your list.")).to_be_visible()
        expect(rosa.page.get_by_text("waiting to send")).to_be_hidden()
        rosa.page.reload()
    for left in (1, 0):
        rosa.page.get_by_role("button", name="I have seen this").first.click()
        expect(rosa.page.get_by_role("button", name="I have seen this")).to_have_count(left)
    rosa.page.reload()
    expect(rosa.page.locator("#names li")).to_have_count(8)
    expect(rosa.page.locator("#problems .notice")).to_have_count(0)
    eventually(lambda: outcomes(gate.event), ["counted"])


def test_without_a_camera_their_number_is_typed(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.page.get_by_role("button", name="Scan a member's own code").click()
    rosa.page.get_by_role("button", name="Type their number instead").click()
    expect(rosa.page.get_by_label("Mobile number, member number or name")).to_be_focused()


def test_the_changing_code_is_drawn_without_a_network_and_a_wrong_clock(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    until(rosa.page, inside("Boolean(state.cached.rotating?.key) && clock.syncedAt > 0"))
    rosa.page.evaluate("Date.now = () => 0")
    rosa.context.set_offline(True)
    rosa.page.get_by_role("button", name="Show the changing code full screen").click()
    expect(rosa.page.get_by_text("New code in")).to_be_visible()
    picture = Image.open(io.BytesIO(rosa.page.locator("#board .qr").screenshot()))
    read = zxingcpp.read_barcode(picture)
    address, _slash, code = read.text.rpartition("/")
    assert address.lower().endswith(f"/c/{gate.event.code}".lower())
    assert is_current(gate.event.id, code, clock.now())


def shown_code(phone):
    """The letters of the code on a phone's screen."""
    return phone.page.locator("#board-code").get_attribute("data-address").rpartition("/")[2]


def test_a_captain_who_is_out_shows_no_code_and_the_other_phone_goes_on(gate, phone_of):
    rosa, sam = line_phone(gate, phone_of, "rosa"), line_phone(gate, phone_of, "sam")
    for phone in (rosa, sam):
        phone.page.get_by_role("button", name="Show the changing code full screen").click()
        expect(phone.page.get_by_text("New code in")).to_be_visible()
    before = sam.page.evaluate(KEY)
    revoke_grant(rosa.grant, "shell", now=clock.now())
    until(sam.page, inside(f"![undefined, '', '{before}'].includes(state.cached.rotating?.key)"))
    until(rosa.page, inside("state.ended && state.cached.rotating === null"))
    expect(rosa.page.locator("#board-code path")).not_to_have_attribute("d", re.compile("M"))
    eventually(lambda: is_current(gate.event.id, shown_code(sam), clock.now()), True)


def test_a_phone_without_a_network_goes_on_with_a_key_that_verifies_nobody(gate, phone_of):
    rosa, sam = line_phone(gate, phone_of, "rosa"), line_phone(gate, phone_of, "sam")
    until(sam.page, KEY)
    before = sam.page.evaluate(KEY)
    sam.context.set_offline(True)
    revoke_grant(rosa.grant, "shell", now=clock.now())
    sam.page.get_by_role("button", name="Show the changing code full screen").click()
    expect(sam.page.get_by_text("New code in")).to_be_visible()
    assert sam.page.evaluate(KEY) == before
    sam.context.set_offline(False)
    until(sam.page, inside(f"state.cached.rotating.key !== '{before}'"))
    eventually(lambda: is_current(gate.event.id, shown_code(sam), clock.now()), True)


def test_an_unusual_head_count_is_asked_about_once_without_a_network_too(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.context.set_offline(True)
    rosa.page.get_by_label("How many people stand here now?").fill("20000")
    report = rosa.page.get_by_role("button", name="Report head count")
    report.click()
    expect(rosa.page.get_by_text("20000 people is far more than we expect here.")).to_be_visible()
    expect(rosa.page.get_by_label("How many people stand here now?")).to_have_value("20000")
    expect(rosa.page.get_by_text("waiting to send")).to_be_hidden()
    report.click()
    expect(rosa.page.get_by_text("1 waiting to send")).to_be_visible()
    rosa.context.set_offline(False)
    expect(rosa.page.locator("#head-count strong")).to_have_text("20000", timeout=SOON)


def test_a_long_queue_is_sent_a_batch_at_a_time_until_nothing_waits(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.context.set_offline(True)
    rosa.page.evaluate(
        inside(
            "(async () => { for (let n = 0; n < 250; n++) await enqueue({ kind: 'supporters', n: 1 }); })()"
        )
    )
    expect(rosa.page.get_by_text("250 waiting to send")).to_be_visible(timeout=SOON)
    rosa.context.set_offline(False)
    expect(rosa.page.get_by_text("waiting to send")).to_be_hidden(timeout=2 * SOON)
    expect(rosa.page.locator("#supporters")).to_have_text("250", timeout=SOON)


def test_the_vendored_reader_reads_a_code(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.page.evaluate("delete window.BarcodeDetector")
    text = "HTTP://LOCALHOST/P/ABCDEFGHJ/ABCDEFGHIJ"
    code = QRCode(border=4)
    code.add_data(text)
    rows = json.dumps(code.get_matrix())
    read = rosa.page.evaluate(
        inside(f"(async (rows) => {{ {DRAW} return (await makeDecoder())(canvas); }})({rows})")
    )
    assert read == text
