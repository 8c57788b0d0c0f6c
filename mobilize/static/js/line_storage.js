// @ts-check
// What a line's phone stores: the list, what waits to be sent, and until the day's end what was sent, since a server
// that was put back from a backup asks for it again. All encrypted (AES-GCM) under keys that no script can take out
// of the browser. A record's key lies in it, and goes when it goes. Where a page has no
// WebCrypto, as on plain http, nothing is stored, and what waits is in the page's memory.

import { clock } from "./clock.js";
import { storage } from "./storage.js";

/**
 * @typedef {{ key: CryptoKey, iv: BufferSource, data: BufferSource }} Encrypted
 * @typedef {import("./line_state.js").Item} Item
 */

const SENT = "/sent/";

export const lineStorage = {
  /** @type {Map<string, { epoch: string, item: Item }>} by nonce, where nothing can be encrypted */
  sentInMemory: new Map(),
  wipes: 0, // what was begun before a wipe is not stored after it
  /** @type {Record<string, Promise<CryptoKey> | undefined>} the list is wiped while something still waits: two keys */
  keys: {},

  /**
   * Null where the browser could not encrypt: nothing is stored in plain.
   * @param {"list" | "queue" | "sent"} kind
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
   * What the server has acknowledged; gone when the line has ended (the service worker looks, too).
   * @param {Item[]} items
   * @param {string} line its code
   * @param {string} epoch the server's at that time
   * @param {number} endsAt
   */
  async putSent(items, line, epoch, endsAt) {
    const ends = endsAt + (clock.ahead() || 0);
    if (!crypto.subtle) for (const item of items) this.sentInMemory.set(item.nonce, { epoch, item });
    const encrypted = crypto.subtle ? await Promise.all(items.map((item) => this.encrypt("sent", item))) : [];
    const records = encrypted.map((one, n) => one && { code: `${line}${SENT}${items[n].nonce}`, ends, epoch, ...one });
    const put = (/** @type {IDBObjectStore} */ lines) => {
      for (const record of records) if (record) lines.put(record);
      return /** @type {const} */ (false);
    };
    if (records.length) await storage.transaction("lines", "readwrite", put).catch(() => {});
  },

  /**
   * What was acknowledged in another epoch than this one: the server may have lost it.
   * @param {string[]} codes
   * @param {string} epoch
   * @returns {Promise<Item[]>}
   */
  async sentBefore(codes, epoch) {
    const records = (await this.sentRecords(codes)).filter((record) => record.epoch !== epoch);
    const items = await Promise.all(records.map((record) => this.decrypt(record).catch(() => null)));
    const inMemory = [...this.sentInMemory.values()].filter((one) => one.epoch !== epoch).map(({ item }) => item);
    return [...items.filter(Boolean), ...inMemory];
  },

  /** @param {string[]} codes */
  async wipeSent(codes) {
    this.sentInMemory.clear();
    for (const { code } of await this.sentRecords(codes)) await storage.remove("lines", code);
  },

  /**
   * @param {string[]} codes
   * @returns {Promise<any[]>}
   */
  async sentRecords(codes) {
    const records = await storage.transaction("lines", "readonly", (lines) => lines.getAll()).catch(() => []);
    return records.filter((/** @type {any} */ { code }) => codes.some((one) => code.startsWith(one + SENT)));
  },

  /**
   * @param {{ nonce: string, [key: string]: unknown }} item
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
