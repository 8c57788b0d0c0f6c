"""A morning without a network: what is tapped stays on the phone, also when it dies, and arrives once."""

import io
import time
from contextlib import contextmanager, suppress
from datetime import timedelta
from types import SimpleNamespace

import psycopg
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Error, expect

from mobilize import clock
from mobilize.accounts.grants import grant_line, revoke_grant
from mobilize.accounts.models import GrantKind
from mobilize.checkins.models import Tier
from mobilize.checkins.personal import personal_code
from mobilize.checkins.rotating import is_current
from mobilize.database import db
from tests.builders import make_action, make_campaign, make_event, make_member, make_site
from tests.checkins.morning import attendance, evidence, outcomes

SOON = 15_000
KEPT = "navigator.serviceWorker.controller && caches.open('pages-1').then(c => c.match('{}')).then(Boolean)"


@pytest.fixture
def gate(live_server):
    """A picket that began ten minutes ago at a school with eight members."""
    now = clock.now()
    site = make_site("Roosevelt Elementary")
    members = [make_member(f"Last{n}", f"First{n}", site=site, phone=f"+1213555011{n}") for n in range(8)]
    action = make_action(starts_at=now - timedelta(minutes=10), campaign_id=make_campaign().id)
    event = make_event(site, action=action, meet_at="Front gate")
    return SimpleNamespace(event=event, members=members, check_in=f"{live_server}/c/{event.code}",
                           line=f"{live_server}/line/{event.code}", server=live_server)  # fmt: skip


@pytest.fixture
def phone_of(playwright, browser_type_launch_args, browser_context_args, tmp_path):
    """Opens a phone that keeps what it has, under its name, also when it is killed."""
    opened = []

    def open_phone(name="hers", cookies=()):
        context = playwright.chromium.launch_persistent_context(
            tmp_path / name, **browser_type_launch_args, **browser_context_args
        )
        context.add_cookies(list(cookies))
        opened.append(context)
        return context, context.pages[0]

    yield open_phone
    for context in opened:
        context.close()


def kill(context):
    """An empty battery. A browser that is closed instead may have its network back for a last moment."""
    with suppress(Error):
        context.new_cdp_session(context.pages[0]).send("Browser.crash")


def eventually(found, wanted):
    """The server runs in another process: look again until it has stored what it was sent."""
    deadline = time.monotonic() + SOON / 1000
    while found() != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
        db.session.rollback()
    assert found() == wanted


def until(page, true):
    """`wait_for_function` would need `eval` in the page, which our policy forbids."""
    deadline = time.monotonic() + SOON / 1000
    while not page.evaluate(true):
        assert time.monotonic() < deadline, true
        time.sleep(0.1)


def open_and_keep(page, address, key):
    page.goto(address)
    until(page, KEPT.format(key))


def check_in_here(page, number):
    page.get_by_label("Your mobile number").last.fill(number)
    page.get_by_role("button", name="Check in", exact=True).last.click()


def test_members_check_in_without_a_network_and_the_phone_dies_before_it_is_back(gate, phone_of):
    context, page = phone_of()
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    context.set_offline(True)
    page.reload()
    before = clock.now()
    for n, kept in enumerate(("Saved", "2 saved", "3 saved")):
        check_in_here(page, f"213555011{n}")
        expect(page.get_by_text(f"{kept} on this phone, not yet sent")).to_have_count(1)
    after = clock.now()
    assert evidence(gate.event) == []
    kill(context)

    context, page = phone_of()
    page.goto(gate.check_in)
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
    eventually(lambda: outcomes(gate.event), ["counted"] * 3)
    expect(page.get_by_text("not yet sent")).to_have_count(0, timeout=SOON)
    for row in attendance(gate.event):
        assert before - timedelta(seconds=2) <= row.first_at <= after + timedelta(seconds=2), "the tap's time"
        assert row.tier is Tier.SELF
    assert {row.recorded_at > after for row in evidence(gate.event)} == {True}
    page.reload()
    expect(page.get_by_role("button", name="Show my receipt")).to_be_visible()
    assert len(evidence(gate.event)) == 3


def test_the_receipt_opens_without_a_network(gate, phone_of):
    context, page = phone_of()
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    check_in_here(page, "2135550110")
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
    context.set_offline(True)
    page.goto(gate.check_in)
    page.get_by_role("button", name="Show my receipt").click()
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible()


@contextmanager
def database_away(app, postgres):
    """Nobody gets a connection, and those that were open are gone."""
    name = app.config["DATABASE_URL"].partition("@/")[2].partition("?")[0]
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def test_her_own_link_works_without_a_network(gate, phone_of):
    letters = personal_code(gate.event.id, gate.members[2].id)
    address = f"{gate.server}/p/{gate.event.code}/{letters}"
    context, page = phone_of()
    open_and_keep(page, address, f"/p/{gate.event.code}/{letters}")
    context.set_offline(True)
    page.goto(address)
    expect(page.locator(".qr svg")).to_be_visible()
    page.get_by_role("button", name="Check me in").click()
    expect(page.get_by_text("Saved on this phone, not yet sent")).to_be_visible()
    assert evidence(gate.event) == []
    context.set_offline(False)
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
    eventually(lambda: outcomes(gate.event), ["counted"])
    assert attendance(gate.event)[0].member_id == gate.members[2].id
    page.get_by_text("Wrong number? Undo").click()
    context.set_offline(True)
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("This needs a network.")).to_be_visible()
    context.set_offline(False)
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("was taken back")).to_be_visible()
    eventually(lambda: attendance(gate.event), [])


def test_while_the_database_is_away_the_page_keeps_the_tap_and_says_so(gate, phone_of, pg_app, postgres):
    _context, page = phone_of()
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    db.session.remove()
    with database_away(pg_app, postgres):
        with page.expect_response(lambda answer: answer.request.method == "POST") as told:
            check_in_here(page, "2135550110")
        assert (told.value.status, told.value.headers["retry-after"]) == (503, "5")
        expect(page.get_by_text("Saved on this phone, not yet sent")).to_be_visible()
    db.engine.dispose()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
    eventually(lambda: outcomes(gate.event), ["counted"])


def test_a_number_nobody_can_read_is_shown_and_not_lost(gate, phone_of):
    context, page = phone_of()
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    context.set_offline(True)
    check_in_here(page, "call me")
    expect(page.get_by_text("not yet sent")).to_be_visible()
    context.set_offline(False)
    expect(page.get_by_role("status").get_by_text("Type your mobile number with area code")).to_be_visible(
        timeout=SOON
    )
    expect(page.get_by_role("status").get_by_text("call me")).to_be_visible()
    page.get_by_role("button", name="I have seen this").click()
    expect(page.get_by_text("call me")).to_have_count(0)


def line_phone(gate, phone_of, name):
    """A captain's phone with the line page open and kept. Returns its context, page, grant and cookie."""
    now = clock.now()
    grant, token = grant_line(
        gate.event.id, GrantKind.CAPTAIN, name, None, "shell", now + timedelta(hours=3), now=now
    )
    cookie = {"name": f"line-{gate.event.code}", "value": token, "url": gate.server}
    context, page = phone_of(name, [{**cookie, "expires": time.time() + 86400}])
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
    rosa.page.evaluate("kept.people[0].name = 'Somebody E.'; store.put('lines', kept)")
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
    until(rosa.page, "store.all('lines').then(kept => kept.length === 0)")
    assert "First1" not in rosa.page.content()


def test_at_the_days_end_the_names_leave_the_phone_and_what_waits_does_not(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.context.set_offline(True)
    tick(rosa.page, 1)
    rosa.page.evaluate("kept.ends = 0; store.put('lines', kept)")
    rosa.page.goto(gate.line)
    expect(rosa.page.get_by_text("This phone's link has ended")).to_be_visible()
    expect(rosa.page.get_by_text("1 waiting to send")).to_be_visible()
    expect(rosa.page.locator("#names li")).to_have_count(0)
    until(rosa.page, "store.all('lines').then(kept => kept.length === 0)")
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
    rosa.page.evaluate(f"add({{ kind: 'tick', member: '{elsewhere.id}' }})")
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


def test_without_a_camera_her_number_is_typed(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.page.get_by_role("button", name="Scan a member's own code").click()
    rosa.page.get_by_role("button", name="Type her number instead").click()
    expect(rosa.page.get_by_label("Mobile number, member number or name")).to_be_focused()


def test_the_changing_code_is_drawn_without_a_network_and_a_wrong_clock(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    until(rosa.page, "Boolean(kept.rotating?.key) && ticks !== null")
    rosa.page.evaluate("Date.now = () => 0")
    rosa.context.set_offline(True)
    rosa.page.get_by_role("button", name="Show the changing code full screen").click()
    expect(rosa.page.get_by_text("New code in")).to_be_visible()
    picture = Image.open(io.BytesIO(rosa.page.locator("#board .qr").screenshot()))
    read = zxingcpp.read_barcode(picture)
    address, _slash, code = read.text.rpartition("/")
    assert address.lower().endswith(f"/c/{gate.event.code}".lower())
    assert is_current(gate.event.id, code, clock.now())


def test_the_vendored_reader_reads_a_code(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.page.evaluate("delete window.BarcodeDetector")
    text = "HTTP://LOCALHOST/P/ABCDEFGHJ/ABCDEFGHIJ"
    read = rosa.page.evaluate(
        """async (text) => {
            const rows = qr.rows(text), canvas = document.createElement('canvas');
            canvas.width = canvas.height = canvas.videoWidth = canvas.videoHeight = (rows.length + 8) * 8;
            const draw = canvas.getContext('2d');
            draw.fillStyle = '#fff';
            draw.fillRect(0, 0, canvas.width, canvas.height);
            draw.fillStyle = '#000';
            const put = (x, y) => draw.fillRect(x * 8 + 32, y * 8 + 32, 8, 8);
            rows.forEach((row, y) => row.forEach((dark, x) => dark && put(x, y)));
            return (await anyReader())(canvas);
        }""",
        text,
    )
    assert read == text
