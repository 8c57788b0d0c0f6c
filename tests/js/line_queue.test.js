// @ts-check
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { linePage, noNetwork, serve } from "./browser.js";

const { dismiss, enqueue: enqueueAndSend, loadQueue, send, sendAgain } =
  await import("../../mobilize/static/js/line_queue.js");
const { state } = await import("../../mobilize/static/js/line_state.js");
const { endLine, refresh } = await import("../../mobilize/static/js/line_sync.js");
const { storage } = await import("../../mobilize/static/js/storage.js");

const FIGURES = { named: 0, others: 0, supporters: 0, in: {} };
/** @param {(item: any) => object} [result] of each item */
const settle = (result = () => ({ stored: true })) => serve((payload, url) => {
  if (url === linePage.state) return { body: FIGURES, headers: { "X-Now": String(Date.now()) } };
  return { body: { items: payload.items.map((/** @type {any} */ item) => ({ nonce: item.nonce, ...result(item) })) } };
});
/** @param {ReturnType<typeof serve>} requests */
const uploads = (requests) => requests.filter(({ url }) => url === linePage.items);
const onDisk = () => storage.all("line_queue");

/** @param {() => boolean} isTrue */
async function until(isTrue) {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/**
 * Without a network: what is sent by itself comes to nothing.
 * @param {Parameters<typeof enqueueAndSend>[0]} tap
 */
async function enqueue(tap) {
  await enqueueAndSend(tap);
  await until(() => !state.sending);
  await new Promise((resolve) => setTimeout(resolve));
}

/** What a new visit to the page begins with. */
function closePage() {
  storage.maps = {};
  Object.assign(state, { queue: [], confirmed: [], rejected: [], figures: null, epoch: null });
}

beforeEach(async () => {
  serve(noNetwork);
  await until(() => !state.sending);
  closePage();
  Object.assign(state, { ended: false, etag: "" });
  storage.failed = false;
  for (const { nonce } of await onDisk()) await storage.remove("line_queue", nonce);
  for (const { code } of await storage.all("lines")) await storage.remove("lines", code);
});

test("a tap is stored encrypted, and a later visit reads it", async () => {
  await enqueue({ kind: "walkin", typed: "Walkin Person" });
  closePage();
  const [record] = await onDisk();
  assert.equal(JSON.stringify(record).includes("Walkin"), false);
  await loadQueue();
  assert.deepEqual(state.queue.map(({ kind, typed }) => [kind, typed]), [["walkin", "Walkin Person"]]);
});

test("what is settled leaves the queue and the disk, and is added to the figures until new ones come", async () => {
  await enqueue({ kind: "tick", member: "m1" });
  const requests = settle();
  await send();
  assert.deepEqual([state.queue, await onDisk()], [[], []]);
  assert.equal(uploads(requests).length, 1);
  assert.deepEqual(state.confirmed, [], "the figures that came after it have it");
  assert.deepEqual(state.figures, FIGURES);
});

test("without a network all stay, in the page and on the disk", async () => {
  await enqueue({ kind: "tick", member: "m1" });
  await send();
  assert.equal(state.queue.length, 1);
  assert.equal((await onDisk()).length, 1);
  assert.equal(state.sending, false);
});

test("a long queue goes a hundred at a time until nothing waits", async () => {
  for (let n = 0; n < 250; n++) await enqueue({ kind: "supporters", n: 1 });
  const requests = settle();
  await send();
  assert.deepEqual(uploads(requests).map(({ payload }) => payload.items.length), [100, 100, 50]);
});

test("a server that takes nothing is not asked again at once", async () => {
  await enqueue({ kind: "tick", member: "m1" });
  const requests = serve((_payload, url) => ({ body: url === linePage.items ? { items: [] } : FIGURES }));
  await send();
  assert.equal(uploads(requests).length, 1);
  assert.equal(state.queue.length, 1);
});

for (const stored of [false, true]) {
  test(`what did not count is said${stored ? "" : ", and stays on the phone until a person has seen it"}`, async () => {
    await enqueue({ kind: "tick", member: "m1" });
    settle(() => ({ stored, why: "Not on your list." }));
    await send();
    assert.deepEqual(state.rejected.map(({ why }) => why), ["Not on your list."]);
    assert.equal((await onDisk()).length, stored ? 0 : 1);
    closePage();
    await loadQueue();
    assert.equal(state.rejected.length, stored ? 0 : 1);
    await dismiss("Not on your list.");
    assert.deepEqual([state.rejected, await onDisk()], [[], []]);
  });
}

test("what was acknowledged is sent again, once, when the server was put back from a backup", async () => {
  await enqueue({ kind: "walkin", typed: "Walkin Person" });
  await enqueue({ kind: "tick", member: "m1" });
  let epoch = "";
  const answer = (/** @type {any} */ payload, /** @type {string} */ url) => url === linePage.state
    ? { body: { ...FIGURES, epoch }, headers: { "X-Now": String(Date.now()) } }
    : { body: { items: payload.items.map((/** @type {any} */ { nonce }) => ({ nonce, stored: true })) } };
  const first = serve(answer);
  await send();
  await sendAgain();
  const [{ payload: { items: [sent] } }] = uploads(first);
  assert.equal(uploads(first).length, 1);
  assert.equal(JSON.stringify(await storage.all("lines")).includes("Walkin"), false);
  closePage();
  epoch = "b1";
  const again = serve(answer);
  await refresh();
  await sendAgain();
  await refresh();
  await sendAgain();
  const [upload, ...more] = uploads(again);
  assert.deepEqual(upload.payload.items.map((/** @type {any} */ item) => item.kind).sort(), ["tick", "walkin"]);
  assert.ok(upload.payload.items.some((/** @type {any} */ { nonce }) => nonce === sent.nonce));
  assert.deepEqual([more, state.queue], [[], []]);
});

test("what was acknowledged goes when the line is over, not with a link that the server has forgotten", async () => {
  await enqueue({ kind: "tick", member: "m1" });
  settle();
  await send();
  const kept = async () => (await storage.all("lines")).filter(({ code }) => code.includes("/sent/")).length;
  assert.equal(await kept(), 1);
  await endLine();
  assert.equal(await kept(), 1);
  Object.assign(state, { endsAt: 1 });
  await endLine();
  assert.equal(await kept(), 0);
  Object.assign(state, { endsAt: Number(linePage.ends) });
});

test("an item that cannot be decrypted is said, not sent", async () => {
  await enqueue({ kind: "tick", member: "m1" });
  closePage();
  const [record] = await onDisk();
  await storage.put("line_queue", { ...record, data: new ArrayBuffer(40) });
  await loadQueue();
  assert.deepEqual(state.queue, []);
  assert.deepEqual(state.rejected.map(({ why }) => why), ["1 cannot be read."]);
});

test("a link that has ended wipes the names and loses no tap", async () => {
  await storage.transaction("lines", "readwrite", (lines) => lines.put({ code: "ABC/list" }));
  await enqueue({ kind: "tick", member: "m1" });
  serve(() => ({ status: 403 }));
  await send();
  assert.equal(state.ended, true);
  assert.deepEqual(await storage.all("lines"), []);
  assert.equal((await onDisk()).length, 1);
});
