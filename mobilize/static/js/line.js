// The line page: one tap is one deed with a name of its own (nonce), kept on this phone until the server says
// what became of it. Names are kept apart from the page, and wiped when the line ends; deeds are not.
"use strict";

const line = document.getElementById("line").dataset;
const codes = line.codes.split(" "); // a leaked code was replaced: deeds kept under the old one are this line's
const waiting = document.getElementById("waiting");
const names = document.getElementById("names");
let queue = [];
const sent = {}; // by kind: whom this phone told of last
let odd = []; // what did not count, until somebody has seen it
let kept = { code: line.code, people: [], ends: Number(line.ends), drawn: null, ahead: 0, rotating: null };
let drawn = null;
let etag = "";
let sending = false;
let ended = false;
let ticks = null; // what our clock was ahead of this page's own steady one, in ms

// The server's time. The phone's clock is only asked where the server has not been heard since the page opened.
function serverNow() {
  return ticks === null ? Date.now() + kept.ahead : ticks + performance.now();
}

function hearTime(answer, asked) {
  const told = Number(answer.headers.get("X-Now"));
  if (!told || performance.now() - asked > 3000) return;
  ticks = told + (performance.now() - asked) / 2 - performance.now();
  kept.ahead = ticks + performance.now() - Date.now();
}

async function add(deed) {
  const item = { nonce: store.nonce(), at: new Date().toISOString(), ...deed };
  await store.put("deeds", { ...item, line: line.code });
  queue.push(item);
  redraw();
  send();
}

async function send() {
  if (sending || queue.length === 0) return;
  sending = true;
  let goesOn = false;
  try {
    const answer = await fetch(line.items, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ sent_at: new Date().toISOString(), items: queue.slice(0, 100) }),
      signal: AbortSignal.timeout?.(20000),
    });
    if (answer.ok) {
      const said = await answer.json();
      const before = queue.length;
      await settle(said.items);
      goesOn = queue.length > 0 && queue.length < before; // a batch at a time, until nothing waits
      if (said.ended) await end();
    } else if (answer.status === 403) await end();
  } catch {
    // No network: what is in the queue stays there, and the next try comes by itself.
  } finally {
    sending = false;
  }
  if (goesOn) return send();
  await refresh();
}

async function settle(answers) {
  const asked = new Map(queue.map((item) => [item.nonce, item]));
  for (const { nonce, stored, why } of answers) {
    const item = asked.get(nonce);
    if (item?.typed && stored && !why) showAsSent(item);
    if (item && why) odd.push({ ...item, why });
    // What the server could not take stays on this phone until a person has seen it.
    if (item && why && !stored) await store.put("deeds", { ...item, line: line.code, why });
    else if (nonce) await store.remove("deeds", nonce);
  }
  const done = new Set(answers.map((answer) => answer.nonce));
  queue = queue.filter((item) => !done.has(item.nonce));
  etag = ""; // what was sent may be drawn now, even where it changed nothing
  drawOdd();
}

// Long enough to be read; a number is not left standing on a captain's screen.
function showAsSent({ kind, typed }) {
  sent[kind] = typed;
  setTimeout(() => {
    delete sent[kind];
    drawUnsent();
  }, 10000);
}

// The day is over, or the link was taken back: no name stays on this phone. What waits does.
async function end() {
  const first = !ended;
  ended = true;
  kept.rotating = null;
  names?.replaceChildren();
  if (first) say(line.ended);
  document.getElementById("who")?.replaceChildren();
  for (const code of codes) await store.remove("lines", code);
  redraw();
  const worker = await navigator.serviceWorker?.ready; // never, where no page could be kept: so names first
  if (queue.length === 0) codes.forEach((code) => worker?.active?.postMessage({ drop: "/line/" + code }));
}

async function refresh() {
  if (ended) return;
  if (serverNow() > kept.ends) return end();
  try {
    const headers = { Accept: "application/json", ...(etag && { "If-None-Match": etag }) };
    const asked = performance.now();
    const answer = await fetch(line.state, { headers, cache: "no-store", signal: AbortSignal.timeout?.(15000) });
    if (answer.status === 403) return end();
    hearTime(answer, asked);
    if (answer.status !== 200) return;
    etag = answer.headers.get("ETag") || "";
    kept.drawn = drawn = await answer.json();
    if (ended) return; // while this answer was on its way: nothing is kept any more
    takeKey(drawn);
    await store.put("lines", kept);
  } catch {
    return;
  }
  redraw();
}

// A form of ours as a deed; nothing where the server has to say what is wrong with it.
function deedOf(form, button) {
  if (form.id === "list-form" && button) {
    const [kind, member] = button.value.split(":");
    const gate = document.getElementById("gate")?.value;
    const more = kind === "tick" ? { ...(duty?.value && { duty: duty.value }), ...(gate && { gate }) } : {};
    return { kind, member, ...more, ...(button.dataset.reason && { reason: button.dataset.reason }) };
  }
  if (form.id === "count-form" && /^\d{1,5}$/.test(form.elements.n.value.trim())) {
    const gate = form.elements.gate?.value;
    return { kind: "head_count", n: Number(form.elements.n.value), ...(gate && { gate }) };
  }
  if (form.id === "supporters-form" && button) return { kind: "supporters", n: Number(button.value) };
  if (form.id === "number-form" && form.elements.member.value && form.elements.typed.value.trim()) {
    return { kind: "new_number", member: form.elements.member.value, typed: form.elements.typed.value.trim() };
  }
  if (form.id === "walkin-form" && form.elements.typed.value.trim()) {
    return { kind: "walkin", typed: form.elements.typed.value.trim() };
  }
  return null;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const deed = form.dataset.plain === undefined && deedOf(form, event.submitter);
  if (!deed && !navigator.onLine && ["hand-form", "count-form"].includes(form.id)) {
    event.preventDefault();
    return say(line.needsNetwork);
  }
  if (!deed) return;
  event.preventDefault();
  if (deed.kind === "untick" && !deed.reason) return askWhy(event.submitter);
  if (asksWhetherSure(form, deed)) return;
  const button = event.submitter;
  add(deed).then(
    () => form.querySelectorAll("input:not([type=hidden])").forEach((field) => (field.value = "")),
    () => {
      form.dataset.plain = ""; // a browser that keeps nothing: the plain form does it
      button.click();
    },
  );
});

// A number far above what can be is asked about once, here and without a network too; it stays in its field.
function asksWhetherSure(form, deed) {
  if (deed.kind !== "head_count" || deed.n <= Number(line.usual)) return askSure(form, "");
  if (form.dataset.sure !== String(deed.n)) return askSure(form, String(deed.n));
  deed.sure = true;
  return askSure(form, "");
}

function askSure(form, n) {
  if (form.id !== "count-form") return false;
  const box = document.getElementById("count-sure");
  form.dataset.sure = n;
  box.hidden = !n;
  box.textContent = n && line.unusual.replace("%", n);
  return Boolean(n);
}

function listen() {
  const search = document.getElementById("search");
  document.getElementById("search-field").hidden = false;
  search.addEventListener("input", () => find(search.value));
  search.addEventListener("focus", () => search.select()); // the next name is typed over the last one
  duty?.addEventListener("change", redraw);
}

// From the page itself where there is a network, from what is kept of it where there is none.
async function readNames() {
  const before = await store.get("lines", line.code);
  if (before) kept = { ...before, ends: line.shell ? before.ends : kept.ends };
  if (!line.shell) {
    kept.people = [...names.children].map((row) => ({
      id: row.dataset.id, name: row.querySelector(".name").textContent, search: row.dataset.search,
    }));
    kept.signature = names.dataset.signature;
    return store.put("lines", kept);
  }
  if (!before || serverNow() > kept.ends) return end();
  if (!(await isAsSigned(kept))) {
    say(line.altered);
    kept.people = [];
  }
  drawn = kept.drawn;
  for (const person of kept.people) {
    const row = document.createElement("li");
    row.dataset.id = person.id;
    row.dataset.search = person.search;
    for (const [kind, text] of [["name", person.name], ["state", ""]]) {
      const span = row.appendChild(document.createElement("span"));
      span.className = kind;
      span.textContent = text;
    }
    names.append(row);
    document.getElementById("who")?.append(new Option(person.name, person.id));
  }
}

// The key came with the page, which is kept apart from the list.
async function isAsSigned({ people, signature }) {
  if (!window.crypto?.subtle) return true; // only where nothing is kept for later either
  const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const said = people.map((one) => [one.id, one.name, one.search].join("\t")).join("\n");
  try {
    const curve = { name: "ECDSA", namedCurve: "P-256" };
    const key = await crypto.subtle.importKey("raw", bytes(line.listKey), curve, false, ["verify"]);
    const how = { name: "ECDSA", hash: "SHA-256" };
    return await crypto.subtle.verify(how, key, bytes(signature), new TextEncoder().encode(said));
  } catch {
    return false;
  }
}

function again() {
  if (!document.hidden) queue.length ? send() : refresh();
  setTimeout(again, 3000 + Math.random() * 1500);
}

async function start() {
  if (names) listen();
  try {
    const mine = (await store.all("deeds")).filter((deed) => codes.includes(deed.line));
    mine.sort((a, b) => a.at.localeCompare(b.at));
    mine.forEach((deed) => delete deed.line);
    odd = mine.filter((deed) => deed.why);
    queue = mine.filter((deed) => !deed.why);
    if (names) await readNames();
    drawOdd();
  } catch {
    // A browser that keeps nothing works as long as there is a network.
  }
  redraw();
  again();
  addEventListener("online", send);
  document.addEventListener("visibilitychange", () => document.hidden || send());
  if (!line.shell && !ended) keepForLater(location.pathname + "?shell", "/line/" + line.code);
}

start();
