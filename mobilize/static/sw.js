// @ts-check
// The service worker: opens the pages of the morning without a network, check-in and line pages, with their assets
// (scripts, styles), and sends what they left when they are closed. An asset's address holds the version of all
// assets, so a cached page goes with its own release.

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const PAGES = "pages-1";
const ASSETS = "assets-1";
const VERSION = /\/static\/[0-9a-f]{10}\//;
const ASSET = /(?:\/static\/[0-9a-f]{10}\/[\w./-]+\.(?:js|css|svg)|\/colours\.css\?[0-9a-f]{6})(?=")/g;
const NETWORK_TIMEOUT = 6000; // one bar of signal may never answer; a page that was here before is better
const MAX_DELAY = 3000; // a slower answer says too little of the time
const PAGE_TTL = 14 * 86400e3;
const SYNC_DELAY = 5000; // an open page has sent it by then
const BATCH = 100;
const LATER = [401, 408, 429]; // what says nothing of the check-in itself

worker.addEventListener("install", () => worker.skipWaiting());
worker.addEventListener("activate", (event) => event.waitUntil(activate()));

async function activate() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => ![PAGES, ASSETS].includes(name)).map((name) => caches.delete(name)));
  await worker.clients.claim();
  await wipeEndedLines();
}

worker.addEventListener("message", (event) => {
  const { cache, uncache } = event.data;
  if (cache) event.waitUntil(cachePage(cache, event.source));
  if (uncache) event.waitUntil(caches.open(PAGES).then((pages) => pages.delete(uncache)));
});

/**
 * Never a page without its assets: where one of them does not come, the page from before stays.
 * @param {{ page: string, key: string, html?: string }} what the page's address, the one it is found under, and the
 *   page itself where it is there: its headers are asked for, and the time
 * @param {ExtendableMessageEvent["source"]} client
 */
async function cachePage({ page, key, html }, client) {
  const begun = performance.now();
  const response = await fetch(page, { method: html ? "HEAD" : "GET", headers: { Accept: "text/html" } });
  if (performance.now() - begun < MAX_DELAY) client?.postMessage({ date: response.headers.get("Date") });
  if (!response.ok) return;
  const text = html || (await response.text());
  const assets = new Set(text.match(ASSET));
  const fetched = await Promise.all([...assets].map((asset) => fromCache(new Request(asset))));
  if (!fetched.every(isCacheable)) return;
  await (await caches.open(PAGES)).put(key, new Response(text, { headers: response.headers }));
  await evict();
}

// Pages nobody has opened for long, and the assets of releases that no cached page is of any more.
async function evict() {
  const pages = await caches.open(PAGES);
  const versions = new Set();
  for (const key of await pages.keys()) {
    const page = await pages.match(key);
    const cachedAt = Date.parse(page?.headers.get("Date") ?? "");
    if (Date.now() - cachedAt > PAGE_TTL) await pages.delete(key);
    else versions.add(VERSION.exec((await page?.text()) ?? "")?.[0]);
  }
  const assets = await caches.open(ASSETS);
  for (const { url } of await assets.keys()) {
    const version = VERSION.exec(url)?.[0];
    if (version && !versions.has(version)) await assets.delete(url);
  }
}

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.mode === "navigate") event.waitUntil(wipeEndedLines());
  if (request.method !== "GET" || url.origin !== location.origin) return;
  const key = request.mode === "navigate" && pageKey(url.pathname);
  if (url.pathname === "/colours.css" || VERSION.test(url.pathname)) event.respondWith(fromCache(request));
  else if (key) event.respondWith(fromNetwork(request, key));
});

/**
 * /C/ABC, /c/abc and /c/ABC/<rotating> are one page; a member's own is /p/ABC/<letters>.
 * @param {string} path
 */
function pageKey(path) {
  const match = /^\/(?:(c|line)\/([^/]+)|(p)\/([^/]+)\/([^/]+))/i.exec(path);
  if (!match) return null;
  const [kind, ...names] = match.slice(1).filter(Boolean);
  const normalized = names.map((name) => decodeURIComponent(name).replace(/[^0-9a-z]/gi, "").toUpperCase());
  return ["", kind.toLowerCase(), ...normalized].join("/");
}

/** @param {Request} request */
async function fromCache(request) {
  const assets = await caches.open(ASSETS);
  const cached = await assets.match(request);
  if (cached) return cached;
  const response = await fetch(request);
  if (isCacheable(response)) await assets.put(request, response.clone());
  return response;
}

/**
 * Under the address of another release the server sends what it has, to be used once.
 * @param {Response} response
 */
function isCacheable(response) {
  return response.ok && !response.headers.get("Cache-Control")?.includes("no-cache");
}

/**
 * @param {Request} request
 * @param {string} key
 */
async function fromNetwork(request, key) {
  const cached = await (await caches.open(PAGES)).match(key);
  if (!cached) return fetch(request);
  /** @type {Promise<null>} */
  const timeout = new Promise((resolve) => setTimeout(resolve, NETWORK_TIMEOUT, null));
  const response = await Promise.race([fetch(request).catch(() => null), timeout]);
  // A line that has ended opens without its names, for what this phone could not send yet.
  return response && response.status < 500 && response.status !== 403 ? response : cached;
}

worker.addEventListener("sync", (/** @type {any} */ event) => {
  event.waitUntil(new Promise((resolve) => setTimeout(resolve, SYNC_DELAY)).then(sendWaiting));
});

// Rejects where the network is gone again: the browser tries later. What the server has something against stays,
// until a page is opened and says it. Whatever is sent twice has its nonce, and counts once.
async function sendWaiting() {
  const database = await openDatabase();
  if (!database) return;
  try {
    for (const item of await all(database, "check_in_queue")) if (!item.why) await sendCheckIn(database, item);
    // Photos beside a head count (`CODE/photos`) are sent by their page, after the counts.
    const records = (await all(database, "line_queue")).filter(({ line }) => !line.includes("/"));
    for (const line of new Set(records.map((record) => record.line))) {
      const waiting = records.filter((record) => record.line === line && record.data);
      for (let n = 0; n < waiting.length; n += BATCH) await sendItems(database, line, waiting.slice(n, n + BATCH));
    }
  } finally {
    database.close();
  }
}

/**
 * As `check_in_queue.js` does.
 * @param {IDBDatabase} database
 * @param {any} item
 */
async function sendCheckIn(database, item) {
  const { nonce, code, page, typed } = item;
  const result = await post(page || "/c/" + code, payloadOf(item));
  if (result?.nonce !== nonce || !result.stored) return;
  const ending = typed && "…" + typed.trim().slice(-3);
  const receipt = { code, page: result.page, at: Date.now(), typed: ending, unseen: true };
  await inStore(database, "receipts", (store) => store.put(receipt));
  await inStore(database, "check_in_queue", (store) => store.delete(nonce));
}

/**
 * As `line_queue.js` does: what was sent stays on the phone, encrypted, until the line has ended.
 * @param {IDBDatabase} database
 * @param {string} line
 * @param {any[]} records
 */
async function sendItems(database, line, records) {
  const decrypted = await Promise.all(records.map(decrypt));
  const items = decrypted.filter((item) => item && !item.why).map(payloadOf);
  const result = items.length && (await post(`/line/${line}/items`, { items }));
  const list = await inStore(database, "lines", (store) => store.get(line + "/live"));
  const ends = list?.ends ?? Date.now() + 86400e3;
  for (const { nonce, stored, why } of result?.items ?? []) {
    const record = records.find((one) => one.nonce === nonce);
    if (!record || !stored || why) continue;
    const { key, iv, data } = record;
    const sent = { code: `${line}/sent/${nonce}`, ends, epoch: "", key, iv, data };
    await inStore(database, "lines", (store) => store.put(sent));
    await inStore(database, "line_queue", (store) => store.delete(nonce));
  }
}

/** @param {any} record */
async function decrypt({ key, iv, data }) {
  try {
    return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, data)));
  } catch {
    return null; // the page says that it cannot be read
  }
}

/**
 * As `clock.js` has it for a page that was opened anew.
 * @param {any} item
 */
function payloadOf({ monotonic: _m, session: _s, code: _c, page: _p, line: _l, why: _w, ahead, ...item }) {
  return ahead == null ? item : { ...item, ahead_ms: ahead };
}

/**
 * Null where the server has something against it.
 * @param {string} url
 * @param {object} payload
 */
async function post(url, payload) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  const body = JSON.stringify({ ...payload, sent_at: new Date().toISOString() });
  const response = await fetch(url, { method: "POST", headers, body });
  if (response.status >= 500 || LATER.includes(response.status)) throw new Error(String(response.status));
  return response.ok ? response.json() : null;
}

/**
 * @param {IDBDatabase} database
 * @param {string} name
 * @returns {Promise<any[]>}
 */
function all(database, name) {
  return inStore(database, name, (store) => store.getAll());
}

/**
 * @param {IDBDatabase} database
 * @param {string} name
 * @param {(store: IDBObjectStore) => IDBRequest} work
 * @returns {Promise<any>}
 */
function inStore(database, name, work) {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(name, "readwrite");
    const request = work(transaction.objectStore(name));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

// Names of a line that has ended leave this phone with the next visit to any page of ours.
async function wipeEndedLines() {
  const database = await openDatabase();
  if (!database) return;
  const transaction = database.transaction("lines", "readwrite");
  const lines = transaction.objectStore("lines");
  const request = lines.getAll();
  request.onsuccess = () => {
    for (const { code, ends } of request.result) if (ends < Date.now()) lines.delete(code);
  };
  await new Promise((resolve) => (transaction.oncomplete = transaction.onabort = resolve));
  database.close();
}

/** @returns {Promise<IDBDatabase | null>} null where nothing was ever stored here */
function openDatabase() {
  return new Promise((resolve) => {
    const request = indexedDB.open("mobilize");
    request.onupgradeneeded = () => request.transaction?.abort();
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(null);
  });
}
