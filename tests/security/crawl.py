"""A browser opens every page as everybody who may, and writes down whom else it was asked to talk to.

Each GET route there is, with the ids of one's own North: a new page is visited by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from flask import Flask, current_app
from playwright.sync_api import BrowserContext, Page, Response, sync_playwright

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind
from mobilize.actions.models import Event
from mobilize.database import db
from tests.builders import full_session
from tests.security.ground import open_ground
from tests.services import browser
from tests.world import STAGED, World, address, routes_and_methods

PHONE = {"width": 390, "height": 844}
# They answer with a file, or end the session of whoever opens them.
NO_PAGES = ("/healthz", "/readyz", ".csv", ".xlsx", ".json", ".pdf", ".ics")


@dataclass
class Crawl:
    """The result: pages that opened, by role, and what ought not to be."""

    opened: dict[str, int] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    refused_by_policy: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)

    @property
    def holds(self) -> bool:
        nothing = not (self.elsewhere or self.refused_by_policy or self.broken)
        return nothing and all(count >= 5 for count in self.opened.values())


def run() -> Crawl:
    """About a minute."""
    result = Crawl()
    with open_ground("crawl") as ground, sync_playwright() as playwright:
        world, origin = World(), f"http://localhost:{ground.port}"
        cookies = {"stranger": {}, "captain": _line(world)}
        cookies |= {
            str(role): {"session": full_session(person, now=clock.now())}
            for role, person in world.people.items()
        }
        pages = sorted(_pages(current_app._get_current_object(), world))  # type: ignore[attr-defined]
        db.session.rollback()
        chromium = playwright.chromium.launch(executable_path=browser.executable(), args=browser.FLAGS)
        for role, cookie in cookies.items():
            context = chromium.new_context(viewport=PHONE, service_workers="block")  # type: ignore[arg-type]
            context.add_cookies([{"name": n, "value": v, "url": origin} for n, v in cookie.items()])
            _visit(context, role, origin, pages, result)
            context.close()
        chromium.close()
    return result


def _line(world: World) -> dict[str, str]:
    """The cookie of a captain's phone at the line of one's own event."""
    now = clock.now()
    event = db.session.get_one(Event, world.own["event_id"])
    ends = now + timedelta(hours=1)
    _grant, token = grant_line(event.id, GrantKind.CAPTAIN, "Rosa", None, "shell", ends, now=now)
    world.own["event_code"] = event.code
    return {f"line-{event.code}": token}


def _pages(app: Flask, world: World) -> Iterator[str]:
    for kind in ("anyone", "signed_in", "grant", "first_step"):
        # The code in a public address is the event's, behind the door a site's.
        code = world.own["code"] if kind == "signed_in" else world.own["event_code"]
        for rule, method in routes_and_methods(app, kind):
            path = address(app, rule, {**world.own, "code": code})
            if method == "GET" and not rule.arguments & STAGED and not path.endswith(NO_PAGES):
                yield path


def _visit(context: BrowserContext, role: str, origin: str, paths: list[str], result: Crawl) -> None:
    page = context.new_page()
    where = {"path": ""}

    def note_address(url: str) -> None:
        if not url.startswith((f"{origin}/", "blob:", "about:")):
            result.elsewhere.add(f"{role} {where['path']}: {url}")

    def note_message(text: str) -> None:
        if "Content Security Policy" in text or "Content-Security-Policy" in text:
            result.refused_by_policy.add(f"{role} {where['path']}: {text[:200]}")

    page.on("request", lambda request: note_address(request.url))
    page.on("console", lambda message: note_message(message.text))
    for path in paths:
        where["path"] = path
        answer = _open(page, origin + path)
        if answer is None or answer.status >= 500:
            result.broken.add(f"{role} {path}: {answer.status if answer else 'nothing'}")
        elif answer.status == 200 and page.url.startswith(origin + path):  # and no sign-in in its place
            result.opened[role] = result.opened.get(role, 0) + 1


def _open(page: Page, url: str) -> Response | None:
    return page.goto(url, wait_until="load", timeout=30_000)
