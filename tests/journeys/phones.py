"""What journeys do with phones at the gate: open a page that is kept, wait, let one die."""

import time
from contextlib import suppress

from playwright.sync_api import Error

from mobilize.database import db

SOON = 15_000
KEPT = "navigator.serviceWorker.controller && caches.open('pages-1').then(c => c.match('{}')).then(Boolean)"


# All that the page's scripts export, by name.
EXPORTS = """Promise.all(
  [...document.querySelectorAll("script[type=module], link[rel=modulepreload]")].map(
    (one) => import(one.src || one.href))).then((modules) => Object.assign({}, ...modules))"""
NAMES = "storage, clock, state, page, lineStorage, enqueue, endLine, makeDecoder"


def inside(expression):
    """A JavaScript expression that knows what the page's scripts export; a promise of its value."""
    return f"{EXPORTS}.then(({{ {NAMES} }}) => ({expression}))"


def kill(context):
    """An empty battery. A browser that is closed instead may have its network back for a last moment."""
    with suppress(Error):
        context.new_cdp_session(context.pages[0]).send("Browser.crash")


def eventually(query, expected):
    """The server runs in another process: look again until it has stored what it was sent."""
    deadline = time.monotonic() + SOON / 1000
    while query() != expected and time.monotonic() < deadline:
        time.sleep(0.1)
        db.session.rollback()
    assert query() == expected, f"{query()} instead of {expected}"


def until(page, true):
    """`wait_for_function` would need `eval` in the page, which our policy forbids."""
    deadline = time.monotonic() + SOON / 1000
    while not page.evaluate(true):
        assert time.monotonic() < deadline, true
        time.sleep(0.1)


def open_and_keep(page, address, key):
    page.goto(address)
    until(page, KEPT.format(key))
