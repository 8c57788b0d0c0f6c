// @ts-check
import assert from "node:assert/strict";
import { mock, test } from "node:test";

const { follow } = await import("../../mobilize/static/js/job_polling.js");

/**
 * The states shown of a job whose looks are answered like this, and the seconds before each look. A number is a status.
 * @param {any[]} answers
 */
async function followed(answers) {
  /** @type {any[]} */
  const states = [];
  /** @type {number[]} */
  const waits = [];
  mock.method(globalThis, "setTimeout", (/** @type {() => void} */ then, /** @type {number} */ ms) => {
    waits.push(ms / 1000);
    queueMicrotask(then);
  });
  mock.method(globalThis, "fetch", async () => {
    const answer = answers.shift();
    if (answer === "offline") throw new TypeError("no network");
    const status = typeof answer === "number" ? answer : 200;
    return { status, ok: status < 400, redirected: answer === "signed out", json: async () => answer };
  });
  await follow("/jobs/1/state", (state) => states.push(state));
  mock.restoreAll();
  return { states, waits, left: answers.length };
}

test("it is asked until it has ended, whatever the network does meanwhile", async () => {
  const running = { open: true, words: "Reading the file." };
  const done = { open: false, words: "" };
  const { states, left } = await followed(["offline", 503, running, done, running]);
  assert.deepEqual(states, [running, done]);
  assert.equal(left, 1);
});

test("who is signed out, or whose job is gone, asks no more", async () => {
  for (const end of [404, "signed out"]) {
    const { states, left } = await followed([end, { open: true }]);
    assert.deepEqual([states, left], [[], 1]);
  }
});

test("it asks after two seconds, then less often, and every ten at last", async () => {
  const { waits } = await followed([...Array(12).fill({ open: true }), { open: false }]);
  const pauses = waits.filter((_wait, n) => n % 2 === 0); // each second one gives a look up
  assert.equal(pauses[0], 2);
  assert.deepEqual([...pauses].sort((a, b) => a - b), pauses);
  assert.equal(pauses.at(-1), 10);
});
