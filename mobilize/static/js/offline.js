// @ts-check
// A page that was opened once opens again without a network: the service worker (`sw.js`) caches it with all it
// names, and sends what waits when it is closed. The worker says what time it is when it has fetched the page.

import { clock } from "./clock.js";

if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("/sw.js").catch(() => {});
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    if (clock.syncedAt < 0) clock.sync(Date.parse(data.date));
  });
}

/** @param {object} message */
async function tellWorker(message) {
  const worker = await navigator.serviceWorker?.ready;
  worker?.active?.postMessage(message);
}

/**
 * @param {string} page what opens
 * @param {string} key the address it is found under
 * @param {string} [html] where the page is here already, as it was sent
 */
export const cachePage = (page, key, html) => tellWorker({ cache: { page, key, html } });

/** @param {string} key */
export const uncachePage = (key) => tellWorker({ uncache: key });

/** Whether the browser sends what waits when every page is closed (Background Sync). */
export const background = { sends: false };

/**
 * What was put down is neither cleared away for room, nor does it need an open page, where the browser can do that.
 * Never rejects, and does not wait for a worker that will not come.
 */
export async function keepForLater() {
  navigator.storage?.persist?.().catch(() => {});
  try {
    const registration = /** @type {any} */ (await navigator.serviceWorker.ready);
    await registration.sync.register("send");
    background.sends = true;
  } catch {} // no such browser, or the reader does not allow it
}
