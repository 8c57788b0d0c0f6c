"""Every page that opens, as everybody who may, in both languages and themes, from 320 px to a desk.

`make test` looks at a part, drawn by seed (tests/drawn.py); `make look` at all.
"""

import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from playwright.sync_api import BrowserContext, Error, Page, TimeoutError

from tests import drawn
from tests.look.pages import Looked, look_at
from tests.world import World

# All pages of an admin take minutes.
pytestmark = pytest.mark.timeout(1800 if drawn.is_whole() else 240)
A_PART = 4
PAGES = 10_000 if drawn.is_whole() else A_PART
ROLES = ("stranger", "member", "captain", "chair", "organizer", "admin")
# The words of a form that nobody has filled in are those of an error.
EMPTIED = """() => {
  const typed = 'input:not([type=hidden], [type=checkbox], [type=radio], [type=file]), textarea';
  const form = [...document.querySelectorAll('main form[method=post]')]
    .filter((one) => !one.closest('details:not([open])'))
    .find((one) => one.querySelector(typed) && one.querySelector('button'));
  if (!form) return false;
  form.noValidate = true;
  for (const field of form.querySelectorAll(typed)) field.value = '';
  form.dataset.send = 'empty';
  return true;
}"""
# Not by its button, which a script may answer for.
SENT = "HTMLFormElement.prototype.submit.call(document.querySelector('[data-send=empty]'))"


@pytest.mark.parametrize(
    ("role", "language"), drawn.part([(one, code) for one in ROLES for code in ("en", "es")], 5)
)
def test_no_page_has_a_finding_or_moves_sideways(
    role: str,
    language: str,
    cookies: dict[str, dict[str, str]],
    addresses: list[str],
    open_browser: Callable[..., BrowserContext],
    live_server: str,
    record_property: Callable[[str, object], None],
) -> None:
    page, looked = open_browser(cookies[role], language).new_page(), Looked()
    for path in _drawn(addresses, f"{role} {language}"):
        if looked.pages < PAGES and _opens(page, live_server, path):
            look_at(page, path, looked)
    record_property("looked", ["pages", role, language, looked.pages, len(looked.findings)])
    assert looked.in_words() == ""


@pytest.mark.parametrize("language", ["en", "es"])
def test_no_form_that_was_sent_empty_has_a_finding(
    language: str,
    cookies: dict[str, dict[str, str]],
    addresses: list[str],
    open_browser: Callable[..., BrowserContext],
    live_server: str,
    record_property: Callable[[str, object], None],
) -> None:
    looked = Looked()
    for role in ("stranger", "member", "chair", "admin"):
        page = open_browser(cookies[role], language).new_page()
        for path in _drawn(addresses, f"{role} {language} errors")[: None if drawn.is_whole() else A_PART]:
            if _opens(page, live_server, path) and page.evaluate(EMPTIED):
                # A file in answer leads to no page.
                with suppress(TimeoutError), page.expect_navigation(wait_until="load", timeout=15_000):
                    page.evaluate(SENT)
                if page.locator(".error, .notice.problem").count():
                    look_at(page, f"{path}, sent empty", looked)
    record_property("looked", ["errors", "all", language, looked.pages, len(looked.findings)])
    assert looked.in_words() == ""


@pytest.mark.parametrize("language", ["en", "es"])
def test_no_page_has_a_finding_where_nothing_is_there_yet(
    language: str,
    cookies: dict[str, dict[str, str]],
    addresses: list[str],
    world: World,
    open_browser: Callable[..., BrowserContext],
    live_server: str,
    record_property: Callable[[str, object], None],
) -> None:
    """Somebody new, with a role and without an area or a site; and addresses of nothing."""
    page, looked = open_browser(cookies["admin"], language).new_page(), Looked()
    for path in ("/nowhere", f"/actions/{world.own['site_id']}", "/c/00000000"):
        page.goto(live_server + path)
        look_at(page, path, looked)
    record_property("looked", ["nothing there", "admin", language, looked.pages, len(looked.findings)])
    assert looked.in_words() == ""


def _drawn(addresses: list[str], salt: str) -> list[str]:
    """Another part for each who looks."""
    turned = sorted(addresses, key=lambda path: drawn.rank(f"{salt} {_kind(path)}"))
    return turned if drawn.is_whole() else turned[: A_PART * 8]


def _kind(path: str) -> str:
    """An address without ids and codes, which are others in each run."""
    drawn_anew = re.compile(r".{25,}|[0-9A-Z]{9}")
    return "/".join("id" if drawn_anew.fullmatch(part) else part for part in path.split("/"))


def _opens(page: Page, server: str, path: str) -> bool:
    try:
        answer = page.goto(server + path, wait_until="load")
    except Error as error:
        if "Download is starting" in error.message:
            return False
        raise
    is_page = answer and answer.headers.get("content-type", "").startswith("text/html")
    return bool(
        answer and is_page and answer.status == 200 and page.url.startswith(server + path.partition("?")[0])
    )
