// What these pages keep on the phone: a small database of its own, so that a killed browser loses nothing.
"use strict";

const store = {
  opened: null,

  open() {
    this.opened ??= new Promise((done, failed) => {
      const asked = indexedDB.open("mobilize", 1);
      asked.onupgradeneeded = () => {
        asked.result.createObjectStore("queue", { keyPath: "nonce" });
        asked.result.createObjectStore("deeds", { keyPath: "nonce" }).createIndex("line", "line");
        asked.result.createObjectStore("receipts", { keyPath: "code" });
        asked.result.createObjectStore("lines", { keyPath: "code" });
      };
      asked.onsuccess = () => done(asked.result);
      asked.onerror = () => failed(asked.error);
    });
    return this.opened;
  },

  // Strict: the answer comes when it is on the disk, since the next thing may be an empty battery.
  async in(name, mode, work) {
    const database = await this.open();
    return new Promise((done, failed) => {
      const deed = database.transaction(name, mode, { durability: "strict" });
      const asked = work(deed.objectStore(name));
      deed.oncomplete = () => done(asked.result);
      deed.onabort = () => failed(deed.error);
    });
  },

  put: (name, value) => store.in(name, "readwrite", (kept) => kept.put(value)),
  get: (name, key) => store.in(name, "readonly", (kept) => kept.get(key)),
  all: (name) => store.in(name, "readonly", (kept) => kept.getAll()),
  remove: (name, key) => store.in(name, "readwrite", (kept) => kept.delete(key)),

  nonce() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  },
};

// A page opened once opens again without a network.
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/sw.js").catch(() => {});

// `page` is what opens, `as` the address it is found under.
async function keepForLater(page, as) {
  const parts = [...document.querySelectorAll("link[href][rel~=stylesheet], link[href][rel~=icon], script[src]")];
  const worker = await navigator.serviceWorker?.ready;
  worker?.active?.postMessage({ keep: { page, as, parts: parts.map((part) => part.href || part.src) } });
}
