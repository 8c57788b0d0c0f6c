"""Background Sync: what was tapped without a network is sent when every page is closed, and counts once."""

import time
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind
from tests.checkins.morning import attendance, outcomes
from tests.journeys.phones import SOON, eventually, open_and_keep


class Worker:
    """The service worker of a phone whose pages are closed, and the browser that wakes it."""

    def __init__(self, context, server):
        self._origin = server
        self._session = context.new_cdp_session(context.new_page())
        self._registrations = []
        self._session.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda event: self._registrations.extend(event["registrations"]),
        )
        self._session.send("ServiceWorker.enable")

    def wake(self):
        """As the browser does when there is a network again."""
        deadline = time.monotonic() + SOON / 1000
        while not self._registrations:
            assert time.monotonic() < deadline
            self._session.send("Runtime.evaluate", {"expression": "0"})
            time.sleep(0.1)
        self._session.send(
            "ServiceWorker.dispatchSyncEvent",
            {
                "origin": self._origin,
                "registrationId": self._registrations[-1]["registrationId"],
                "tag": "send",
                "lastChance": False,
            },
        )


def close_all(context, server):
    """Nobody looks at any page any more; the browser runs on."""
    worker = Worker(context, server)
    for page in context.pages[:-1]:
        page.close()
    return worker


def check_in_here(page, number):
    page.get_by_label("Your mobile number").fill(number)
    page.get_by_role("button", name="Check in", exact=True).click()


def test_a_tap_is_sent_once_when_the_page_is_closed_and_its_receipt_is_there(gate, phone_of):
    context, page = phone_of()
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    context.set_offline(True)
    check_in_here(page, "2135550110")
    expect(page.get_by_text("You can close this page.")).to_be_visible()
    worker = close_all(context, gate.server)
    assert outcomes(gate.event) == []
    context.set_offline(False)
    worker.wake()
    worker.wake()
    eventually(lambda: outcomes(gate.event), ["counted"])
    worker.wake()
    page = context.new_page()
    page.goto(gate.check_in)
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
    expect(page.locator(".ticket .typed")).to_have_text("…110")
    page.reload()
    expect(page.get_by_role("button", name="Show my receipt")).to_be_visible()
    assert outcomes(gate.event) == ["counted"]


def test_what_the_server_cannot_read_waits_for_the_page_to_say_so(gate, phone_of):
    context, page = phone_of()
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    context.set_offline(True)
    check_in_here(page, "call me")
    expect(page.get_by_text("You can close this page.")).to_be_visible()
    worker = close_all(context, gate.server)
    context.set_offline(False)
    worker.wake()
    page = context.new_page()
    page.goto(gate.check_in)
    expect(page.get_by_role("status").get_by_text("Type your mobile number with area code")).to_be_visible(
        timeout=SOON
    )


def test_a_lines_taps_are_sent_once_when_its_page_is_closed(gate, phone_of):
    now = clock.now()
    ends = now + timedelta(hours=3)
    _grant, token = grant_line(gate.event.id, GrantKind.CAPTAIN, "Rosa", None, "shell", ends, now=now)
    cookie = {"name": f"line-{gate.event.code}", "value": token, "url": gate.server}
    context, page = phone_of("rosa", [{**cookie, "expires": time.time() + 86400}])
    open_and_keep(page, gate.line, f"/line/{gate.event.code}")
    context.set_offline(True)
    for n in range(3):
        page.get_by_role("button", name=f"Here: First{n} L.").click()
    expect(page.get_by_text("3 waiting to send. They go by themselves")).to_be_visible()
    worker = close_all(context, gate.server)
    context.set_offline(False)
    worker.wake()
    eventually(lambda: len(attendance(gate.event)), 3)
    worker.wake()
    page = context.new_page()
    page.goto(gate.line)
    expect(page.locator("#named")).to_have_text("3", timeout=SOON)
    expect(page.locator("#waiting")).to_be_hidden(timeout=SOON)
    assert outcomes(gate.event) == ["counted"] * 3


@pytest.mark.parametrize("missing", ["delete ServiceWorkerRegistration.prototype.sync"])
def test_where_a_browser_cannot_the_page_asks_to_be_opened_again(gate, phone_of, missing):
    context, page = phone_of()
    context.add_init_script(missing)
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    context.set_offline(True)
    check_in_here(page, "2135550110")
    expect(page.get_by_text("when you open it again where there is a network")).to_be_visible()
