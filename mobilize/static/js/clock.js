// @ts-check
// The time of a tap, on a phone whose clock may be wrong: see `phone_clocks.py`. The monotonic clock ends with the
// page, and may stand still while the page is out of sight.

import { newNonce } from "./storage.js";

/**
 * @typedef {object} Stamp
 * @property {string} at by this phone's own clock
 * @property {number} monotonic
 * @property {string} session of the page whose monotonic clock it is
 * @property {number | null} ahead
 */

export const clock = {
  session: newNonce(),
  syncedAt: -1,
  hiddenAt: document.hidden ? Infinity : -1,
  offset: 0, // what the server's clock is ahead of this page's monotonic one, in ms

  /** True when the server's time is known, and the page was never out of sight since. */
  isSynced() {
    return this.syncedAt > this.hiddenAt;
  },

  /** The server's time as well as this phone knows it, in ms. */
  now() {
    return this.isSynced() ? this.offset + performance.now() : Date.now() - (this.ahead() || 0);
  },

  /** How far this phone's clock was ahead of the server's at the last sync, in ms; null if there was none. */
  ahead() {
    try {
      return localStorage.ahead ? Number(localStorage.ahead) : null;
    } catch {
      return null;
    }
  },

  /** @param {number} now the server's time in ms; NaN or 0 where it was not sent */
  sync(now) {
    if (!now) return;
    this.syncedAt = performance.now();
    this.offset = now - this.syncedAt;
    this.storeAhead();
  },

  storeAhead() {
    try {
      if (this.isSynced()) localStorage.ahead = Math.round(Date.now() - this.now());
    } catch {} // a browser that keeps nothing
  },

  /** @returns {Stamp} */
  stamp() {
    this.storeAhead();
    const at = new Date().toISOString();
    return { at, monotonic: performance.now(), session: this.session, ahead: this.ahead() };
  },

  /**
   * What is sent of a stamped item: how long ago it was, where this page still knows.
   * @param {Record<string, any>} item
   * @returns {Record<string, any>}
   */
  payloadOf({ monotonic, session, ahead, line: _line, why: _why, ...item }) {
    if (ahead != null) item.ahead_ms = ahead;
    if (session !== clock.session) return item;
    return { ...item, age_ms: Math.round(performance.now() - monotonic), awake: monotonic > clock.hiddenAt };
  },
};

document.addEventListener("visibilitychange", () => {
  clock.hiddenAt = document.hidden ? Infinity : performance.now();
});
