"""An organizer at a desk finds a silent site on the board, and enters its count: in a real browser."""

import re
import secrets
import time
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind, RoleName
from mobilize.actions.models import Event
from mobilize.checkins.models import HeadCount
from mobilize.checkins.record.head_counts import report_head_count
from mobilize.database import db
from mobilize.languages import Translated
from mobilize.turnout.board.public_links import wall_event
from tests.builders import (
    full_session,
    make_action,
    make_area,
    make_event,
    make_member,
    make_person,
    make_site,
)

SOON = 8_000
# Each with the lines that its words take.
LINES_OF = """all => all.map((one) => {
  const words = document.createRange();
  words.selectNodeContents(one);
  return [one.textContent, new Set([...words.getClientRects()].map((line) => line.top)).size];
})"""


@pytest.fixture
def picket(live_server: str) -> SimpleNamespace:
    """A picket that began half an hour ago at 60 sites of two areas, none of which has reported."""
    now = clock.now()
    action = make_action(starts_at=now - timedelta(minutes=30), ends_at=now + timedelta(hours=2))
    areas = [make_area("North"), make_area("South")]
    for n in range(60):
        name = "Emerson" if n == 37 else f"School {n:02d}"
        site = make_site(name, area=areas[n % 2], lat=34 + n / 300, lon=-118 - (n * 7 % 60) / 300)
        make_event(site, action=action)
        make_member(site=site)
    board = f"{live_server}/actions/{action.id}/turnout"
    return SimpleNamespace(action=action, board=board, server=live_server, site_id=site.id)


@pytest.fixture
def desk(browser: Browser, picket: SimpleNamespace) -> Iterator[Page]:
    """The browser of somebody from the office, 1440 by 900."""
    token = full_session(make_person("Ada Stone", role=RoleName.ADMIN), now=clock.now())
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": "session", "value": token, "url": picket.server}])
    page = context.new_page()
    page.goto(picket.board)
    yield page
    context.close()


def test_a_silent_site_is_found_and_its_count_entered_by_keys_alone(
    desk: Page, picket: SimpleNamespace
) -> None:
    expect(desk.locator("#found")).to_have_text("60 of 60 sites", timeout=SOON)
    assert desk.locator("#sites tbody tr").count() == 20
    started = time.monotonic()
    desk.keyboard.press("/")
    desk.keyboard.type("emer south")
    expect(desk.locator("#found")).to_have_text("1 of 60 sites")
    desk.keyboard.press("Enter")
    expect(desk.locator("#site h2")).to_have_text("Emerson", timeout=SOON)
    expect(desk.get_by_label("How many stand there now?")).to_be_focused()
    desk.keyboard.type("23")
    desk.keyboard.press("Enter")
    expect(desk.get_by_text("Emerson: 23 counted.")).to_be_visible(timeout=SOON)
    assert time.monotonic() - started < 20
    assert [row.n for row in db.session.scalars(db.select(HeadCount))] == [23]
    assert desk.url.endswith("?q=emer+south")


def test_what_was_looked_for_stays_and_arrows_go_from_site_to_site(desk: Page) -> None:
    _ready(desk)
    desk.get_by_label("Area", exact=True).select_option("South")
    expect(desk.locator("#found")).to_have_text("30 of 60 sites")
    desk.get_by_role("link", name="Site", exact=True).click()
    desk.reload()
    _ready(desk, "30 of 60 sites")
    expect(desk.locator("#sites tbody a").first).to_have_text("Emerson")
    desk.keyboard.press("/")
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("ArrowDown")
    expect(desk.locator("#sites tbody a").nth(1)).to_be_focused()
    desk.keyboard.press("?")
    expect(desk.get_by_text("from site to site")).to_be_visible()
    desk.get_by_label("Use the keys / and ?").uncheck()
    desk.locator("#sites tbody a").first.focus()
    desk.keyboard.press("/")
    expect(desk.locator("#sites tbody a").first).to_be_focused()


def test_an_area_is_chosen_on_its_tile_and_the_map_shows_each_of_its_sites(desk: Page) -> None:
    _ready(desk)
    desk.locator(".area-tiles a", has_text="North").click()
    expect(desk.locator("#found")).to_have_text("30 of 60 sites")
    expect(desk.locator("#map use")).to_have_count(30, timeout=SOON)
    desk.get_by_role("link", name="Show all areas").click()
    expect(desk.locator("#found")).to_have_text("60 of 60 sites")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844), (320, 640)])
def test_it_fits_every_screen_and_a_screen_reader_finds_its_way(desk: Page, width: int, height: int) -> None:
    desk.set_viewport_size({"width": width, "height": height})
    _ready(desk)
    assert desk.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert _findings(desk) == []
    if width == 1440:
        desk.locator("#sites tbody a").first.click()
        expect(desk.get_by_label("How many stand there now?")).to_be_focused(timeout=SOON)
        assert _findings(desk) == []
        assert desk.evaluate(
            "document.querySelector('.work').getBoundingClientRect().bottom <= innerHeight + 40"
        )


@pytest.mark.parametrize("language", ["en", "es"])
def test_number_areas_map_and_the_sites_in_trouble_are_on_the_first_screen(
    desk: Page, picket: SimpleNamespace, language: str
) -> None:
    """Below the band of a drill too, which takes its part of the screen."""
    now = clock.now()
    action = make_action(starts_at=now - timedelta(minutes=30), ends_at=now + timedelta(hours=2), drill=True)
    areas = [make_area(f"Valley {n} East") for n in range(8)]
    for n in range(24):
        site = make_site(f"Drill {n:02d}", area=areas[n % 8], lat=34 + n / 300, lon=-118 - (n % 8) / 60)
        report_head_count(
            make_event(site, action=action),
            0,
            counted_at=now,
            nonce=secrets.token_bytes(16),
            via="text",
            by="t",
            now=now,
        )
        make_member(site=site)
    desk.goto(f"{picket.server}/actions/{action.id}/turnout?lang={language}")
    desk.locator("#freshness button").wait_for()
    desk.locator("#sites tbody tr:nth-child(6)").wait_for()
    # All at once: the script puts new ones in their place every few seconds.
    ends = desk.evaluate(
        "parts => parts.map(part => document.querySelector(part).getBoundingClientRect().bottom)",
        parts := [".number", ".area-tiles", "#map svg", "#sites tbody tr:nth-child(6)"],
    )
    assert {part: end for part, end in zip(parts, ends, strict=True) if not 0 < end <= 900} == {}
    for width in (1024, 1280, 1440, 1536, 1920):
        desk.set_viewport_size({"width": width, "height": 900})
        table = desk.locator(".places .table")
        assert table.evaluate("table => table.scrollWidth - table.clientWidth") == 0, width
        assert table.evaluate("table => table.clientHeight") > 100, width


def test_the_figures_of_a_site_stand_beside_one_another_on_every_desk(desk: Page) -> None:
    _ready(desk)
    desk.locator("#sites tbody a").first.click()
    expect(desk.get_by_label("How many stand there now?")).to_be_focused(timeout=SOON)
    for width in (1024, 1280, 1366, 1440, 1536):
        desk.set_viewport_size({"width": width, "height": 900})
        cut = "all => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)"
        assert desk.locator("#site .facts dd").evaluate_all(cut) == [], width


def test_an_action_and_its_day_are_named_on_a_phone_and_its_tabs_stay(
    desk: Page, picket: SimpleNamespace
) -> None:
    action = f"{picket.server}/actions/{picket.action.id}"
    tops = set()
    for page in ("/turnout", "/calls", "", "/report", "/numbers", f"/sites/{picket.site_id}/report"):
        desk.set_viewport_size({"width": 1440, "height": 900})
        desk.goto(action + page)
        tops.add(desk.locator(".tabs").bounding_box()["y"])
        desk.set_viewport_size({"width": 390, "height": 844})
        expect(desk.get_by_text(picket.action.name.in_("en")).filter(visible=True).first).to_be_visible()
    assert len(tops) == 1, tops
    desk.goto(f"{action}/turnout")
    expect(desk.locator(".crumbs li").last).to_contain_text(re.compile(r", \w+day, \w+ \d+"))


@pytest.mark.parametrize("width", [320, 390, 768, 1440])
def test_no_name_of_an_area_is_broken_and_the_keys_are_read_on_every_screen(
    desk: Page, picket: SimpleNamespace, width: int
) -> None:
    names = ("Riverbend", "Foothills", "Alder Valley", "Northeastern Hills", "Eastgate", "San Bernardino")
    for name in names:
        site = make_site(f"{name} High", area=make_area(name))
        make_event(site, action=picket.action)
        make_member(site=site)
    desk.set_viewport_size({"width": width, "height": 900})
    desk.reload()
    expect(desk.locator("#found")).to_have_text("66 of 66 sites", timeout=SOON)
    for name, drawn in desk.locator(".area-tiles .name").evaluate_all(LINES_OF):
        assert drawn <= len(name.split()), name
    desk.evaluate("document.getElementById('keys').open = true")
    wide = "all => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)"
    assert desk.locator("#keys dd").evaluate_all(wide) == []


def test_what_is_asked_of_some_is_shown_to_them_alone(desk: Page, picket: SimpleNamespace) -> None:
    desk.goto(f"{picket.server}/actions/new")
    areas, venue = desk.get_by_text("Which areas?"), desk.get_by_label("Where is the rally?")
    expect(areas).to_be_hidden()
    expect(venue).to_be_hidden()
    desk.get_by_label("Only the areas chosen below").check()
    desk.get_by_label("Rally at one place").check()
    expect(areas).to_be_visible()
    expect(venue).to_be_visible()
    desk.goto(f"{picket.server}/exports/{picket.action.id}")
    expect(desk.get_by_label("What for")).to_be_hidden()
    desk.get_by_label("What", exact=True).select_option("names")
    expect(desk.get_by_label("What for")).to_be_visible()
    desk.goto(f"{picket.server}/people")
    expect(desk.get_by_label("Name", exact=True)).to_be_hidden()
    desk.get_by_text("Invite somebody").click()
    expect(desk.get_by_label("Name", exact=True)).to_be_visible()


def test_what_is_opened_below_the_sites_is_fresh_from_then_on(desk: Page, picket: SimpleNamespace) -> None:
    _ready(desk)
    event = db.session.scalars(db.select(Event)).first()
    assert event is not None
    _counted(event, 31)
    expect(desk.locator("#board .facts")).to_contain_text("31", timeout=SOON)
    table = desk.locator("#more details", has_text="Areas as a table")
    table.locator("summary").click()
    expect(table).to_contain_text("31", timeout=SOON)
    _counted(event, 47)
    expect(table).to_contain_text("47", timeout=SOON)


@pytest.fixture
def wall(browser: Browser, picket: SimpleNamespace) -> Iterator[Page]:
    """The big screen in the hall, of whoever has its link."""
    event = wall_event(picket.action)
    assert event
    ends = clock.now() + timedelta(hours=1)
    _grant, token = grant_line(event.id, GrantKind.WALL, "Hall", None, "test", ends, now=clock.now())
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    page = context.new_page()
    page.goto(f"{picket.server}/wall/{token}")
    yield page
    context.close()


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1024, 768)])
def test_a_wall_fits_its_screen_and_has_nothing_to_press(wall: Page, width: int, height: int) -> None:
    wall.set_viewport_size({"width": width, "height": height})
    expect(wall.locator(".wall-areas tbody tr")).to_have_count(2)
    assert wall.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert wall.evaluate("getComputedStyle(document.body).cursor") == "none"
    pressed = (
        "[...document.querySelectorAll('button, main a, input')].filter((one) => one.offsetParent).length"
    )
    assert wall.evaluate(pressed) == 0
    # From eight metres a letter has to be a two-hundred-and-fiftieth of that; such a screen is 68 cm high.
    smallest = wall.locator(".wall-areas .figure").first.evaluate(
        "e => parseFloat(getComputedStyle(e).fontSize)"
    )
    assert smallest * 0.7 / height * 680 > 20
    assert _findings(wall) == []


def test_a_wall_keeps_its_last_figures_while_the_network_is_away(wall: Page, picket: SimpleNamespace) -> None:
    event = wall_event(picket.action)
    assert event
    _counted(event, 31)
    expect(wall.locator(".big .value")).to_have_text("31", timeout=SOON)
    wall.context.set_offline(True)
    expect(wall.get_by_text("these are the last numbers we got")).to_be_visible(timeout=SOON)
    expect(wall.locator(".big .value")).to_have_text("31")
    _counted(event, 44)
    wall.context.set_offline(False)
    expect(wall.locator(".big .value")).to_have_text("44", timeout=SOON)
    expect(wall.get_by_text("these are the last numbers we got")).to_have_count(0)


_WALL_PARTS = """() => {
  const box = (one) => one.getBoundingClientRect();
  const found = [];
  const parts = "main > *, main :is(td, th, dd, dt, .value), .map svg";
  for (const part of document.querySelectorAll(parts)) {
    const { right, bottom } = box(part);
    if (right > innerWidth + 1 || bottom > innerHeight + 1) found.push(`off: ${part.textContent}`);
    const cut = part.scrollWidth > part.clientWidth + 1 && part.matches("td, th, dd");
    if (cut) found.push(`cut: ${part.textContent}`);
  }
  const rows = [...document.querySelectorAll(".wall-areas tbody tr")];
  const table = document.querySelector(".wall-areas"), map = document.querySelector(".map");
  const facts = [...document.querySelectorAll(".wall .facts dd, .wall .facts dt")];
  const note = document.querySelector("main > .small");
  if (box(rows.at(-1)).bottom > box(note).top + 1) found.push("areas on the note");
  if (box(rows[0]).top < Math.max(...facts.map((one) => box(one).bottom))) found.push("areas on the facts");
  const right = Math.max(...[...facts, table].map((one) => box(one).right));
  if (right > box(map).left) found.push("numbers on the map");
  return found;
}"""


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("areas", [8, 12])
def test_a_wall_of_many_areas_fits_in_both_languages_with_the_network_and_without(
    browser: Browser, live_server: str, areas: int, language: str
) -> None:
    """With an action of a long name; the size of a letter stands apart from what fits."""
    now = clock.now()
    action = make_action(
        name=Translated(
            en="Second picket for much smaller classes", es="Segundo piquete por clases más pequeñas"
        ),
        starts_at=now - timedelta(minutes=30),
        ends_at=now + timedelta(hours=2),
    )
    for n in range(areas):
        area = make_area(f"Valley {n} East")
        for m in range(3):
            site = make_site(f"Wall {n} {m}", area=area, lat=34 + n / 100 + m / 300, lon=-118 - m / 100)
            _counted(make_event(site, action=action), 1234)
            make_member(site=site)
    event = wall_event(action)
    assert event
    _grant, token = grant_line(
        event.id, GrantKind.WALL, "Hall", None, "test", now + timedelta(hours=1), now=now
    )
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{live_server}/wall/{token}?lang={language}")
    expect(page.locator(".wall-areas tbody tr")).to_have_count(areas)
    for offline in (False, True):
        context.set_offline(offline)
        if offline:
            expect(page.locator("body.away")).to_have_count(1, timeout=SOON)
        for width, height in ((1920, 1080), (1024, 768)):
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate(_WALL_PARTS) == [], (width, offline)
            figure = page.locator(".wall-areas .figure").first
            size = figure.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
            assert size / height > 0.025, (width, offline)
    context.close()


def _counted(event: Event, n: int) -> None:
    now = clock.now()
    nonce = secrets.token_bytes(16)
    report_head_count(event, n, counted_at=now, nonce=nonce, via="text", by="t", now=now, sure=True)


def _ready(desk: Page, listed: str = "60 of 60 sites") -> None:
    """The script has its figures: a button took the place of the link."""
    expect(desk.get_by_role("button", name="Pause updates")).to_be_visible(timeout=SOON)
    expect(desk.locator("#found")).to_have_text(listed, timeout=SOON)


def _findings(page: Page) -> list[Any]:
    return [one["id"] for one in Axe().run(page).response["violations"]]
