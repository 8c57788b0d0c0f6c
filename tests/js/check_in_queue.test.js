// @ts-check
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { noNetwork, serve } from "./browser.js";

const queue = await import("../../mobilize/static/js/check_in_queue.js");
const { storage } = await import("../../mobilize/static/js/storage.js");

/** @param {string} typed */
const enqueue = (typed) => queue.enqueue({ code: "ABC", page: "/c/ABC", typed, token: "t" });
/** @param {any} payload */
const stored = ({ nonce }) => ({ body: { nonce, stored: true, page: "<main>Thank you</main>" } });
/** @type {string[]} */
let receipts = [];
const sendAll = () => queue.sendAll((_item, receipt) => receipts.push(receipt), "unreadable");

beforeEach(async () => {
  receipts = [];
  for (const { nonce } of await storage.all("check_in_queue")) await storage.remove("check_in_queue", nonce);
});

test("what was tapped is on the disk before anything is sent", async () => {
  const requests = serve(stored);
  const nonce = await enqueue("2135550110");
  storage.maps = {}; // the page has ended
  assert.equal((await queue.find(nonce))?.typed, "2135550110");
  assert.equal(requests.length, 0);
});

test("all are sent, the oldest first, and leave the queue with their receipts", async () => {
  for (const typed of ["1", "2", "3"]) {
    await enqueue(typed);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const requests = serve(stored);
  await sendAll();
  assert.deepEqual(requests.map(({ payload }) => payload.typed), ["1", "2", "3"]);
  assert.deepEqual(await queue.pending(), []);
  assert.equal(receipts.length, 3);
  assert.match((await storage.get("receipts", "ABC")).page, /Thank you/);
});

test("without a network all stay, and the first failure ends the round", async () => {
  await enqueue("1");
  await enqueue("2");
  const requests = serve(noNetwork);
  await sendAll();
  assert.equal(requests.length, 1);
  assert.equal((await queue.pending()).length, 2);
});

test("an answer to something else settles nothing", async () => {
  await enqueue("1");
  serve(() => ({ body: { nonce: "another", stored: true, page: "" } }));
  await sendAll();
  assert.equal((await queue.pending()).length, 1);
});

for (const status of [401, 403, 408, 429, 500, 503]) {
  test(`a ${status} says nothing of the check-in, which is sent again`, async () => {
    await enqueue("1");
    serve(() => ({ status }));
    await sendAll();
    assert.equal((await queue.pending()).length, 1);
  });
}

test("what the server rejects stays until a person has seen why, and the next one is sent", async () => {
  await enqueue("wrong");
  await new Promise((resolve) => setTimeout(resolve, 2));
  await enqueue("right");
  const requests = serve((payload) =>
    payload.typed === "wrong" ? { status: 422, body: { message: "No number." } } : stored(payload),
  );
  await sendAll();
  await sendAll();
  assert.equal(requests.length, 2);
  const [rejected, ...others] = await queue.rejected();
  assert.equal(rejected.why, "No number.");
  assert.deepEqual(others, []);
  await queue.discard(rejected.nonce);
  assert.deepEqual(await queue.rejected(), []);
});

test("one the browser fails to forget is not sent twice", async () => {
  await enqueue("1");
  const { remove } = storage;
  storage.remove = async () => {};
  const requests = serve(stored);
  await sendAll();
  await sendAll();
  storage.remove = remove;
  assert.equal(requests.length, 1);
});

test("where the browser keeps nothing it waits in the page, and the page knows", async () => {
  const { transaction } = storage;
  storage.transaction = () => Promise.reject(new DOMException("", "QuotaExceededError"));
  await enqueue("1");
  assert.equal(storage.failed, true);
  assert.equal((await queue.pending()).length, 1);
  storage.transaction = transaction;
});
