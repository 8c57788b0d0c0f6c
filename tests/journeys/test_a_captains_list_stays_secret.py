"""The list on a captain's phone: encrypted as long as it is there, and gone when it is no longer theirs."""

import time
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import expect

from mobilize import clock
from mobilize.accounts.access.grants import revoke_grant
from tests.checkins.morning import outcomes
from tests.journeys.phones import SOON, eventually, inside, kill, until
from tests.journeys.test_the_line_works_without_a_network import line_phone, tick

NO_LINES = inside("storage.all('lines').then((lines) => lines.length === 0)")
SOME_LINES = inside("storage.all('lines').then((lines) => lines.length > 0)")


def found_in(folder: Path, words: list[str]) -> set[str]:
    """The words among these that stand in a browser's profile, in UTF-8 or UTF-16."""
    forms = {word: (word.encode(), word.encode("utf-16-le"), word.encode("utf-16-be")) for word in words}
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return {word for word, some in forms.items() if any(form in text for form in some for text in contents)}


def test_no_name_stands_in_any_byte_of_the_profile_and_the_names_are_there_offline_at_five_past_seven(
    gate, phone_of, tmp_path
):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.page.evaluate("localStorage.canary = 'Canary Q.'")
    rosa.context.set_offline(True)
    for n in range(2):
        tick(rosa.page, n)
    rosa.page.get_by_label("Mobile number, member number or name").fill("Walkin Person")
    rosa.page.get_by_role("button", name="Add this person").click()
    expect(rosa.page.get_by_text("3 waiting to send")).to_be_visible()
    rosa.page.get_by_label("Find a name").fill("First5")
    rosa.page.wait_for_timeout(6000)
    cookies = rosa.context.cookies()
    rosa.context.close()
    names = [f"First{n} L." for n in range(8)] + [f"first{n} l" for n in range(8)]
    names += [f"First{n}" for n in range(8)] + ["Walkin Person", "Walkin"]
    assert found_in(tmp_path / "rosa", ["Canary Q."]) == {"Canary Q."}, "what is not encrypted is found"
    assert found_in(tmp_path / "rosa", names) == set()

    again, page = phone_of("rosa", cookies)
    again.set_offline(True)
    page.goto(gate.line)
    expect(page.locator("#names li")).to_have_count(8)
    expect(page.get_by_text("Walkin Person: Saved on this phone, not yet sent")).to_be_visible()
    expect(page.get_by_role("button", name="Here: First5 L.")).to_be_visible()


def test_handing_over_wipes_the_list_and_not_what_waits(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    until(rosa.page, SOME_LINES)
    rosa.page.route("**/items", lambda route: route.abort())
    tick(rosa.page, 1)
    rosa.page.get_by_text("Hand the line to another phone").click()
    rosa.page.get_by_role("button", name="Hand over").click()
    expect(rosa.page.get_by_text("Let the other phone scan this")).to_be_visible()
    until(rosa.page, NO_LINES)
    assert rosa.page.evaluate(inside("storage.all('line_queue').then((items) => items.length)")) == 1


def test_a_link_that_was_revoked_while_the_page_was_closed_wipes_at_the_next_contact(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    until(rosa.page, SOME_LINES)
    rosa.context.set_offline(True)
    tick(rosa.page, 1)
    until(rosa.page, inside("storage.transaction('line_queue', 'readonly', (items) => items.count())"))
    # Before the page goes: as it does, the emulated network may be there for a last moment.
    revoke_grant(rosa.grant, "shell", now=clock.now())
    rosa.page.goto("about:blank")
    rosa.context.set_offline(False)
    rosa.page.goto(gate.line)
    expect(rosa.page.get_by_text("This phone's link has ended")).to_be_visible(timeout=SOON)
    until(rosa.page, NO_LINES)
    eventually(lambda: outcomes(gate.event), ["unresolved"])


def test_after_the_end_the_next_visit_to_any_page_of_ours_wipes_it(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    until(rosa.page, SOME_LINES)
    rosa.context.set_offline(True)
    tick(rosa.page, 1)
    # The morning is over: the same record, with an end that has passed.
    rosa.page.evaluate(
        inside(
            "storage.all('lines').then((all) => Promise.all(all.map((one) => "
            "storage.transaction('lines', 'readwrite', (lines) => lines.put({ ...one, ends: 1 })))))"
        )
    )
    rosa.page.goto("about:blank")
    rosa.context.set_offline(False)
    rosa.page.goto(f"{gate.server}/sign-in")
    stores = """name => new Promise((done) => {
        const asked = indexedDB.open('mobilize');
        asked.onsuccess = () => {
            const all = asked.result.transaction(name).objectStore(name).getAll();
            all.onsuccess = () => { asked.result.close(); done(all.result.length); };
        };
    })"""
    deadline = time.monotonic() + 10
    while rosa.page.evaluate(stores, "lines") and time.monotonic() < deadline:
        rosa.page.wait_for_timeout(100)
    assert rosa.page.evaluate(stores, "lines") == 0
    assert rosa.page.evaluate(stores, "line_queue") == 1
    kill(rosa.context)


def test_at_the_end_an_open_page_wipes_it_by_itself(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    until(rosa.page, SOME_LINES)
    assert rosa.grant.ends_at > clock.now() + timedelta(hours=2)
    rosa.page.evaluate(inside("state.endsAt = 1"))
    expect(rosa.page.get_by_text("This phone's link has ended")).to_be_visible(timeout=SOON)
    until(rosa.page, NO_LINES)
    expect(rosa.page.locator("#names li")).to_have_count(0)
