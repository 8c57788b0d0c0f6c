"""A new release while phones still have pages of the one before."""

from playwright.sync_api import expect

from tests.checkins.morning import outcomes
from tests.journeys.phones import SOON, eventually, open_and_keep, until
from tests.journeys.test_no_network_at_the_gate import check_in_here

# What earlier releases left: a page of this week with its script, one of last month, and a script of no page.
LEFT = """async () => {
  const pages = await caches.open("pages-1"), assets = await caches.open("assets-1");
  const page = (version, days) => new Response(`<script src="/static/${version}/js/check_in.js"></script>`, {
    headers: { "Content-Type": "text/html", Date: new Date(Date.now() - days * 86400e3).toUTCString() },
  });
  await pages.put("/c/THISWEEK", page("aaaaaaaaaa", 6));
  await pages.put("/c/LASTMONTH", page("bbbbbbbbbb", 30));
  for (const version of ["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"]) {
    await assets.put(`/static/${version}/js/check_in.js`, new Response("// " + version));
  }
}"""
CACHED = """async () => {
  const keysOf = async (name) => (await caches.open(name)).keys();
  const keys = await Promise.all(["pages-1", "assets-1"].map(keysOf));
  return keys.flat().map(({ url }) => new URL(url).pathname);
}"""
NEW_WORKER = """() => new Promise((done) => {
  navigator.serviceWorker.addEventListener("controllerchange", () => done(true));
  navigator.serviceWorker.register("/sw.js?next");
})"""


def test_pages_of_long_ago_and_assets_of_no_page_leave_the_phone(gate, phone_of):
    _context, page = phone_of()
    key = f"/c/{gate.event.code}"
    open_and_keep(page, gate.check_in, key)
    page.evaluate(LEFT)
    page.reload()
    until(page, f"({CACHED})().then((paths) => !paths.includes('/static/cccccccccc/js/check_in.js'))")
    paths = page.evaluate(CACHED)
    assert {"/c/THISWEEK", key} <= set(paths) and "/c/LASTMONTH" not in paths
    versions = {path.split("/")[2] for path in paths if path.startswith("/static/")}
    assert "aaaaaaaaaa" in versions and "bbbbbbbbbb" not in versions
    named = page.evaluate(
        "[...document.querySelectorAll('[src], link[href]')].map((one) => one.src || one.href)"
    )
    scripts = {address.removeprefix(gate.server) for address in named if address.endswith(".js")}
    assert len(scripts) > 5 and scripts <= set(paths), "all that the page imports is there"


def test_a_page_that_is_open_while_a_new_worker_comes_goes_on_without_a_network(gate, phone_of):
    context, page = phone_of()
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    assert page.evaluate(NEW_WORKER)
    context.set_offline(True)
    check_in_here(page, "2135550110")
    expect(page.get_by_text("Saved on this phone, not yet sent")).to_be_visible(timeout=SOON)
    page.goto(gate.check_in)
    expect(page.get_by_text("Saved on this phone, not yet sent")).to_be_visible(timeout=SOON)
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.masthead')).backgroundColor")
        != "rgba(0, 0, 0, 0)"
    )
    check_in_here(page, "2135550111")
    expect(page.get_by_text("2 saved on this phone, not yet sent")).to_be_visible(timeout=SOON)
    context.set_offline(False)
    eventually(lambda: outcomes(gate.event), ["counted"] * 2)
