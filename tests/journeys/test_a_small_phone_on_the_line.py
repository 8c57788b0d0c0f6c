"""The line page on a small phone: the search and a name in sight, whoever is still to be ticked first."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind
from tests.journeys.phones import SOON

SMALL = {"width": 320, "height": 640}


@pytest.fixture
def line(gate, context, page):
    """A captain's line page as it was opened."""
    now = clock.now()
    ends = now + timedelta(hours=3)
    _grant, token = grant_line(gate.event.id, GrantKind.CAPTAIN, "Rosa", None, "shell", ends, now=now)
    context.add_cookies([{"name": f"line-{gate.event.code}", "value": token, "url": gate.server}])
    page.set_viewport_size(SMALL)
    page.goto(gate.line)
    page.get_by_label("Find a name").wait_for()
    return page


def names(page):
    return [row.removesuffix(" L.") for row in page.locator("#names li:visible .name").all_text_contents()]


@pytest.mark.parametrize("width", [320, 360, 375, 390, 412, 768])
def test_it_is_no_wider_than_any_phone_or_tablet_in_spanish(line, width):
    line.set_viewport_size({"width": width, "height": 640})
    line.goto(f"{line.url}?lang=es")
    assert line.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [width, width]


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(
    "union", ["Local 1021", "United Educators of the Northern Valleys and the Harbor, Local 1021"]
)
def test_the_search_and_a_name_are_in_sight_without_a_swipe(line, language, union):
    line.goto(f"{line.url}?lang={language}")
    line.locator("#search-field").wait_for()
    line.locator(".masthead .name").evaluate("(name, union) => { name.textContent = union; }", union)
    bar = line.locator(".jump").bounding_box()
    for part in ("#search", "#names li:first-child button"):
        box = line.locator(part).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= bar["y"], part
    assert line.evaluate("document.documentElement.scrollWidth") == SMALL["width"]


def test_whoever_is_still_to_be_ticked_stands_first_and_nothing_slides_under_a_finger(line):
    assert names(line)[:2] == ["First0", "First1"]
    line.get_by_role("button", name="Here: First0 L.").click()
    line.locator("#names li.in").wait_for()
    assert names(line)[0] == "First0", "it stays where the thumb is"
    line.get_by_label("Find a name").fill("first")
    assert (names(line)[0], names(line)[-1]) == ("First1", "First0")
    expect(line.locator("#names .unsent")).to_have_count(0, timeout=SOON)
    expect(line.locator("#waiting")).to_be_hidden(timeout=SOON)
    line.reload()
    assert (names(line)[0], names(line)[-1]) == ("First1", "First0")


def test_the_search_stands_at_the_top_when_the_keyboard_comes(line):
    line.get_by_label("Find a name").focus()
    assert line.locator("#search-field").bounding_box()["y"] <= 100


def test_what_sticks_leaves_room_where_the_page_is_magnified(line):
    line.set_viewport_size({"width": 320, "height": 256})  # 1280 x 1024 at 400 %
    assert line.locator(".jump").evaluate("bar => getComputedStyle(bar).position") == "static"
