"""A strike day in two browsers: Mia leaves without a network, a captain puts Ana on kitchen duty."""

import re
from datetime import timedelta

from playwright.sync_api import expect

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind
from mobilize.actions.models import ActionKind
from mobilize.checkins.record.deferred_attendance import derive_deferred
from tests.builders import make_action, make_event, make_member, make_site
from tests.checkins.morning import attendance, outcomes

SOON = 8_000


def test_leaving_waits_for_the_network_and_the_line_shows_who_left_and_who_cooks(
    phone, browser, browser_context_args, live_server
):
    now, site = clock.now(), make_site("Roosevelt Elementary")
    make_member("Reyes", "Mia", site=site, phone="+12135550101")
    ana = make_member("Soto", "Ana", site=site)
    hours = {"starts_at": now - timedelta(hours=1), "ends_at": now + timedelta(hours=6)}
    event = make_event(site, action=make_action(kind=ActionKind.STRIKE, **hours))
    token = grant_line(event.id, GrantKind.CAPTAIN, "gate", None, "shell", hours["ends_at"], now=now)[1]

    phone.goto(f"{live_server}/c/{event.code}")
    phone.get_by_label("Your mobile number").fill("(213) 555-0101")
    phone.get_by_role("button", name="Check in").click()
    expect(phone.get_by_role("heading", name="You're counted")).to_be_visible()
    phone.context.set_offline(True)
    phone.get_by_role("button", name="I am leaving").click()
    expect(phone.get_by_text("Saved on this phone, not yet sent")).to_be_visible()
    phone.context.set_offline(False)
    expect(phone.get_by_role("heading", name="You're checked out")).to_be_visible(timeout=SOON)

    derive_deferred(clock.now())
    context = browser.new_context(**browser_context_args)
    context.add_cookies([{"name": f"line-{event.code}", "value": token, "url": live_server}])
    line = context.new_page()
    line.goto(f"{live_server}/line/{event.code}")
    mia = line.locator("#names li", has_text="Mia R.")
    expect(mia.locator(".state")).to_have_text(re.compile("left at"))
    expect(mia.get_by_role("button", name="Is back: Mia R.")).to_be_visible()
    line.get_by_label("What are those you tick now doing?").select_option("kitchen")
    line.get_by_role("button", name="Here: Ana S.").click()
    expect(line.locator("#duties strong")).to_have_text("Kitchen 1", timeout=SOON)
    expect(line.locator("#names li", has_text="Ana S.").locator(".state")).to_have_text(re.compile("Kitchen"))
    line.get_by_role("button", name="Leaves: Ana S.").click()
    ana_says = line.locator("#names li", has_text="Ana S.").locator(".state")
    expect(ana_says).to_have_text(re.compile("left at"), timeout=SOON)
    context.close()

    assert outcomes(event) == ["counted", "counted", "out", "out"]
    assert {row.duty for row in attendance(event) if row.member_id == ana.id} == {"kitchen"}
    assert all(row.out_at for row in attendance(event))
