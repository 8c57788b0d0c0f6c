"""Journeys of a chair, a member and an organizer in a real browser, by seconds and clicks, at 789 sites.

The real server on PostgreSQL. The member's phone has a slow 3G network and a processor four times slower.
The board's filter is measured by the processor time of its page, six times that: others do not lengthen it.
"""

import statistics
import time
from datetime import timedelta
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action, Event
from mobilize.database import db
from tests.builders import (
    full_session,
    make_action,
    make_area,
    make_event,
    make_member,
    make_person,
    make_site,
)
from tests.security.ground import open_ground
from tests.services.browser import FLAGS, executable

SITES, AREAS = 789, 8
SILENT = "Emerson Community Charter"
# Slow 3G as Chromium's own tools have it: 400 kbit/s both ways, two seconds there and back.
SLOW_3G = {"offline": False, "latency": 2000, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
SLOWER = 6
SOON = 60_000
PHONE = {"width": 390, "height": 844}
Rows = dict[str, dict[str, Any]]


def run() -> Rows:
    """The rows of `make bench ONLY=journeys`, in about a minute."""
    with open_ground("journeys") as ground, sync_playwright() as playwright:
        origin = f"http://localhost:{ground.port}"
        action, event = _picket()
        browser = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
        rows = _chair(browser, origin) | _member(browser, origin, event)
        rows |= _organizer(browser, origin, action)
        browser.close()
    return rows


class Clicks:
    """A page on which clicks and taps are counted, and the seconds since it was opened."""

    def __init__(self, context: BrowserContext, address: str):
        self.page: Page = context.new_page()
        self.page.set_default_timeout(SOON)
        self.count, self._began = 0, time.monotonic()
        self.page.goto(address, wait_until="commit")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def on(self, name: str, role: Any = "button") -> None:
        self.page.get_by_role(role, name=name).first.click()
        self.count += 1


def _picket() -> tuple[Action, Event]:
    """It began half an hour ago at every site, and nobody has reported."""
    now = clock.now()
    action = make_action(starts_at=now - timedelta(minutes=30), ends_at=now + timedelta(hours=2))
    areas = [make_area(f"Area {n}") for n in range(AREAS)]
    for n in range(SITES):
        name = SILENT if n == 431 else f"School {n:03d}"
        site = make_site(name, area=areas[n % AREAS], lat=34 + n / 3000, lon=-118 - (n * 7 % 600) / 3000)
        event = make_event(site, action=action)
        make_member(site=site)
    make_member("Mia", site=site, phone="+12135550177")
    return action, event


def _chair(browser: Browser, origin: str) -> Rows:
    """From the first page to an event of their own, with what the form suggests."""
    site = make_site("Lincoln High")
    chair = make_person("Carmen Ortiz", role=RoleName.CHAIR, site=site)
    context = _signed_in(browser, origin, full_session(chair, now=clock.now()), PHONE)
    clicks = Clicks(context, f"{origin}/overview")
    clicks.on("Create an event", "link")
    clicks.on("Create")
    expect(clicks.page.get_by_text("Your event is ready.")).to_be_visible(timeout=SOON)
    seconds = clicks.seconds
    context.close()
    return {
        "a chair makes an event": _row(seconds, "s", 60),
        "a chair makes an event: clicks": _row(clicks.count, "clicks", None),
    }


def _member(browser: Browser, origin: str, event: Event) -> Rows:
    """From the scan of the poster, on a phone that was never here, to the receipt."""
    context = browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True)  # type: ignore[arg-type]
    page = context.new_page()
    throttle = context.new_cdp_session(page)
    throttle.send("Network.enable")
    throttle.send("Network.emulateNetworkConditions", SLOW_3G)
    throttle.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    began = time.monotonic()
    page.goto(f"{origin}/c/{event.code}", wait_until="commit", timeout=SOON)
    page.get_by_label("Your mobile number").fill("2135550177", timeout=SOON)
    page.get_by_role("button", name="Check in", exact=True).click(timeout=SOON)
    page.wait_for_selector(".ticket", timeout=SOON)
    seconds = time.monotonic() - began
    context.close()
    return {"a member is counted, slow 3G, first visit": _row(seconds, "s", 10)}


def _organizer(browser: Browser, origin: str, action: Action) -> Rows:
    """A silent site whose name is known is found on the board, and what its chair said is entered."""
    olga = make_person("Ada Stone", role=RoleName.ADMIN)
    context = _signed_in(browser, origin, full_session(olga, now=clock.now()), {"width": 1440, "height": 900})
    clicks = Clicks(context, f"{origin}/actions/{action.id}/turnout")
    page = clicks.page
    expect(page.locator("#found")).to_have_text(f"{SITES} of {SITES} sites", timeout=SOON)
    page.get_by_label("Site, code or area").click()
    page.keyboard.type("emerson")
    clicks.on(SILENT, "link")
    page.get_by_label("How many stand there now?").fill("23")
    clicks.on("Enter the count")
    expect(page.get_by_text(f"{SILENT}: 23 counted.")).to_be_visible(timeout=SOON)
    seconds, filtering = clicks.seconds, _filtering(page, f"{origin}/actions/{action.id}/turnout")
    context.close()
    return {
        "an organizer enters a named silent site": _row(seconds, "s", 20),
        "an organizer enters it: clicks": _row(clicks.count + 1, "clicks", 4),
        f"the board's filter, {SLOWER} times slower, worst of ten": _row(max(filtering), "ms", 100),
        f"the board's filter, {SLOWER} times slower, median": _row(statistics.median(filtering), "ms", None),
    }


def _filtering(page: Page, board: str) -> list[float]:
    """Milliseconds of the page's own processor time for each word, from the key to the painted table."""
    page.goto(board)
    expect(page.locator("#found")).to_have_text(f"{SITES} of {SITES} sites", timeout=SOON)
    page.get_by_role("button", name="Pause updates").click(timeout=SOON)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    taken = []
    for word in ("s", "sc", "sch", "scho", "area 3", "x", "school 1", "em", "e", ""):
        before = _busy(session)
        page.evaluate(
            "(word) => { const q = document.getElementById('q'); q.value = word;"
            " q.dispatchEvent(new Event('input', { bubbles: true }));"
            " return new Promise((done) => requestAnimationFrame(() => setTimeout(done))); }",
            word,
        )
        taken.append((_busy(session) - before) * 1000 * SLOWER)
    return taken


def _busy(session: Any) -> float:
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


def _signed_in(browser: Browser, origin: str, session: str, size: Any) -> BrowserContext:
    db.session.rollback()
    context = browser.new_context(viewport=size)
    context.add_cookies([{"name": "session", "value": session, "url": origin}])
    return context


def _row(value: float, unit: str, bar: float | None) -> dict[str, Any]:
    return {"value": round(value, 2), "unit": unit, "bar": bar, "better": "lower"}
