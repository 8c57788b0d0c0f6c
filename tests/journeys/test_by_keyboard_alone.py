"""The member's page and the line page by keyboard alone. The board: `test_an_organizer_at_the_desk.py`."""

from datetime import timedelta

from playwright.sync_api import expect

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind
from tests.journeys.phones import SOON

MOST_TABS = 40


def tab_to(page, selector):
    """Presses Tab until this has the focus, which then has to be seen."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("(one) => document.activeElement.matches(one)", selector):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
            return
    raise AssertionError(f"no way to {selector}")


def test_a_member_corrects_a_number_and_checks_in(gate, page):
    page.goto(gate.check_in)
    tab_to(page, "#typed")
    page.keyboard.type("call me")
    page.keyboard.press("Enter")
    field = page.get_by_label("Your mobile number")
    expect(field).to_have_attribute("aria-invalid", "true", timeout=SOON)
    expect(field).to_be_focused()
    assert page.evaluate("document.getElementById('typed-error').textContent")
    assert "typed-error" in field.get_attribute("aria-describedby")
    page.keyboard.press("Control+A")
    page.keyboard.type("2135550110")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
    assert page.evaluate("document.activeElement.id") == "main"
    tab_to(page, "summary")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Share these words")).to_be_visible()


def test_a_captain_finds_ticks_takes_back_and_counts(gate, context, page):
    now = clock.now()
    ends = now + timedelta(hours=3)
    _grant, token = grant_line(gate.event.id, GrantKind.CAPTAIN, "Rosa", None, "shell", ends, now=now)
    context.add_cookies([{"name": f"line-{gate.event.code}", "value": token, "url": gate.server}])
    page.goto(gate.line)
    expect(page.get_by_label("Find a name")).to_be_visible()
    tab_to(page, "#search")
    page.keyboard.type("first3")
    tab_to(page, "#names button")
    page.keyboard.press("Enter")
    expect(page.locator("#named")).to_have_text("1", timeout=SOON)
    undo = page.get_by_role("button", name="Undo: First3 L.")
    expect(undo).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Wrong name: First3 L.")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#named")).to_have_text("0", timeout=SOON)
    tab_to(page, "#n")
    page.keyboard.type("31")
    page.keyboard.press("Enter")
    expect(page.locator("#head-count strong")).to_have_text("31", timeout=SOON)
