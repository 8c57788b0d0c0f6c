"""Every page at 400 %, in the reader's own colours, without motion: nothing in the way, nothing unseen."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, ViewportSize, expect

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind, RoleName
from mobilize.actions.models import Event
from mobilize.checkins.member.personal_links import personal_code
from mobilize.database import db
from tests.builders import full_session
from tests.drawn import part
from tests.staged import address_of, stage
from tests.world import World, address, routes_and_methods

# 1280 x 1024 at 400 %.
MAGNIFIED: ViewportSize = {"width": 320, "height": 256}

# Where the whole page can be read by moving down alone. What is wider than the screen moves in its own place.
TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"
STICKS = """[...document.querySelectorAll('body *')]
  .filter((e) => ['sticky', 'fixed'].includes(getComputedStyle(e).position) && e.offsetHeight)
  .map((e) => e.outerHTML.slice(0, 80))"""
# A control is told by a border, a line under it, or by standing in a list of links; a shape by a border, a
# picture or a colour that is not the paper's.
UNSEEN = """(() => {
  const paper = getComputedStyle(document.documentElement).backgroundColor;
  const clear = (colour) => colour === paper || colour === 'rgba(0, 0, 0, 0)';
  const bordered = (style) => ['Top', 'Left', 'Bottom', 'Right'].some((side) =>
    parseFloat(style[`border${side}Width`]) > 0 && style[`border${side}Style`] !== 'none'
    && !clear(style[`border${side}Color`]));
  const seen = (style) =>
    bordered(style) || style.backgroundImage !== 'none' || !clear(style.backgroundColor);
  const shown = (e) => e.checkVisibility() && e.offsetWidth > 1;
  const found = [];
  for (const e of document.querySelectorAll('button, .button, input, select, textarea')) {
    if (!shown(e) || e.matches('[type=hidden], [type=checkbox], [type=radio], .nav *, .skip')) continue;
    const style = getComputedStyle(e);
    if (!bordered(style) && !style.textDecorationLine.includes('underline')
        && !e.matches('[aria-current]')) found.push(e.outerHTML.slice(0, 100));
  }
  for (const e of document.querySelectorAll('main *')) {
    const style = getComputedStyle(e, '::before');
    if (!shown(e) || style.content !== '""' || style.display === 'none') continue;
    if (!seen(style)) found.push('::before of ' + e.outerHTML.slice(0, 100));
  }
  return found;
})()"""
MOVES = """document.getAnimations().filter((one) => one.playState === 'running').length
  + [...document.querySelectorAll('*')]
      .filter((e) => getComputedStyle(e).scrollBehavior === 'smooth').length"""


@pytest.fixture
def world(pg_app: Flask) -> World:
    return World()


@pytest.fixture
def reader(browser: Browser, live_server: str, world: World) -> Iterator[Page]:
    """The browser of somebody from the office who magnifies all, has colours of their own and wants no
    motion. It holds the link of a line, too."""
    wishes: dict[str, Any] = {"forced_colors": "active", "reduced_motion": "reduce", "color_scheme": "dark"}
    context = browser.new_context(viewport=MAGNIFIED, **wishes)
    event = _event(world)
    ends = clock.now() + timedelta(hours=3)
    _grant, line = grant_line(event.id, GrantKind.CAPTAIN, "Rosa", None, "shell", ends, now=clock.now())
    session = full_session(world.people[RoleName.ADMIN], now=clock.now())
    for name, value in {"session": session, f"line-{event.code}": line}.items():
        context.add_cookies([{"name": name, "value": value, "url": live_server}])
    yield context.new_page()
    context.close()


def _event(world: World) -> Event:
    return db.session.get_one(Event, world.own["event_id"])


def _pages(app: Flask, world: World) -> list[str]:
    """What members and captains open, and of the office's pages a part."""
    event = _event(world)
    code = event.code
    own = personal_code(event.id, world.own["member_id"])
    gate = [f"/c/{code}", f"/p/{code}/{own}", f"/line/{code}", "/me", "/sign-in", "/"]
    office = {
        address(app, rule, {**world.own, "code": code})
        for rule, method in routes_and_methods(app)
        if method == "GET" and not rule.endpoint.endswith(("_csv", "_pdf", "_file"))
    }
    staged = {address_of(app, page) for page in stage(world)}
    return gate + part(sorted(office | staged), 12)


def test_nothing_sticks_is_cut_off_or_unseen_on_any_page(
    reader: Page, pg_app: Flask, world: World, live_server: str
) -> None:
    problems: dict[str, Any] = {}
    looked_at = 0
    for path in _pages(pg_app, world):
        if not _opens(reader, live_server + path):
            continue
        looked_at += 1
        wrong = [reader.evaluate(one) for one in (TOO_WIDE, STICKS, UNSEEN, MOVES)]
        if any(wrong):
            problems[path] = wrong
    assert problems == {}
    assert looked_at > 10


def _opens(page: Page, url: str) -> bool:
    """False for what is no page: a file, or what is not there yet."""
    kind = page.request.get(url).headers.get("content-type", "")
    if not kind.startswith("text/html"):
        return False
    page.goto(url)
    return True


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(("width", "script"), [(320, True), (390, False), (768, True), (1440, False)])
def test_the_menu_is_one_line_and_opens_without_a_script(
    browser: Browser, world: World, live_server: str, width: int, script: bool, language: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, java_script_enabled=script)
    session = full_session(world.people[RoleName.ADMIN], now=clock.now())
    context.add_cookies([{"name": "session", "value": session, "url": live_server}])
    page = context.new_page()
    page.goto(f"{live_server}/overview?lang={language}")
    nav = page.get_by_role("navigation", name={"en": "Main", "es": "Principal"}[language])
    box = nav.bounding_box()
    assert box and box["height"] <= 56
    people = nav.get_by_role("link", name={"en": "People", "es": "Personas"}[language])
    if width < 960:
        expect(people).to_have_count(0)
        nav.locator("summary").focus()
        page.keyboard.press("Enter")
    expect(people).to_be_visible()
    people.click()
    expect(page).to_have_url(f"{live_server}/people")
    context.close()
