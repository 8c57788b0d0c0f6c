"""A phone whose clock is wrong, or is set while a tap waits on it: the time of the tap is not."""

from datetime import timedelta

from playwright.sync_api import expect

from mobilize import clock
from tests.checkins.morning import attendance, evidence, outcomes, uncertain_times
from tests.journeys.phones import SOON, eventually, kill, open_and_keep, until
from tests.journeys.test_no_network_at_the_gate import check_in_here
from tests.journeys.test_the_line_works_without_a_network import line_phone, tick

# The phone's clock, by as many hours as `localStorage.hours` says; nothing else on the page changes.
CLOCK = """(() => {
  const [Real, hours] = [Date, () => Number(localStorage.hours || 0) * 3600e3];
  window.Date = class extends Real {
    constructor(...given) { given.length ? super(...given) : super(Real.now() + hours()); }
    static now() { return Real.now() + hours(); }
  };
})()"""
SOON_ENOUGH = timedelta(seconds=30)


def set_clock(page, hours):
    page.evaluate(f"localStorage.hours = {hours}")


def test_a_clock_that_is_set_right_while_the_tap_waits_changes_nothing(gate, phone_of):
    context, page = phone_of()
    context.add_init_script(CLOCK)
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    set_clock(page, -3)
    context.set_offline(True)
    check_in_here(page, "2135550110")
    expect(page.get_by_text("not yet sent")).to_be_visible()
    tapped = clock.now()
    set_clock(page, 0)
    context.set_offline(False)
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
    eventually(lambda: outcomes(gate.event), ["counted"])
    assert abs(attendance(gate.event)[0].first_at - tapped) < SOON_ENOUGH


def test_after_the_phone_died_the_last_known_offset_is_used(gate, phone_of):
    context, page = phone_of()
    context.add_init_script(CLOCK)
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    set_clock(page, -3)
    page.reload()
    until(page, "Number(localStorage.ahead) < -3 * 3600e3 + 10000")
    context.set_offline(True)
    check_in_here(page, "2135550110")
    expect(page.get_by_text("not yet sent")).to_be_visible()
    tapped = clock.now()
    page.wait_for_timeout(500)
    page.goto("about:blank")
    context.set_offline(False)
    page.route(
        "**/c/**", lambda route: route.abort() if route.request.method == "POST" else route.continue_()
    )
    page.goto(gate.check_in)
    set_clock(page, 0)
    page.reload()
    page.unroute("**/c/**")
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
    eventually(lambda: outcomes(gate.event), ["counted"])
    assert abs(attendance(gate.event)[0].first_at - tapped) < SOON_ENOUGH


def test_where_the_time_cannot_be_known_the_member_has_a_receipt_and_the_chair_is_asked(gate, phone_of):
    context, page = phone_of()
    context.add_init_script(CLOCK)
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    until(page, "localStorage.ahead !== undefined")
    context.set_offline(True)
    set_clock(page, -3)
    page.reload()
    check_in_here(page, "2135550110")
    expect(page.get_by_text("not yet sent")).to_be_visible()
    page.reload()
    set_clock(page, 0)
    context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.get_by_role("heading", name="We have your check-in")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("Time uncertain")).to_be_visible()
    eventually(lambda: outcomes(gate.event), ["unresolved"])
    assert evidence(gate.event)[0].time_uncertain and uncertain_times(gate.event.id) == 1


def test_a_captains_ticks_keep_their_time_when_the_clock_is_set(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.context.add_init_script(CLOCK)
    rosa.page.reload()
    set_clock(rosa.page, -3)
    rosa.context.set_offline(True)
    tick(rosa.page, 1)
    tapped = clock.now()
    set_clock(rosa.page, 0)
    rosa.context.set_offline(False)
    eventually(lambda: outcomes(gate.event), ["counted"])
    assert abs(attendance(gate.event)[0].first_at - tapped) < SOON_ENOUGH
    kill(rosa.context)
