"""A browser opens every page as everybody who may, and writes down whom else it was asked to talk to.

Each GET route there is, with the ids of one's own North: a new page is visited by itself.
"""

from dataclasses import dataclass, field

from flask import current_app
from playwright.sync_api import APIResponse, BrowserContext, Error, Page, Response, sync_playwright

from mobilize.database import db
from tests.security.ground import open_ground
from tests.services import browser
from tests.staged import page_addresses
from tests.world import World, cookies_of

PHONE = {"width": 390, "height": 844}


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
        cookies = cookies_of(world)
        pages = page_addresses(current_app._get_current_object(), world)  # type: ignore[attr-defined]
        db.session.rollback()
        chromium = playwright.chromium.launch(executable_path=browser.executable(), args=browser.FLAGS)
        for role, cookie in cookies.items():
            context = chromium.new_context(viewport=PHONE, service_workers="block")  # type: ignore[arg-type]
            context.add_cookies([{"name": n, "value": v, "url": origin} for n, v in cookie.items()])
            _visit(context, role, origin, pages, result)
            context.close()
        chromium.close()
    return result


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
        where["path"], before = path, set(result.refused_by_policy)
        answer = _open(page, origin + path)
        if answer and not answer.headers.get("content-type", "").startswith("text/html"):
            result.refused_by_policy = before  # a picture: what was refused is the browser's own viewer's
        if answer is None or answer.status >= 500:
            result.broken.add(f"{role} {path}: {answer.status if answer else 'nothing'}")
        elif answer.status == 200 and page.url.startswith(origin + path):  # and no sign-in in its place
            result.opened[role] = result.opened.get(role, 0) + 1


def _open(page: Page, url: str) -> Response | APIResponse | None:
    """A page; of a file to be saved, which a browser does not open, its answer."""
    try:
        return page.goto(url, wait_until="load", timeout=30_000)
    except Error as error:
        if "Download is starting" not in error.message:
            raise
    return page.request.get(url)
