// @ts-check
// What the line page asks the server: the figures, the time, and whether this phone's link still stands.

import { clock } from "./clock.js";
import { abortAfter } from "./http.js";
import { changed, codes, isOver, page, report, state } from "./line_state.js";
import { lineStorage } from "./line_storage.js";
import { uncachePage } from "./offline.js";

const MAX_DELAY = 3000; // a slower answer says too little of the time
const SYNCED_FOR = 60000;
const HELD = 1000; // an answer that took this long was held back until something changed, or for nothing

let looking = new AbortController();

/**
 * Asks what the line looks like now; where nothing changed the answer may come seconds later, or as soon as it does.
 * @returns {Promise<number>} after how many milliseconds to ask again
 */
export async function refresh() {
  const later = 3000 + Math.random() * 1500;
  if (state.ended) return later;
  if (isOver()) return endLine().then(() => later);
  looking.abort(); // one answer at a time: an older one must not be drawn over a newer
  looking = new AbortController();
  const before = state.confirmed;
  const begun = performance.now();
  // An answer that is held back does not tell the time.
  const waits = state.etag && clock.isSynced() && begun - clock.syncedAt < SYNCED_FOR;
  try {
    const response = await fetch(page.state, {
      headers: {
        Accept: "application/json",
        ...(state.etag && { "If-None-Match": state.etag }),
        ...(waits && { Prefer: "wait" }),
      },
      cache: "no-store",
      signal: abortAfter(looking, 20000),
    });
    if (response.status === 403) return endLine().then(() => later);
    if (!waits) syncClock(response, begun);
    if (response.status === 304) return performance.now() - begun > HELD ? Math.random() * 500 : later;
    if (response.status !== 200) return later;
    const figures = await response.json();
    state.etag = response.headers.get("ETag") || "";
    state.confirmed = state.confirmed.filter((item) => !before.includes(item));
    if (state.ended) return later; // while this answer was on its way: nothing is stored any more
    takeFigures(figures);
  } catch {
    return later;
  }
  changed();
  return 500 + Math.random() * 500;
}

/**
 * @param {Response} response
 * @param {number} begun
 */
export function syncClock(response, begun) {
  const delay = performance.now() - begun;
  const now = Number(response.headers.get("X-Now"));
  if (now && delay < MAX_DELAY) clock.sync(now + delay / 2);
}

/** @param {import("./line_state.js").Figures} figures */
function takeFigures(figures) {
  const { key = "", address = "" } = figures;
  const { rotating } = state.cached;
  state.cached.figures = state.figures = figures;
  // The same object for the same key: there is another one where some phone's link has ended.
  if (rotating?.key !== key || rotating?.address !== address) state.cached.rotating = { key, address };
  lineStorage.put("live", page.code, state.endsAt, state.cached);
}

/** The last figures and the rotating code's key, until the server gives newer ones. */
export async function loadFigures() {
  const live = (await lineStorage.get("live", page.code).catch(() => null)) || {};
  if (state.ended) return;
  const { figures, rotating } = state.cached;
  state.cached = { figures: figures || live.figures || null, rotating: rotating || live.rotating || null };
}

/** The day is over, or the link was taken back: no name stays on this phone. What waits does. */
export async function endLine() {
  const isFirst = !state.ended;
  state.ended = true;
  state.cached.figures = state.cached.rotating = null;
  state.people = [];
  document.getElementById("names")?.replaceChildren();
  document.getElementById("who")?.replaceChildren();
  if (isFirst) report(page.ended);
  await lineStorage.wipe(codes);
  if (isOver()) await lineStorage.wipeSent(codes);
  changed();
  if (state.queue.length === 0) for (const code of codes) uncachePage("/line/" + code);
}
