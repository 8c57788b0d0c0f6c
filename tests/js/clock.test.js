// @ts-check
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { setHidden } from "./browser.js";

const { clock } = await import("../../mobilize/static/js/clock.js");

const HOUR = 3600e3;
const SERVER = Date.UTC(2026, 2, 3, 15);

/** @param {number} actual @param {number} expected */
function near(actual, expected) {
  assert.ok(Math.abs(actual - expected) < 1000, `${actual} is not about ${expected}`);
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["Date"], now: SERVER + 2 * HOUR }); // a phone that is two hours ahead
  Object.assign(clock, { syncedAt: -1, hiddenAt: -1, offset: 0 });
  globalThis.localStorage = /** @type {any} */ ({});
});

test("before the server was heard the phone's own clock is all there is", () => {
  assert.equal(clock.ahead(), null);
  near(clock.now(), SERVER + 2 * HOUR);
});

test("a sync says what time it is and how far ahead the phone is", () => {
  clock.sync(SERVER);
  near(clock.now(), SERVER);
  near(clock.ahead() ?? 0, 2 * HOUR);
});

test("a clock that is put right after a sync moves nothing", () => {
  clock.sync(SERVER);
  mock.timers.setTime(SERVER);
  near(clock.now(), SERVER);
});

test("an answer without a time is no sync", () => {
  clock.sync(NaN);
  assert.equal(clock.isSynced(), false);
});

test("out of sight the monotonic clock may stand still: what the phone was ahead is taken off its own clock", () => {
  clock.sync(SERVER);
  setHidden(true);
  mock.timers.setTime(SERVER + 5 * HOUR);
  setHidden(false);
  assert.equal(clock.isSynced(), false);
  near(clock.now(), SERVER + 3 * HOUR);
});

test("a later visit to the page still knows how far ahead the phone is", () => {
  clock.sync(SERVER);
  Object.assign(clock, { syncedAt: -1, offset: 0 });
  near(clock.now(), SERVER);
});

test("a browser that keeps nothing has its own clock after the page was hidden", () => {
  Object.defineProperty(globalThis, "localStorage", {
    get: () => { throw new DOMException("", "SecurityError"); },
    set: () => {},
    configurable: true,
  });
  clock.sync(SERVER);
  near(clock.now(), SERVER);
  setHidden(false);
  near(clock.now(), SERVER + 2 * HOUR);
  Object.defineProperty(globalThis, "localStorage", { value: {}, configurable: true, writable: true });
});

test("what this page stamped is sent with its age, and whether the page was in sight since", () => {
  clock.sync(SERVER);
  const stamped = { nonce: "n", ...clock.stamp() };
  const sent = clock.payloadOf({ ...stamped, why: "not sent", line: "ABC" });
  assert.deepEqual(Object.keys(sent).sort(), ["age_ms", "ahead_ms", "at", "awake", "nonce"]);
  assert.equal(sent.at, new Date(SERVER + 2 * HOUR).toISOString());
  near(sent.ahead_ms, 2 * HOUR);
  assert.equal(sent.awake, true);
  setHidden(false);
  assert.equal(clock.payloadOf(stamped).awake, false);
});

test("what an earlier page stamped has no age: its monotonic clock has ended", () => {
  const sent = clock.payloadOf({ nonce: "n", ...clock.stamp(), session: "of another page" });
  assert.deepEqual(Object.keys(sent).sort(), ["at", "nonce"]);
});
