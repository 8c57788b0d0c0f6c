// @ts-check
// The live board: asks every 2-3 seconds whether anything changed, and puts the new tables in place of the old.
// Rests while the page is hidden or paused. Without this script the page is complete, and a link counts again.
// The time is written beside the live region, which speaks only when updates stop or come back.

import { byId, create, dataOf, first } from "./dom.js";
import { timeoutSignal } from "./http.js";

const bar = byId("freshness");
const board = byId("board");
const status = first(bar, "[role=status]");
const time = first(bar, "time");
const words = dataOf("freshness");
const pause = create("button", "button quiet", words.pause);
let etag = "";
let paused = false;
let timer = 0;
let failures = 0;

pause.setAttribute("type", "button");
pause.addEventListener("click", togglePause);
first(bar, "a").replaceWith(pause);
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  refreshIfWatched();
});
addEventListener("online", refreshIfWatched);
schedule();

function togglePause() {
  paused = !paused;
  pause.textContent = paused ? words.resume : words.pause;
  if (!paused) return void refresh();
  clearTimeout(timer);
  say(words.paused);
}

function refreshIfWatched() {
  if (!document.hidden && !paused) refresh();
}

async function refresh() {
  clearTimeout(timer);
  try {
    const response = await fetch(words.source, {
      cache: "no-store",
      headers: { Accept: "application/json", ...(etag && { "If-None-Match": etag }) },
      signal: timeoutSignal(10000),
    });
    if (response.redirected || [401, 403, 410].includes(response.status)) return say(words.signedOut);
    if (response.status === 200) show((await response.json()).html, response.headers.get("ETag"));
    else if (response.status !== 304) throw new Error(String(response.status));
    failures = 0;
    time.textContent = new Date().toLocaleTimeString(`${document.documentElement.lang}-US`, { timeZone: words.zone });
    say(words.fresh);
  } catch {
    failures += 1;
    say(words.away);
  }
  schedule();
}

// 2 to 3 seconds, so that many boards do not ask at once; up to half a minute while nothing answers.
function schedule() {
  const seconds = Math.min((2 + Math.random()) * 2 ** Math.min(failures, 4), 30);
  clearTimeout(timer);
  if (!document.hidden && !paused) timer = setTimeout(refresh, seconds * 1000);
}

/**
 * What was opened stays open, and the focus stays where it was.
 * @param {string} html
 * @param {string | null} tag
 */
function show(html, tag) {
  const open = [...board.querySelectorAll("details")].map((details) => details.open);
  const { activeElement } = document;
  const focused = board.contains(activeElement) ? activeElement?.getAttribute("href") : null;
  board.innerHTML = html;
  board.querySelectorAll("details").forEach((details, n) => (details.open = Boolean(open[n])));
  const link = focused && [...board.querySelectorAll("a")].find((one) => one.getAttribute("href") === focused);
  if (link) link.focus({ preventScroll: true });
  etag = tag || "";
}

/** @param {string} text */
function say(text) {
  if (status.textContent !== text) status.textContent = text;
}
