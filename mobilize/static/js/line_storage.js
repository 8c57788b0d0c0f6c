// @ts-check
// What a line's phone stores: the list, and what waits to be sent, both encrypted (AES-GCM) under keys that no
// script can take out of the browser. A record's key lies in it, and goes when it goes. Where a page has no
// WebCrypto, as on plain http, nothing is stored, and what waits is in the page's memory.

import { clock } from "./clock.js";
import { storage } from "./storage.js";

/**
 * @typedef {{ key: CryptoKey, iv: BufferSource, data: BufferSource }} Encrypted
 * @typedef {import("./line_state.js").Item} Item
 */

export const lineStorage = {
  wipes: 0, // what was begun before a wipe is not stored after it
  /** @type {Record<string, Promise<CryptoKey> | undefined>} the list is wiped while something still waits: two keys */
  keys: {},

  /**
   * Null where the browser could not encrypt: nothing is stored in plain.
   * @param {"list" | "queue"} kind
   * @param {object} value
   */
  async encrypt(kind, value) {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    this.keys[kind] ??= crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    try {
      const [key, iv] = [await this.keys[kind], crypto.getRandomValues(new Uint8Array(12))];
      return { key, iv, data: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, bytes) };
    } catch {
      this.keys[kind] = undefined; // the next one is encrypted with a new key
      storage.failed = true;
      return null;
    }
  },

  /** @param {Encrypted} record */
  async decrypt({ key, iv, data }) {
    return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, data)));
  },

  /**
   * @param {"list" | "live"} part the people and their signature, always together, or what changes all morning:
   *   neither can put a half-read other one in its place
   * @param {string} code
   * @param {number} endsAt
   * @param {object} value
   */
  async put(part, code, endsAt, value) {
    if (!crypto.subtle) return;
    const wipes = this.wipes;
    const encrypted = await this.encrypt("list", value);
    if (!encrypted) return;
    const record = { code: `${code}/${part}`, ends: endsAt + (clock.ahead() || 0), ...encrypted };
    const putUnlessWiped = (/** @type {IDBObjectStore} */ lines) => wipes === this.wipes && lines.put(record);
    await storage.transaction("lines", "readwrite", putUnlessWiped).catch(() => {});
  },

  /**
   * Undefined where nothing is stored. Rejects where it was altered.
   * @param {"list" | "live"} part
   * @param {string} code
   */
  async get(part, code) {
    const read = storage.transaction("lines", "readonly", (lines) => lines.get(`${code}/${part}`));
    const record = await read.catch(() => {});
    return record && this.decrypt(record);
  },

  /** @param {string[]} codes */
  async wipe(codes) {
    this.wipes += 1;
    this.keys.list = undefined;
    for (const code of codes) for (const part of ["", "/list", "/live"]) await storage.remove("lines", code + part);
  },

  /**
   * @param {Item} item
   * @param {string} line its code
   */
  async putItem(item, line) {
    const { nonce } = item;
    const encrypted = crypto.subtle && (await this.encrypt("queue", item));
    if (encrypted) return storage.put("line_queue", { nonce, line, ...encrypted });
    storage.memory("line_queue").set(nonce, { nonce, line, item });
    storage.failed = true;
  },

  /**
   * @param {string[]} codes
   * @returns {Promise<Item[]>} one that cannot be decrypted is marked, and stays until a person has seen it
   */
  async items(codes) {
    const records = (await storage.all("line_queue")).filter((record) => codes.includes(record.line));
    return Promise.all(records.map((record) => record.item ?? this.decryptItem(record)));
  },

  /** @param {any} record */
  decryptItem(record) {
    return this.decrypt(record).catch(() => ({ nonce: record.nonce, at: "", unreadable: true }));
  },
};
