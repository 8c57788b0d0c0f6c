"""A world with one of everything, the production server on it, and a desk's browser for each who looks."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext

from mobilize.database import db
from tests.staged import page_addresses
from tests.world import World, cookies_of

RESULTS = Path("test-results/look.json")


@pytest.fixture
def world(pg_app: Flask, live_server: str) -> World:
    return World()


@pytest.fixture
def cookies(world: World) -> dict[str, dict[str, str]]:
    """By who looks."""
    return cookies_of(world)


@pytest.fixture
def addresses(pg_app: Flask, world: World) -> list[str]:
    """Of every page there is."""
    every = page_addresses(pg_app, world)
    db.session.rollback()
    return every


@pytest.fixture
def open_browser(browser: Browser, live_server: str) -> Iterator[Callable[..., BrowserContext]]:
    """A browser of somebody who has these cookies, in a language."""
    opened: list[BrowserContext] = []

    def open_one(cookies: dict[str, str], language: str = "en") -> BrowserContext:
        context = browser.new_context(
            locale={"en": "en-US", "es": "es-US"}[language],
            timezone_id="America/Los_Angeles",
            reduced_motion="reduce",
            service_workers="block",
        )
        context.add_cookies([{"name": n, "value": v, "url": live_server} for n, v in cookies.items()])
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was looked at, as a table; `make look` keeps it in test-results/look.json."""
    reports = [*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])]
    rows = [value for report in reports for name, value in report.user_properties if name == "looked"]
    if not rows:
        return
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=1))
    for row in rows:
        terminalreporter.write_line("  ".join(str(cell) for cell in row))
