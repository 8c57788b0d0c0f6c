"""A line of 400 names on a slow phone: each key of the search is drawn at once."""

from datetime import timedelta

from playwright.sync_api import expect

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind
from mobilize.database import atomic, db
from mobilize.roster.models import Site
from tests.builders import make_member

NAMES = 400
SLOWER = 6
BAR_MS = 100


def test_each_key_of_the_search_is_drawn_within_a_tenth_of_a_second(gate, context, page):
    site = db.session.get_one(Site, gate.event.site_id)
    with atomic():
        for n in range(NAMES):
            make_member(f"Name {n:03d}", f"{'ABCDEFGHIJ'[n % 10]}na{n:03d}", site=site)
    now = clock.now()
    ends = now + timedelta(hours=3)
    _grant, token = grant_line(gate.event.id, GrantKind.CAPTAIN, "Rosa", None, "shell", ends, now=now)
    context.add_cookies([{"name": f"line-{gate.event.code}", "value": token, "url": gate.server}])
    page.goto(gate.line)
    expect(page.locator("#names li")).to_have_count(NAMES + 8)
    search = page.get_by_label("Find a name")
    search.focus()
    devtools = page.context.new_cdp_session(page)
    # What the page's thread worked, not what it waited for: the machine has other things to do.
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    took = []
    for key in [*"ana1", *"37", *["Backspace"] * 6, *"name"]:
        before = _worked(devtools)
        page.keyboard.press(key)
        page.evaluate("new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")
        took.append((_worked(devtools) - before) * 1000 * SLOWER)
    assert sorted(took)[-2] < BAR_MS


def _worked(devtools):
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return {one["name"]: one["value"] for one in metrics}["TaskDuration"]
