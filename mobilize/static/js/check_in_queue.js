// @ts-check
// Check-ins on a member's phone that the server has not confirmed yet: stored first, then sent until it has.

import { clock } from "./clock.js";
import { postJson } from "./http.js";
import { newNonce, storage } from "./storage.js";

const STORE = "check_in_queue";
const RETRY = [401, 403, 408, 429]; // the 4xx that say nothing of the check-in itself
const confirmed = new Set(); // never sent again, even where a browser fails to forget them

/**
 * @typedef {import("./clock.js").Stamp & {
 *   nonce: string, code: string, page: string, typed: string | null, token: string, left?: true, why?: string
 * }} CheckIn `why`: what the server had against it
 */

/**
 * @param {Pick<CheckIn, "code" | "page" | "typed" | "token" | "left">} checkIn
 * @returns {Promise<string>} its nonce
 */
export async function enqueue(checkIn) {
  const nonce = newNonce();
  await storage.put(STORE, { nonce, ...checkIn, ...clock.stamp() });
  return nonce;
}

/** @returns {Promise<CheckIn[]>} the oldest first */
export async function pending() {
  const queue = /** @type {CheckIn[]} */ (await storage.all(STORE));
  const waiting = queue.filter((item) => !item.why && !confirmed.has(item.nonce));
  return waiting.sort((a, b) => a.at.localeCompare(b.at));
}

/** @returns {Promise<CheckIn[]>} what the server could not take, until a person has seen why */
export async function rejected() {
  const queue = /** @type {CheckIn[]} */ (await storage.all(STORE));
  return queue.filter((item) => item.why);
}

/**
 * @param {string} nonce
 * @returns {Promise<CheckIn | undefined>}
 */
export const find = (nonce) => storage.get(STORE, nonce);

/** @param {string} nonce */
export const discard = (nonce) => storage.remove(STORE, nonce);

/**
 * Sends one after the other until all are settled or the network is gone.
 * @param {(item: CheckIn, receipt: string) => void} onReceipt
 * @param {string} unreadable what to say of one the server rejects without a word
 */
export async function sendAll(onReceipt, unreadable) {
  for (let [item] = await pending(); item; [item] = await pending()) {
    if (!(await sendOne(item, onReceipt, unreadable))) return;
  }
}

/**
 * True when the server has settled it.
 * @param {CheckIn} item
 * @param {(item: CheckIn, receipt: string) => void} onReceipt
 * @param {string} unreadable
 */
async function sendOne(item, onReceipt, unreadable) {
  const { code, page, ...checkIn } = clock.payloadOf(item);
  const begun = performance.now();
  let response, result;
  try {
    response = await postJson(page || "/c/" + code, { ...checkIn, sent_at: new Date().toISOString() }, 15000);
    result = await response.json();
  } catch {
    return false;
  }
  if (performance.now() - begun < 3000) clock.sync(Date.parse(response.headers.get("Date") ?? ""));
  if (response.ok && result.nonce === item.nonce && result.stored) {
    confirmed.add(item.nonce);
    const typed = item.typed && "…" + item.typed.trim().slice(-3); // phones are passed round
    await storage.put("receipts", { code, page: result.page, at: Date.now(), typed });
    await storage.remove(STORE, item.nonce);
    onReceipt(item, result.page);
    return true;
  }
  if (response.status < 400 || response.status >= 500 || RETRY.includes(response.status)) return false;
  await storage.put(STORE, { ...item, why: result.message || unreadable });
  return true;
}
