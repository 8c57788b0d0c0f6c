"""No tap is lost, and nobody waits for nothing: a slow or broken store, a hanging network, a cold scanner."""

import time
from contextlib import suppress

from playwright.sync_api import Error, expect

from mobilize import clock
from mobilize.accounts.access.grants import revoke_grant
from tests.checkins.morning import outcomes
from tests.journeys.phones import SOON, eventually, inside, open_and_keep, until
from tests.journeys.test_no_network_at_the_gate import check_in_here
from tests.journeys.test_the_line_works_without_a_network import line_phone, tick

SLOW = """(() => {
  const open = indexedDB.open.bind(indexedDB);
  indexedDB.open = (...given) => {
    const asked = open(...given), slow = {};
    setTimeout(() => {
      if (asked.readyState === "done") slow.onsuccess?.();
      else asked.onsuccess = slow.onsuccess;
    }, 2500);
    asked.onupgradeneeded = (event) => slow.onupgradeneeded?.(event);
    Object.defineProperty(slow, "result", { get: () => asked.result });
    return slow;
  };
})()"""
BROKEN = """IDBDatabase.prototype.transaction = () => {
  throw new DOMException("The database connection is closing.", "InvalidStateError");
}"""
CLOSED = """Object.defineProperty(window, "indexedDB", {
  get: () => { throw new DOMException("", "SecurityError"); },
})"""
SILENT = "IDBFactory.prototype.open = () => new EventTarget()"


def test_a_slow_database_does_not_destroy_the_list(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    until(rosa.page, inside("Boolean(state.cached.rotating?.key) && state.figures !== null"))
    rosa.context.add_init_script(SLOW)
    rosa.page.goto(f"{gate.line}?shell")  # as it opens where the network is too slow for the page itself
    rosa.page.wait_for_timeout(5000)
    rosa.context.set_offline(True)
    rosa.page.goto(gate.line)
    expect(rosa.page.locator("#names li")).to_have_count(8, timeout=SOON)
    expect(rosa.page.get_by_text("was altered")).to_have_count(0)


def test_names_have_their_buttons_though_no_state_ever_came(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa", no_state=True)
    rosa.context.set_offline(True)
    rosa.page.goto(gate.line)
    expect(rosa.page.get_by_role("button", name="Here: ")).to_have_count(8)
    tick(rosa.page, 2)


def test_the_count_moves_with_what_was_tapped_without_a_network(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.context.set_offline(True)
    tick(rosa.page, 1)
    tick(rosa.page, 2)
    expect(rosa.page.locator("#named")).to_have_text("2")
    rosa.page.get_by_role("button", name="+5 supporters").click()
    expect(rosa.page.locator("#supporters")).to_have_text("5")
    rosa.page.get_by_label("How many people stand here now?").fill("17")
    rosa.page.get_by_role("button", name="Report head count").click()
    expect(rosa.page.locator("#head-count strong")).to_have_text("17")
    rosa.context.set_offline(False)
    eventually(lambda: outcomes(gate.event), ["counted"] * 2)
    expect(rosa.page.get_by_text("waiting to send")).to_be_hidden(timeout=SOON)
    expect(rosa.page.locator("#named")).to_have_text("2")


def test_the_scanner_reads_without_a_network(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    until(rosa.page, inside("caches.open('assets-1').then((c) => c.match(page.worker)).then(Boolean)"))
    rosa.context.set_offline(True)
    rosa.page.goto(gate.line)
    rosa.page.evaluate("delete window.BarcodeDetector")
    assert rosa.page.evaluate(
        inside("Promise.race([makeDecoder().then(() => true), new Promise((d) => setTimeout(d, 6000))])")
    )


def test_a_scanner_that_is_not_on_the_phone_says_so_and_does_not_hang(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.context.set_offline(True)
    rosa.page.evaluate(
        "delete window.BarcodeDetector;"
        " document.getElementById('line').dataset.worker = '/static/vendor/none.js';"
        " navigator.mediaDevices.getUserMedia = async () => document.createElement('canvas').captureStream();"
        " HTMLMediaElement.prototype.play = async () => {}"
    )
    rosa.page.get_by_role("button", name="Scan a member's own code").click()
    expect(rosa.page.get_by_role("button", name="Type their number instead")).to_be_visible(timeout=SOON)


def test_a_network_that_hangs_is_told_at_once_and_the_next_one_taps(gate, phone_of):
    _context, page = phone_of()
    open_and_keep(page, gate.check_in, f"/c/{gate.event.code}")
    held = []
    page.route(
        "**/c/**", lambda route: held.append(route) if route.request.method == "POST" else route.continue_()
    )
    begun = time.monotonic()
    for n in range(2):
        check_in_here(page, f"213555011{n}")
        expect(page.get_by_text("Saved on this phone, sending")).to_be_visible(timeout=3000)
        expect(page.get_by_label("Your mobile number").last).to_have_value("")
    assert time.monotonic() - begun < 8
    until(page, inside("storage.all('check_in_queue').then((items) => items.length === 2)"))
    page.unroute("**/c/**")
    for route in held:
        with suppress(Error):  # one that the page has given up meanwhile
            route.abort()
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
    eventually(lambda: outcomes(gate.event), ["counted"] * 2)


def test_the_first_tap_is_not_lost_where_the_browser_keeps_nothing(gate, phone_of):
    for n, broken in enumerate((CLOSED, BROKEN)):
        context, page = phone_of(f"phone{n}")
        context.add_init_script(broken)
        page.goto(gate.check_in)
        page.route(
            "**/c/**", lambda route: route.abort() if route.request.method == "POST" else route.continue_()
        )
        check_in_here(page, f"213555011{n}")
        expect(page.get_by_text("leave this page open until it is sent")).to_be_visible()
        page.unroute("**/c/**")
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
        context.close()
    eventually(lambda: outcomes(gate.event), ["counted"] * 2)


def test_a_tap_is_sent_where_the_database_never_answers(gate, phone_of):
    context, page = phone_of()
    context.add_init_script(SILENT)
    page.goto(gate.check_in)
    check_in_here(page, "2135550110")
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
    eventually(lambda: outcomes(gate.event), ["counted"])


def test_a_tap_waits_in_the_page_where_the_database_never_answers(gate, phone_of):
    context, page = phone_of()
    context.add_init_script(SILENT)
    page.goto(gate.check_in)
    context.set_offline(True)
    check_in_here(page, "2135550110")
    expect(page.get_by_text("leave this page open until it is sent")).to_be_visible(timeout=SOON)
    context.set_offline(False)
    expect(page.get_by_role("heading", name="You're counted")).to_be_visible(timeout=SOON)
    eventually(lambda: outcomes(gate.event), ["counted"])


def test_a_captains_tick_is_not_lost_where_the_browser_keeps_nothing(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.context.add_init_script(BROKEN)
    rosa.page.reload()
    rosa.context.set_offline(True)
    tick(rosa.page, 1)
    expect(rosa.page.get_by_text("leave this page open until all is sent")).to_be_visible()
    rosa.context.set_offline(False)
    eventually(lambda: outcomes(gate.event), ["counted"])


def test_a_tick_is_not_lost_where_the_browser_cannot_encrypt(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.page.evaluate("void (crypto.subtle.encrypt = () => Promise.reject(new Error('no')))")
    rosa.context.set_offline(True)
    tick(rosa.page, 1)
    expect(rosa.page.get_by_text("leave this page open until all is sent")).to_be_visible()
    rosa.context.set_offline(False)
    eventually(lambda: outcomes(gate.event), ["counted"])
    until(rosa.page, inside("state.queue.length === 0 && !state.sending"))


def test_a_tick_that_cannot_be_read_any_more_is_said(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.context.set_offline(True)
    tick(rosa.page, 1)
    rosa.page.evaluate(
        inside(
            "storage.all('line_queue')"
            ".then(([one]) => storage.put('line_queue', { ...one, data: new ArrayBuffer(40) }))"
        )
    )
    rosa.page.goto(gate.line)
    expect(rosa.page.get_by_text("cannot be read, and so were not sent: 1.")).to_be_visible(timeout=SOON)
    rosa.page.get_by_role("button", name="I have seen this").click()
    until(rosa.page, inside("storage.all('line_queue').then((items) => items.length === 0)"))


def test_sending_goes_on_after_the_end_where_no_worker_is_ever_ready(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.page.evaluate(
        "Object.defineProperty(navigator.serviceWorker, 'ready', { value: new Promise(() => {}) })"
    )
    revoke_grant(rosa.grant, "shell", now=clock.now())
    rosa.page.get_by_role("button", name="+5 supporters").click()
    until(rosa.page, inside("state.ended && !state.sending"))


def test_a_list_that_is_being_kept_while_the_line_ends_is_not_kept(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    left = rosa.page.evaluate(
        inside("""(async () => {
      const encrypt = crypto.subtle.encrypt.bind(crypto.subtle);
      const late = () => new Promise((done) => setTimeout(done, 800));
      crypto.subtle.encrypt = (...given) => late().then(() => encrypt(...given));
      const keeping = lineStorage.put("list", page.code, state.endsAt, { people: [] });
      await endLine();
      await keeping;
      return storage.transaction("lines", "readonly", (lines) => lines.count());
    })()""")
    )
    assert left == 0 and rosa.page.evaluate(inside("state.cached.figures === null"))


def test_an_old_phone_shows_the_changing_code_without_a_network(gate, phone_of):
    rosa = line_phone(gate, phone_of, "rosa")
    rosa.context.add_init_script(
        "delete DataView.prototype.setBigUint64; delete window.BigInt; delete AbortSignal.timeout;"
    )
    rosa.page.goto(gate.line)
    until(rosa.page, inside("state.cached.rotating?.key"))
    rosa.context.set_offline(True)
    rosa.page.goto(gate.line)
    rosa.page.get_by_role("button", name="Show the changing code full screen").click()
    until(rosa.page, "(document.getElementById('board-code').dataset.address || '').length > 20")
