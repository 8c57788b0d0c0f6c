// What a line's phone keeps: the list, and what waits to be sent, both encrypted (AES-GCM) under keys that no
// script can take out of the browser. A record's key lies in it, and goes when it goes. Where a page has no
// WebCrypto, as on plain http, nothing is kept, and what waits is in the page's memory.
"use strict";

const lineStore = {
  wiped: 0, // what was begun before a wipe is not kept after it
  keys: {}, // the list's and the queue's differ: the list is wiped while something still waits

  // Null where the browser could not encrypt: nothing is kept in plain.
  async seal(kind, value) {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    this.keys[kind] ??= crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    try {
      const [key, iv] = [await this.keys[kind], crypto.getRandomValues(new Uint8Array(12))];
      return { key, iv, data: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, bytes) };
    } catch {
      this.keys[kind] = undefined; // the next one is sealed with a new key
      store.failed = true;
      return null;
    }
  },

  async unseal({ key, iv, data }) {
    return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, data)));
  },

  // `part` is "list" (the people and their signature, always together) or "live" (what changes all morning), so
  // that neither can put a half-read other one in its place.
  async keep(part, code, ends, value) {
    if (!crypto.subtle) return;
    const wiped = this.wiped;
    const sealed = await this.seal("list", value);
    if (!sealed) return;
    const record = { code: `${code}/${part}`, ends: ends + (taps.ahead() || 0), ...sealed };
    await store.in("lines", "readwrite", (kept) => wiped === this.wiped && kept.put(record)).catch(() => {});
  },

  // What was kept; undefined where nothing is. Throws where it was altered.
  async read(part, code) {
    const record = await store.in("lines", "readonly", (kept) => kept.get(`${code}/${part}`)).catch(() => {});
    return record && this.unseal(record);
  },

  async wipe(codes) {
    this.wiped += 1;
    this.keys.list = undefined;
    for (const code of codes) for (const part of ["", "/list", "/live"]) await store.remove("lines", code + part);
  },

  async keepDeed(item, line) {
    const { nonce } = item;
    const sealed = crypto.subtle && (await this.seal("queue", item));
    if (sealed) return store.put("deeds", { nonce, line, ...sealed });
    store.memory("deeds").set(nonce, { nonce, line, item });
    store.failed = true;
  },

  async deeds(codes) {
    const records = (await store.all("deeds")).filter((one) => codes.includes(one.line));
    return Promise.all(records.map((one) => one.item ?? (one.data ? this.readDeed(one) : one)));
  },

  // One that cannot be decrypted is said to a person, and stays until they have seen it.
  readDeed(record) {
    return this.unseal(record).catch(() => ({ nonce: record.nonce, at: "", unreadable: true }));
  },
};

// The page that says that the line was handed over wipes it.
const over = document.querySelector("[data-wipe]");
if (over) lineStore.wipe(over.dataset.wipe.split(" "));
