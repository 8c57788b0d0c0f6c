"""A morning without a network: what is tapped stays on the phone, also when it dies, and arrives once."""

from contextlib import contextmanager
from datetime import timedelta

import psycopg
from playwright.sync_api import expect

from mobilize import clock
from mobilize.checkins.member.personal_links import personal_code
from mobilize.checkins.models import Tier, Void
from mobilize.checkins.record.deferred_attendance import derive_deferred
from mobilize.database import db
from tests.builders import without_ids
from tests.checkins.morning import attendance, evidence, outcomes
from tests.journeys.phones import SOON, eventually, kill, open_and_keep

# The browser says that nobody looks at the page.
HIDDEN = """Object.defineProperty(document, 'hidden', { value: true, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'))"""


def check_in_here(page, number):
    other = page.get_by_role("button", name="Check in someone else on this phone")
    if other.is_visible():  # one is on its way
        other.click()
    page.get_by_label("Your mobile number").last.fill(number)
    page.get_by_role("button", name="Check in", exact=True).last.click()


def test_members_check_in_without_a_network_and_the_phone_dies_before_it_is_back(gate, phone_of):
    context, page = phone_of()
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    context.set_offline(True)
    page.reload()
    before = clock.now()
    for n, kept in enumerate(("Saved", "2 saved", "3 saved")):
        check_in_here(page, f"213555011{n}")
        expect(page.get_by_text(f"{kept} on this phone, not yet sent")).to_have_count(1)
    after = clock.now()
    assert evidence(gate.event) == []
    kill(context)

    context, page = phone_of()
    page.goto(gate.check_in)
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
    eventually(lambda: outcomes(gate.event), ["counted"] * 3)
    expect(page.get_by_text("not yet sent")).to_have_count(0, timeout=SOON)
    for row in attendance(gate.event):
        assert before - timedelta(seconds=2) <= row.first_at <= after + timedelta(seconds=2), "the tap's time"
        assert row.tier is Tier.SELF
    assert {row.recorded_at > after for row in evidence(gate.event)} == {True}
    page.reload()
    expect(page.get_by_role("button", name="Show my receipt")).to_be_visible()
    assert len(evidence(gate.event)) == 3


def test_a_tap_that_waits_leaves_no_form_and_says_what_was_typed_until_the_phone_is_passed_on(gate, phone_of):
    context, page = phone_of()
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    context.set_offline(True)
    check_in_here(page, "213 555 0110")
    expect(page.get_by_text("You typed 213 555 0110")).to_be_visible()
    expect(page.get_by_label("Your mobile number")).to_be_hidden()
    expect(page.get_by_text("It is sent by itself when there is signal")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "saved"
    text = page.get_by_role("link", name=f"Or text HERE {gate.event.text_code} from your own phone")
    assert text.get_attribute("href") == f"sms:+12135550100?&body=HERE%20{gate.event.text_code}"
    page.evaluate(HIDDEN)
    expect(page.get_by_text("You typed …110")).to_be_visible()
    page.reload()
    expect(page.get_by_text("You typed …110")).to_be_visible()
    context.set_offline(False)
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
    expect(page.locator(".ticket .typed")).to_have_text("…110")
    page.goto(gate.check_in)
    page.get_by_role("button", name="Show my receipt").click()
    expect(page.locator(".ticket .typed")).to_have_text("…110")
    assert "0110" not in without_ids(page.content())


def test_the_next_person_on_this_phone_gets_the_form_back(gate, phone_of):
    context, page = phone_of()
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    context.set_offline(True)
    check_in_here(page, "2135550110")
    page.get_by_role("button", name="Check in someone else on this phone").click()
    expect(page.get_by_label("Your mobile number")).to_be_focused()
    assert page.get_by_label("Your mobile number").input_value() == ""


def test_the_receipt_opens_without_a_network(gate, phone_of):
    context, page = phone_of()
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    check_in_here(page, "2135550110")
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
    context.set_offline(True)
    page.goto(gate.check_in)
    page.get_by_role("button", name="Show my receipt").click()
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible()


@contextmanager
def database_away(app, postgres):
    """Nobody gets a connection, and those that were open are gone."""
    name = app.config["DATABASE_URL"].partition("@/")[2].partition("?")[0]
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def test_a_members_own_link_works_without_a_network(gate, phone_of):
    letters = personal_code(gate.event.id, gate.members[2].id)
    address = f"{gate.server}/p/{gate.event.code}/{letters}"
    context, page = phone_of()
    open_and_keep(page, address, f"/p/{gate.event.code}/{letters}")
    context.set_offline(True)
    page.goto(address)
    expect(page.locator(".qr svg")).to_be_visible()
    page.get_by_role("button", name="Check me in").click()
    expect(page.get_by_text("Saved on this phone, not yet sent")).to_be_visible()
    assert evidence(gate.event) == []
    context.set_offline(False)
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
    eventually(lambda: outcomes(gate.event), ["counted"])
    assert attendance(gate.event)[0].member_id == gate.members[2].id
    page.get_by_text("Wrong number? Undo").click()
    context.set_offline(True)
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("This needs a network.")).to_be_visible()
    context.set_offline(False)
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("was taken back")).to_be_visible()
    eventually(lambda: db.session.query(Void).count(), 1)
    derive_deferred(clock.now())
    assert attendance(gate.event) == []


def test_while_the_database_is_away_the_page_keeps_the_tap_and_says_so(gate, phone_of, pg_app, postgres):
    _context, page = phone_of()
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    db.session.remove()
    with database_away(pg_app, postgres):
        with page.expect_response(lambda answer: answer.request.method == "POST") as response:
            check_in_here(page, "2135550110")
        assert (response.value.status, response.value.headers["retry-after"]) == (503, "5")
        expect(page.get_by_text("Saved on this phone, not yet sent")).to_be_visible()
    db.engine.dispose()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
    eventually(lambda: outcomes(gate.event), ["counted"])


def test_a_number_nobody_can_read_is_shown_and_not_lost(gate, phone_of):
    context, page = phone_of()
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    context.set_offline(True)
    check_in_here(page, "call me")
    expect(page.get_by_text("not yet sent")).to_be_visible()
    context.set_offline(False)
    expect(page.get_by_role("status").get_by_text("Type your mobile number with area code")).to_be_visible(
        timeout=SOON
    )
    expect(page.get_by_role("status").get_by_text("call me")).to_be_visible()
    page.get_by_role("button", name="I have seen this").click()
    expect(page.get_by_text("call me")).to_have_count(0)
