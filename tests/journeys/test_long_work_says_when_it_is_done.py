"""An organizer starts long work and stays on a page: it says how far it is, and when it is done."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from mobilize import clock
from mobilize.accounts.models import Person, RoleName
from mobilize.actions.printing.jobs import start_posters
from mobilize.jobs.models import Job
from tests.builders import full_session, make_action, make_event, make_person, make_site
from tests.jobs.work import work

SOON = 12_000


@pytest.fixture
def ada(live_server: str) -> Person:
    return make_person("Ada Stone", role=RoleName.ADMIN)


@pytest.fixture
def posters(ada: Person) -> Job:
    """The posters of an action, which no worker has begun."""
    action = make_action()
    make_event(make_site(), action=action)
    return start_posters(action, None, each=False, by=f"person:{ada.id}", now=clock.now())


@pytest.fixture
def desk(browser: Browser, live_server: str, ada: Person) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=live_server)
    context.add_cookies(
        [{"name": "session", "value": full_session(ada, now=clock.now()), "url": live_server}]
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    ("language", "waits", "done"),
    [
        ("en", "Make posters: Morning picket: waits", "Make posters: Morning picket: done"),
        ("es", "Hacer carteles: Piquete matutino: espera", "Hacer carteles: Piquete matutino: listo"),
    ],
)
def test_any_page_says_it_aloud_and_in_its_title_without_being_loaded_again(
    desk: Page, posters: Job, language: str, waits: str, done: str
) -> None:
    desk.goto(f"/people?lang={language}")
    line, title = desk.locator("p.own-job").get_by_role("status"), desk.title()
    expect(line).to_have_text(waits)
    desk.evaluate("window.stayed = true")
    work()
    expect(line).to_have_text(done, timeout=SOON)
    expect(desk).to_have_title(f"{done} · {title}")
    assert desk.evaluate("window.stayed")
    line.get_by_role("link").click()
    expect(desk).to_have_url(f"/jobs/{posters.id}")


def test_the_page_of_the_work_itself_leads_on(desk: Page, posters: Job) -> None:
    desk.goto(f"/jobs/{posters.id}")
    expect(desk).to_have_title("Make posters: Morning picket: waits · Test Local 100")
    work()
    expect(desk.get_by_role("link", name="Save the file")).to_be_visible(timeout=SOON)
    expect(desk).to_have_title("Make posters: Morning picket: done · Test Local 100")


def test_without_script_the_next_page_says_it(
    browser: Browser, live_server: str, ada: Person, posters: Job
) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=live_server)
    context.add_cookies(
        [{"name": "session", "value": full_session(ada, now=clock.now()), "url": live_server}]
    )
    page = context.new_page()
    page.goto("/people")
    line = page.locator("p.own-job").get_by_role("status")
    expect(line).to_have_text("Make posters: Morning picket: waits")
    work()
    page.reload()
    expect(line).to_have_text("Make posters: Morning picket: done")
    context.close()
