// Opens the pages of the morning without a network: check-in and line pages, and what they are drawn with.
"use strict";

const PAGES = "pages-1";
const PARTS = "parts-1";
const PATIENCE = 6000; // one bar of signal may never answer; a page that was here before is better

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(begin()));

async function begin() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => ![PAGES, PARTS].includes(name)).map((name) => caches.delete(name)));
  await clients.claim();
  await wipeEnded();
}

// A page asks for itself, and for the parts it was drawn with before this worker was there.
addEventListener("message", (event) => {
  if (event.data.keep) event.waitUntil(keep(event.data.keep, event.source));
  if (event.data.drop) event.waitUntil(caches.open(PAGES).then((pages) => pages.delete(event.data.drop)));
});

async function keep({ page, as, parts }, client) {
  await Promise.all(parts.map((part) => fromCache(new Request(part))));
  const asked = performance.now();
  const answer = await fetch(page, { headers: { Accept: "text/html" } });
  if (performance.now() - asked < 3000) client?.postMessage({ date: answer.headers.get("Date") });
  if (answer.ok) await (await caches.open(PAGES)).put(as, answer);
}

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.mode === "navigate") event.waitUntil(wipeEnded());
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname === "/colours.css" || (url.pathname.startsWith("/static/") && url.search)) {
    event.respondWith(fromCache(request));
  } else if (request.mode === "navigate" && pageKey(url.pathname)) {
    event.respondWith(fromNetwork(request, pageKey(url.pathname)));
  }
});

// /C/ABC, /c/abc and /c/ABC/<rotating> are one page; a member's own is /p/ABC/<letters>.
function pageKey(path) {
  const found = /^\/(?:(c|line)\/([^/]+)|(p)\/([^/]+)\/([^/]+))/i.exec(path);
  if (!found) return null;
  const [kind, ...names] = found.slice(1).filter(Boolean);
  const read = (name) => decodeURIComponent(name).replace(/[^0-9a-z]/gi, "").toUpperCase();
  return ["", kind.toLowerCase(), ...names.map(read)].join("/");
}

async function fromCache(request) {
  const parts = await caches.open(PARTS);
  const kept = await parts.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await parts.put(request, answer.clone());
  return answer;
}

async function fromNetwork(request, key) {
  const kept = await (await caches.open(PAGES)).match(key);
  if (!kept) return fetch(request);
  const waited = new Promise((done) => setTimeout(done, PATIENCE));
  const answer = await Promise.race([fetch(request).catch(() => null), waited]);
  // A line that has ended opens without its names, for what this phone could not send yet.
  return answer && answer.status < 500 && answer.status !== 403 ? answer : kept;
}

// Names of a line that has ended leave this phone with the next visit to any page of ours.
async function wipeEnded() {
  const database = await new Promise((done) => {
    const asked = indexedDB.open("mobilize");
    asked.onupgradeneeded = () => asked.transaction.abort(); // nothing was ever kept here
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => done(null);
  });
  if (!database) return;
  const wiping = database.transaction("lines", "readwrite");
  const lines = wiping.objectStore("lines");
  lines.getAll().onsuccess = ({ target }) => {
    for (const { code, ends } of target.result) if (ends < Date.now()) lines.delete(code);
  };
  await new Promise((done) => (wiping.oncomplete = wiping.onabort = done));
  database.close();
}
