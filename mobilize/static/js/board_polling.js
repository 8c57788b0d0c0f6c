// @ts-check
// What keeps a board or a wall fresh: asks every 1 to 1.5 seconds whether anything changed. Rests while the page is
// hidden or paused. The time is written beside the live region, which speaks only when updates stop or come back.

import { byId, dataOf, first } from "./dom.js";
import { timeoutSignal } from "./http.js";

const bar = byId("freshness");
const status = first(bar, "[role=status]");
const time = first(bar, "time");
export const words = dataOf("freshness");
let etag = "";
let paused = false;
let timer = 0;
let failures = 0;
let source = () => words.source;
/** @type {(payload: any) => void} */
let show = () => {};

/**
 * @param {(payload: any) => void} onChange is given what is new
 * @param {() => string} [address] of what is asked for, when it changes
 */
export function poll(onChange, address) {
  show = onChange;
  if (address) source = address;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    refreshIfWatched();
  });
  addEventListener("online", refreshIfWatched);
  schedule();
}

/** Ask at once and anew, for another address. */
export function askAnew() {
  etag = "";
  return refresh();
}

/** @returns {boolean} whether it is paused now */
export function togglePause() {
  paused = !paused;
  clearTimeout(timer);
  if (paused) say(words.paused);
  else refresh();
  return paused;
}

function refreshIfWatched() {
  if (!document.hidden && !paused) refresh();
}

async function refresh() {
  clearTimeout(timer);
  const address = source();
  try {
    const response = await fetch(address, {
      cache: "no-store",
      headers: { Accept: "application/json", ...(etag && { "If-None-Match": etag }) },
      signal: timeoutSignal(10000),
    });
    if (response.redirected || [401, 403, 410].includes(response.status)) return end();
    if (response.status === 200) take(await response.json(), response.headers.get("ETag"), address);
    else if (response.status !== 304) throw new Error(String(response.status));
    failures = 0;
    document.body.classList.remove("away");
    time.textContent = new Date().toLocaleTimeString(`${document.documentElement.lang}-US`, { timeZone: words.zone });
    say(words.fresh);
  } catch {
    failures += 1;
    document.body.classList.add("away");
    say(words.away);
  }
  schedule();
}

/**
 * @param {any} payload
 * @param {string | null} tag
 * @param {string} address
 */
function take(payload, tag, address) {
  if (address !== source()) return; // another area was chosen meanwhile
  show(payload);
  etag = tag || "";
}

function end() {
  document.body.classList.add("away");
  say(words.signedOut);
}

// 1 to 1.5 seconds, so that many boards do not ask at once; up to half a minute while nothing answers.
function schedule() {
  const seconds = Math.min((1 + Math.random() / 2) * 2 ** Math.min(failures, 4), 30);
  clearTimeout(timer);
  if (!document.hidden && !paused) timer = setTimeout(refresh, seconds * 1000);
}

/** @param {string} text */
function say(text) {
  if (status.textContent !== text) status.textContent = text;
}
