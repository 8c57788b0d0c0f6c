// @ts-check
// The line's queue: one tap is one item with a key of its own (nonce), stored on this phone until the server says
// what became of it.

import { clock } from "./clock.js";
import { postJson } from "./http.js";
import { changed, codes, page, report, state } from "./line_state.js";
import { lineStorage } from "./line_storage.js";
import { endLine, refresh } from "./line_sync.js";
import { keepForLater } from "./offline.js";
import { newNonce, storage } from "./storage.js";

const BATCH = 100;
const SHOWN_FOR = 10000;

/** @typedef {import("./line_state.js").Item} Item */

/** @type {(item: Item, why: string) => boolean} */
let isAtItsField = () => false;

/** @param {typeof isAtItsField} listener hears what was not taken; true: it is in its form again, to be mended */
export const listenForRefusals = (listener) => (isAtItsField = listener);

/** @param {Omit<Item, "nonce" | keyof import("./clock.js").Stamp>} tap */
export async function enqueue(tap) {
  /** @type {Item} */
  const item = { nonce: newNonce(), ...clock.stamp(), ...tap };
  state.queue.push(item);
  changed();
  await lineStorage.putItem(item, page.code);
  if (storage.failed) report(page.keepsNothing);
  else keepForLater().then(changed);
  const waits = [...state.queue, ...state.rejected].some((one) => one.nonce === item.nonce);
  if (!waits) await storage.remove("line_queue", item.nonce); // it was sent while it was being stored
  send();
}

/** What waits from an earlier visit, and what a person has not seen yet of what was rejected. */
export async function loadQueue() {
  const items = (await lineStorage.items(codes)).sort((a, b) => a.at.localeCompare(b.at));
  const unreadable = items.filter((item) => item.unreadable);
  for (const item of unreadable) item.why = page.unreadable.replace("%", String(unreadable.length));
  for (const item of items) if (item.why) state.rejected.push({ ...item, why: item.why });
  const queued = new Set(state.queue.map((item) => item.nonce));
  state.queue.unshift(...items.filter((item) => !item.why && !queued.has(item.nonce)));
}

/** @returns {Promise<void>} */
export async function send() {
  if (state.sending || state.queue.length === 0) return;
  state.sending = true;
  let goesOn = false;
  try {
    goesOn = await sendBatch();
  } catch {
    // No network: what is in the queue stays there, and the next try comes by itself.
  } finally {
    state.sending = false;
  }
  if (goesOn) return send();
  await refresh();
}

/**
 * The server was put back from a backup since: what it acknowledged before is sent once more, and counts once.
 * @returns {Promise<void>}
 */
export async function sendAgain() {
  const epoch = state.figures?.epoch;
  if (epoch === undefined || epoch === state.epoch) return;
  const items = await lineStorage.sentBefore(codes, epoch);
  const queued = new Set(state.queue.map((item) => item.nonce));
  state.epoch = epoch;
  state.queue.push(...items.filter((item) => !queued.has(item.nonce)));
  if (items.length) await send();
}

/** True when the server took something and more waits. */
async function sendBatch() {
  const { length } = state.queue;
  const items = state.queue.slice(0, BATCH).map(clock.payloadOf);
  const response = await postJson(page.items, { sent_at: new Date().toISOString(), items }, 20000);
  if (response.status === 403) await endLine();
  if (!response.ok) return false;
  const { items: results, ended } = await response.json();
  await settle(results);
  const goesOn = state.queue.length > 0 && state.queue.length < length;
  if (ended) {
    await endLine();
    await lineStorage.wipeSent(codes);
  }
  return goesOn;
}

/** @param {{ nonce: string, stored: boolean, why?: string }[]} results */
async function settle(results) {
  const queued = new Map(state.queue.map((item) => [item.nonce, item]));
  const acknowledged = results.flatMap(({ nonce, stored }) => (stored && queued.get(nonce)) || []);
  await lineStorage.putSent(acknowledged, page.code, state.epoch ?? "", state.endsAt);
  for (const { nonce, stored, why } of results) {
    const item = queued.get(nonce);
    if (item?.typed && stored && !why) showAsSent(item.kind, item.typed);
    if (item && why && tell(item, why, stored)) await lineStorage.putItem({ ...item, why }, page.code);
    else if (nonce) await storage.remove("line_queue", nonce);
    if (item && !why) state.confirmed.push(item);
  }
  const settled = new Set(results.map((result) => result.nonce));
  state.queue = state.queue.filter((item) => !settled.has(item.nonce));
  state.etag = ""; // what was sent may be drawn now, even where it changed nothing
  changed();
}

/**
 * True where it stays on this phone until a person has seen it, as what the server could not take.
 * @param {Item} item
 * @param {string} why
 * @param {boolean} stored
 */
function tell(item, why, stored) {
  if (!stored && isAtItsField(item, why)) return false;
  state.rejected.push({ ...item, why });
  return !stored;
}

/**
 * Long enough to be read; a number is not left standing on a captain's screen.
 * @param {string} kind
 * @param {string} typed
 */
function showAsSent(kind, typed) {
  state.lastSent[kind] = typed;
  setTimeout(() => {
    delete state.lastSent[kind];
    changed();
  }, SHOWN_FOR);
}

/**
 * A person has read why these did not count.
 * @param {string} why
 */
export async function dismiss(why) {
  const dismissed = state.rejected.filter((item) => item.why === why);
  state.rejected = state.rejected.filter((item) => item.why !== why);
  changed();
  for (const { nonce } of dismissed) if (nonce) await storage.remove("line_queue", nonce);
}
