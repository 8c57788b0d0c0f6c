"""A member's phone and the chair's phone at the gate: real browsers, the production server, PostgreSQL."""

import re
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind
from mobilize.checkins.line.queries import head_count
from mobilize.checkins.member.personal_links import personal_code
from tests.builders import make_action, make_campaign, make_event, make_member, make_site
from tests.checkins.morning import attendance, outcomes
from tests.journeys.phones import eventually

SMALL = """[...document.querySelectorAll('a, button, summary, input:not([type=hidden])')]
  .filter((e) => e.offsetParent && !e.matches('.skip') && e.getBoundingClientRect().height < 43.9)
  .map((e) => e.outerHTML.slice(0, 80))"""
SOON = 8_000


@pytest.fixture
def line(live_server):
    """A picket that began ten minutes ago at a school with 46 members; Mia Reyes is one of them."""
    now = clock.now()
    site = make_site("Roosevelt Elementary School and Early Education Center")
    mia = make_member("Reyes", "Mia", site=site, phone="+12135550101", number="44000101")
    make_member("Núñez", "Jose Ángel", site=site)
    for n in range(44):
        make_member(f"Name {n:02d}", f"First{n:02d}", site=site)
    action = make_action(starts_at=now - timedelta(minutes=10), campaign_id=make_campaign().id)
    event = make_event(site, action=action, meet_at="Front gate")
    _grant, token = grant_line(
        event.id, GrantKind.CHAIR, "chair", None, "shell", now + timedelta(hours=3), now=now
    )
    cookie = {"name": f"line-{event.code}", "value": token, "url": live_server}
    return SimpleNamespace(
        event=event, mia=mia, cookie=cookie, check_in=f"{live_server}/c/{event.code}",
        page=f"{live_server}/line/{event.code}",
    )  # fmt: skip


@pytest.fixture
def chair(browser, browser_context_args, line):
    """The chair's phone, with the line page open."""
    context = browser.new_context(**browser_context_args)
    context.add_cookies([line.cookie])
    page = context.new_page()
    page.goto(line.page)
    yield page
    context.close()


def scan_as_printed(phone, line):
    """The QR code holds the address in capital letters; a phone's browser lowers the scheme and the host."""
    scheme, rest = line.check_in.split("//")
    host, path = rest.split("/", 1)
    phone.goto(f"{scheme}//{host}/{path.upper()}")


def row(page, name):
    return page.locator("#names li", has_text=name)


def test_a_member_scans_types_their_number_and_the_chairs_page_shows_it(phone, chair, line):
    expect(chair.locator("#named")).to_have_text("0")
    scan_as_printed(phone, line)
    number = phone.get_by_label("Your mobile number")
    number.fill("call me")
    phone.get_by_role("button", name="Check in").click()
    expect(phone.get_by_text("Type your mobile number with area code")).to_be_visible()
    expect(number).to_have_value("call me")
    expect(number).to_be_focused()
    number.fill("(213) 555-0101")
    phone.get_by_role("button", name="Check in").click()
    expect(phone.get_by_role("heading", name="You're counted. Thank you for standing up.")).to_be_visible()
    expect(phone.get_by_text("with area code")).to_have_count(0)
    expect(chair.locator("#named")).to_have_text("1", timeout=SOON)
    expect(row(chair, "Mia R.").locator(".state")).to_have_text(re.compile("Came at"))
    expect(row(chair, "Mia R.").get_by_role("button")).to_have_count(0)
    scan_as_printed(phone, line)
    phone.get_by_role("button", name="Check me in").click()
    expect(phone.get_by_role("heading", name="You're counted")).to_be_visible()
    assert outcomes(line.event) == ["counted", "repeat"]


@pytest.mark.parametrize("has_sheet", [True, False])
def test_a_receipts_words_are_shared_and_say_nothing_of_who_was_there(phone, line, has_sheet):
    records = (
        "{ value: (said) => ((window.heard = said.text ?? said), Promise.resolve()), configurable: true }"
    )
    share, no_share = f"'share', {records}", "'share', { value: undefined, configurable: true }"
    copies = f"Object.defineProperty(navigator.clipboard, 'writeText', {records})"
    phone.add_init_script(f"Object.defineProperty(navigator, {share if has_sheet else no_share}); {copies}")
    phone.goto(line.check_in)
    phone.get_by_label("Your mobile number").fill("2135550101")
    phone.get_by_role("button", name="Check in").click()
    phone.get_by_text("Tell others").click()
    expect(phone.get_by_role("button", name="Share these words")).to_have_count(int(has_sheet))
    phone.get_by_role("button", name="Share these words" if has_sheet else "Copy").click()
    if not has_sheet:
        expect(phone.get_by_role("status").get_by_text("Copied")).to_be_visible()
    assert phone.evaluate("heard") == f"I stood up today: {line.event.action.name.in_('en')}. Test Local 100"


def test_on_slow_3g_the_receipt_is_there_within_ten_seconds(phone, line):
    slow = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
    phone.context.new_cdp_session(phone).send("Network.emulateNetworkConditions", slow)
    began = time.monotonic()
    phone.goto(line.check_in)
    phone.get_by_label("Your mobile number").fill("2135550101")
    phone.get_by_role("button", name="Check in").click()
    expect(phone.get_by_role("heading", name="You're counted")).to_be_visible(timeout=10_000)
    assert time.monotonic() - began < 10


def test_the_chair_finds_a_name_ticks_it_takes_it_back_and_counts_heads(chair, line):
    chair.get_by_label("Find a name").fill("josé angel")
    expect(chair.locator("#names li:visible")).to_have_count(1)
    chair.get_by_role("button", name="Here: Jose Ángel N.").click()
    expect(chair.locator("#named")).to_have_text("1", timeout=SOON)
    chair.get_by_role("button", name="Undo: Jose Ángel N.").click()
    chair.get_by_role("button", name="Leave it: Jose Ángel N.").click()
    chair.get_by_role("button", name="Undo: Jose Ángel N.").click()
    chair.get_by_role("button", name="Wrong name: Jose Ángel N.").click()
    expect(chair.locator("#named")).to_have_text("0", timeout=SOON)
    expect(chair.get_by_role("button", name="Here: Jose Ángel N.")).to_be_visible()
    chair.get_by_label("Find a name").fill("nobody at all")
    expect(chair.get_by_text("Nobody on this list is called that.")).to_be_visible()
    chair.get_by_label("How many people stand here now?").fill("31")
    chair.get_by_role("button", name="Report head count").click()
    expect(chair.locator("#head-count strong")).to_have_text("31", timeout=SOON)
    chair.get_by_role("button", name="+5 supporters").click()
    expect(chair.locator("#supporters")).to_have_text("5", timeout=SOON)
    eventually(lambda: head_count(line.event.id)[0], 31)
    eventually(lambda: outcomes(line.event), ["counted", "undone"])


def test_what_cannot_be_sent_waits_on_the_phone_and_goes_when_the_network_is_back(chair, line):
    expect(row(chair, "Mia R.")).to_be_visible()
    chair.context.set_offline(True)
    chair.get_by_role("button", name="Here: Mia R.").click()
    expect(chair.get_by_text("1 waiting to send")).to_be_visible()
    expect(row(chair, "Mia R.").locator(".state")).to_have_text("Saved on this phone, not yet sent")
    chair.context.set_offline(False)
    expect(chair.locator("#named")).to_have_text("1", timeout=SOON)
    expect(chair.get_by_text("waiting to send")).to_be_hidden()
    assert len(attendance(line.event)) == 1


def test_without_javascript_all_of_it_works_by_forms(browser, browser_context_args, line):
    context = browser.new_context(**browser_context_args, java_script_enabled=False)
    context.add_cookies([line.cookie])
    page = context.new_page()
    scan_as_printed(page, line)
    page.get_by_label("Your mobile number").fill("44000101")
    page.get_by_role("button", name="Check in").click()
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible()
    page.goto(line.page)
    expect(page.locator("#named")).to_have_text("1")
    page.get_by_role("button", name="Here: First07").click()
    expect(page.locator("#named")).to_have_text("2")
    page.get_by_role("button", name="Undo: First07").click()
    expect(page.locator("#named")).to_have_text("1")
    page.get_by_label("How many people stand here now?").fill("24")
    page.get_by_role("button", name="Report head count").click()
    expect(page.locator("#head-count strong")).to_have_text("24")
    page.get_by_role("button", name="+1 supporters").click()
    expect(page.locator("#supporters")).to_have_text("1")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390])
def test_everybody_can_use_the_pages(browser, browser_context_args, line, width, scheme):
    wide = {"viewport": {"width": width, "height": 740}, "color_scheme": scheme}
    context = browser.new_context(**{**browser_context_args, **wide})
    context.add_cookies([line.cookie])
    page = context.new_page()
    page.goto(line.check_in)
    fits(page, "check-in")
    page.get_by_label("Your mobile number").fill("call me")
    page.get_by_role("button", name="Check in").click()
    fits(page, "check-in with an error")
    page.get_by_label("Your mobile number").fill("2135550101")
    page.get_by_role("button", name="Check in").click()
    fits(page, "receipt")
    page.goto(line.check_in.replace("/c/", "/p/") + "/" + personal_code(line.event.id, line.mia.id))
    fits(page, "a member's own link")
    page.goto(line.page)
    page.get_by_text("Show the poster's code").click()
    page.get_by_text("Hand the line to another phone").click()
    fits(page, "line page")
    page.get_by_role("button", name="Show the changing code full screen").click()
    expect(page.get_by_text("New code in")).to_be_visible()
    fits(page, "the changing code")
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Hand over").click()
    fits(page, "handing over")
    context.close()


def fits(page, name):
    """No accessibility violation, nothing wider than the screen, no target smaller than a thumb."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
    assert page.evaluate(SMALL) == [], name
    result = Axe().run(page)
    assert result.violations_count == 0, f"{name}: {result.generate_report()}"
