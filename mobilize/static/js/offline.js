// @ts-check
// A page that was opened once opens again without a network: the service worker (`sw.js`) caches it with all it
// names. The worker says what time it is when it has fetched the page.

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
 */
export const cachePage = (page, key) => tellWorker({ cache: { page, key } });

/** @param {string} key */
export const uncachePage = (key) => tellWorker({ uncache: key });
