"""The member's page and the line page by keyboard alone. The board: `test_an_organizer_at_the_desk.py`."""

import re
from datetime import timedelta

import pytest
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
    expect(page.get_by_role("button", name="Copy")).to_be_visible()


@pytest.fixture
def line(gate, context, page):
    """A captain's line page."""
    now = clock.now()
    ends = now + timedelta(hours=3)
    _grant, token = grant_line(gate.event.id, GrantKind.CAPTAIN, "Rosa", None, "shell", ends, now=now)
    context.add_cookies([{"name": f"line-{gate.event.code}", "value": token, "url": gate.server}])
    page.goto(gate.line)
    expect(page.get_by_label("Find a name")).to_be_visible()
    return page


def test_a_captain_finds_ticks_takes_back_and_counts(line):
    page = line
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


def test_a_captain_mends_what_was_not_taken_where_they_typed_it(line):
    line.get_by_text("Tell the office").click()
    line.get_by_label("Whose number changed?").select_option(label="First3 L.")
    phone = line.get_by_label("Their new mobile number")
    phone.fill("call me")
    phone.press("Enter")
    expect(phone).to_have_attribute("aria-invalid", "true", timeout=SOON)
    expect(phone).to_be_focused()
    expect(phone).to_have_value("call me")
    assert phone.get_attribute("aria-describedby") == "phone-help phone-error"
    expect(line.locator("#phone-error")).to_have_role("alert")
    expect(line.locator("#phone-error")).to_have_text(re.compile("^Write the phone with its area code"))
    expect(line.locator("#problems .notice")).to_have_count(0)
    phone.fill("(213) 555-0199")
    phone.press("Enter")
    expect(line.locator("[data-unsent=new_number]")).to_have_text("(213) 555-0199: Sent", timeout=SOON)
    expect(line.locator("#phone-error")).to_have_count(0)
    expect(phone).to_have_attribute("aria-invalid", "false")


def test_without_a_field_what_is_wrong_has_the_focus_and_leaves_it_when_it_is_put_away(line, context):
    context.set_offline(True)
    line.get_by_text("Hand the line to another phone").click()
    line.get_by_role("button", name="Hand over").press("Enter")
    box = line.locator("#problems .notice")
    expect(box).to_be_focused()
    expect(box).to_contain_text("This needs a network.")
    tab_to(line, "#problems button")
    line.keyboard.press("Enter")
    expect(box).to_have_count(0)
    assert line.evaluate("document.activeElement.id") == "main"


def test_whoever_types_elsewhere_by_then_keeps_the_focus(line, context):
    context.set_offline(True)
    line.get_by_label("Mobile number, member number or name").fill("!!!")
    line.get_by_role("button", name="Add this person").click()
    expect(line.locator("[data-unsent=walkin]")).to_contain_text("!!!")
    line.get_by_label("Find a name").fill("first")
    context.set_offline(False)
    expect(line.locator("#problems .notice")).to_contain_text("!!!", timeout=SOON)
    expect(line.get_by_label("Find a name")).to_be_focused()
