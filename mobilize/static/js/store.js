// What these pages keep on the phone: a small database of its own, so that a killed browser loses nothing. Where
// the browser keeps nothing (private mode, a full disk) it is held in memory, and `store.failed` says so.
"use strict";

const store = {
  opened: null,
  failed: false,
  held: {},

  open() {
    this.opened ??= new Promise((done, failed) => {
      const asked = indexedDB.open("mobilize", 1);
      asked.onupgradeneeded = () => {
        for (const name of ["queue", "deeds"]) asked.result.createObjectStore(name, { keyPath: "nonce" });
        for (const name of ["receipts", "lines"]) asked.result.createObjectStore(name, { keyPath: "code" });
      };
      asked.onsuccess = () => done(asked.result);
      asked.onerror = () => failed(asked.error);
    });
    return this.opened;
  },

  // Strict: the answer comes when it is on the disk, since the next thing may be an empty battery.
  // A connection that the browser has closed meanwhile is opened once more.
  async in(name, mode, work, again = true) {
    try {
      const database = await this.open();
      return await new Promise((done, failed) => {
        const change = database.transaction(name, mode, { durability: "strict" });
        const asked = work(change.objectStore(name));
        change.oncomplete = () => done(asked.result);
        change.onabort = () => failed(change.error);
      });
    } catch (error) {
      this.opened = null;
      if (!again) throw error;
      return this.in(name, mode, work, false);
    }
  },

  memory: (name) => (store.held[name] ??= new Map()),

  // Never refused: what the database does not take within seconds is still in this page.
  async put(name, value) {
    const memory = this.memory(name);
    memory.set(value.nonce ?? value.code, value);
    const late = new Promise((_done, failed) => setTimeout(failed, 3000));
    this.failed = await Promise.race([this.in(name, "readwrite", (kept) => kept.put(value)), late]).then(() => false, () => true);
  },

  async all(name) {
    const held = [...this.memory(name).values()];
    const kept = await this.in(name, "readonly", (all) => all.getAll()).catch(() => []);
    const names = new Set(held.map((one) => one.nonce ?? one.code));
    return [...kept.filter((one) => !names.has(one.nonce ?? one.code)), ...held];
  },

  get: async (name, key) => store.memory(name).get(key) ?? store.in(name, "readonly", (kept) => kept.get(key)).catch(() => {}),

  async remove(name, key) {
    this.memory(name).delete(key);
    await this.in(name, "readwrite", (kept) => kept.delete(key)).catch(() => {});
  },

  nonce() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  },
};

// Gives a request up, its body too. Old phones have no AbortSignal.timeout.
function timeoutSignal(ms) {
  const control = new AbortController();
  setTimeout(() => control.abort(), ms);
  return control.signal;
}

// The time of a tap, on a phone whose clock may be wrong: see `phone_clocks.py`. The steady clock ends with the
// page, and may stand still while the page is out of sight.
const taps = {
  page: store.nonce(),
  heard: -1,
  hidden: document.hidden ? Infinity : -1,
  lead: null, // what our server's clock is ahead of this page's steady one, in ms

  now() {
    return this.heard > this.hidden ? this.lead + performance.now() : Date.now() - (this.ahead() || 0);
  },

  // How far this phone's clock was ahead of the server's when it was last heard; null if it never was.
  ahead() {
    try {
      return localStorage.ahead ? Number(localStorage.ahead) : null;
    } catch {
      return null;
    }
  },

  learn(now) {
    if (!now) return;
    this.heard = performance.now();
    this.lead = now - this.heard;
    this.note();
  },

  note() {
    try {
      if (this.heard > this.hidden) localStorage.ahead = Math.round(Date.now() - this.now());
    } catch {} // a browser that keeps nothing
  },

  mark() {
    this.note();
    return { at: new Date().toISOString(), steady: performance.now(), of: this.page, ahead: this.ahead() };
  },

  // What is sent of a marked item.
  sent({ steady, of, ahead, line, why, ...item }) {
    if (ahead != null) item.ahead_ms = ahead;
    if (of !== taps.page) return item;
    return { ...item, age_ms: Math.round(performance.now() - steady), awake: steady > taps.hidden };
  },
};

document.addEventListener("visibilitychange", () => (taps.hidden = document.hidden ? Infinity : performance.now()));

// A page opened once opens again without a network. The worker says what time it is when it has fetched it.
if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("/sw.js").catch(() => {});
  navigator.serviceWorker.addEventListener("message", ({ data }) => taps.heard < 0 && taps.learn(Date.parse(data.date)));
}

// `page` is what opens, `as` the address it is found under, `more` what it needs besides what it names.
async function keepForLater(page, as, more = []) {
  const parts = [...document.querySelectorAll("link[href][rel~=stylesheet], link[href][rel~=icon], script[src]")];
  const worker = await navigator.serviceWorker?.ready;
  worker?.active?.postMessage({ keep: { page, as, parts: [...parts.map((part) => part.href || part.src), ...more] } });
}
