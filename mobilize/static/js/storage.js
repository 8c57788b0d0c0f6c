// @ts-check
// The pages' database on the phone (IndexedDB), so that a killed browser loses nothing. Where the browser keeps
// nothing (private mode, a full disk) records are held in memory, and `storage.failed` is true.

const NAME = "mobilize";
const BY_NONCE = ["check_in_queue", "line_queue"];
const BY_CODE = ["receipts", "lines"];
const TIMEOUT = 3000;

/**
 * @typedef {Record<string, any>} StoredRecord has a `nonce` or a `code`, its key
 * @typedef {(store: IDBObjectStore) => IDBRequest | false} Work
 */

/** @param {StoredRecord} record */
const keyOf = (record) => record.nonce ?? record.code;

export const storage = {
  /** @type {Promise<IDBDatabase> | null} */
  database: null,
  failed: false,
  answers: true, // false from the first time that nobody could wait for it any longer, until it answers
  /** @type {Record<string, Map<string, StoredRecord>>} */
  maps: {},

  open() {
    this.database ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => {
        for (const name of BY_NONCE) request.result.createObjectStore(name, { keyPath: "nonce" });
        for (const name of BY_CODE) request.result.createObjectStore(name, { keyPath: "code" });
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    return this.database;
  },

  /**
   * Strict: resolves when it is on the disk, since the next thing may be an empty battery. A connection that the
   * browser has closed meanwhile is opened once more.
   * @param {string} name
   * @param {IDBTransactionMode} mode
   * @param {Work} work
   * @returns {Promise<any>}
   */
  async transaction(name, mode, work, retry = true) {
    try {
      const database = await this.open();
      return await new Promise((resolve, reject) => {
        const transaction = database.transaction(name, mode, { durability: "strict" });
        const request = work(transaction.objectStore(name));
        transaction.oncomplete = () => resolve(request && request.result);
        transaction.onabort = () => reject(transaction.error);
      });
    } catch (error) {
      this.database = null;
      if (!retry) throw error;
      return this.transaction(name, mode, work, false);
    }
  },

  /**
   * Rejects after seconds, and at once where it did not answer the last time: some browsers' databases never do.
   * The work itself goes on.
   * @param {Promise<any>} work
   * @returns {Promise<any>}
   */
  inTime(work) {
    work.then(() => (this.answers = true)).catch(() => {});
    return new Promise((resolve, reject) => {
      const giveUp = () => reject((this.answers = false));
      const timer = setTimeout(giveUp, this.answers ? TIMEOUT : 0);
      work.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  },

  /** @param {string} name */
  memory: (name) => (storage.maps[name] ??= new Map()),

  /**
   * Never rejects: what the database does not take within seconds is still in this page.
   * @param {string} name
   * @param {StoredRecord} record
   */
  async put(name, record) {
    this.memory(name).set(keyOf(record), record);
    const stored = this.inTime(this.transaction(name, "readwrite", (store) => store.put(record)));
    this.failed = await stored.then(() => false, () => true);
  },

  /** @param {string} name */
  async all(name) {
    const inMemory = [...this.memory(name).values()];
    /** @type {StoredRecord[]} */
    const onDisk = await this.inTime(this.transaction(name, "readonly", (store) => store.getAll())).catch(() => []);
    const keys = new Set(inMemory.map(keyOf));
    return [...onDisk.filter((record) => !keys.has(keyOf(record))), ...inMemory];
  },

  /**
   * @param {string} name
   * @param {string} key
   */
  async get(name, key) {
    const read = () => this.inTime(this.transaction(name, "readonly", (store) => store.get(key))).catch(() => {});
    return this.memory(name).get(key) ?? read();
  },

  /**
   * @param {string} name
   * @param {string} key
   */
  async remove(name, key) {
    this.memory(name).delete(key);
    await this.inTime(this.transaction(name, "readwrite", (store) => store.delete(key))).catch(() => {});
  },
};

/** An idempotency key: what is sent twice is stored once. */
export function newNonce() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
