// The line page: one tap is one deed with a name of its own (nonce), kept on this phone until the server says
// what became of it. Names are kept apart from the page, and wiped when the line ends; deeds are not.
"use strict";

const line = document.getElementById("line").dataset;
const codes = line.codes.split(" "); // a leaked code was replaced: deeds kept under the old one are this line's
const waiting = document.getElementById("waiting");
const names = document.getElementById("names");
let queue = [];
let confirmed = []; // sent, and not yet in a state that was fetched since
const sent = {}; // by kind: whom this phone told of last
let odd = []; // what did not count, until somebody has seen it
let people = [];
let kept = { drawn: null, rotating: null }; // what changes all morning: see `lineStore`
let ends = Number(line.ends); // by the server's clock
let drawn = null;
let etag = "";
let sending = false;
const printed = printedState();
let ended = false;

const serverNow = () => taps.now();

function hearTime(answer, asked) {
  const delay = performance.now() - asked;
  const now = Number(answer.headers.get("X-Now"));
  if (now && delay < 3000) taps.learn(now + delay / 2);
}

const keepLive = () => lineStore.keep("live", line.code, ends, kept);

async function add(deed) {
  const item = { nonce: store.nonce(), ...taps.mark(), ...deed };
  queue.push(item);
  redraw();
  await lineStore.keepDeed(item, line.code);
  if (store.failed) say(line.keepsNothing);
  const waits = [...queue, ...odd].some((one) => one.nonce === item.nonce);
  if (!waits) await store.remove("deeds", item.nonce); // it was sent while it was being stored
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
      body: JSON.stringify({ sent_at: new Date().toISOString(), items: queue.slice(0, 100).map(taps.sent) }),
      signal: timeoutSignal(20000),
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
    if (item && why && !stored) await lineStore.keepDeed({ ...item, why }, line.code);
    else if (nonce) await store.remove("deeds", nonce);
    if (item && !why) confirmed.push(item);
  }
  const done = new Set(answers.map((answer) => answer.nonce));
  queue = queue.filter((item) => !done.has(item.nonce));
  redraw();
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
  kept.drawn = kept.rotating = null;
  names?.replaceChildren();
  if (first) say(line.ended);
  document.getElementById("who")?.replaceChildren();
  people = [];
  await lineStore.wipe(codes);
  redraw();
  dropPages(); // not awaited: where no worker could be registered, none is ever ready
}

async function dropPages() {
  const worker = await navigator.serviceWorker?.ready;
  if (queue.length === 0) codes.forEach((code) => worker?.active?.postMessage({ drop: "/line/" + code }));
}

async function refresh() {
  if (ended) return;
  if (serverNow() > ends) return end();
  const before = confirmed;
  try {
    const headers = { Accept: "application/json", ...(etag && { "If-None-Match": etag }) };
    const asked = performance.now();
    const answer = await fetch(line.state, { headers, cache: "no-store", signal: timeoutSignal(15000) });
    if (answer.status === 403) return end();
    hearTime(answer, asked);
    if (answer.status !== 200) return;
    const state = await answer.json();
    etag = answer.headers.get("ETag") || "";
    confirmed = confirmed.filter((item) => !before.includes(item));
    if (ended) return; // while this answer was on its way: nothing is kept any more
    kept.drawn = drawn = state;
    takeKey(drawn);
    keepLive();
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
  const deed = deedOf(form, event.submitter);
  if (!deed && !navigator.onLine && ["hand-form", "count-form"].includes(form.id)) {
    event.preventDefault();
    return say(line.needsNetwork);
  }
  if (!deed) return;
  event.preventDefault();
  if (deed.kind === "untick" && !deed.reason) return askWhy(event.submitter);
  if (asksWhetherSure(form, deed)) return;
  add(deed).then(() => form.querySelectorAll("input:not([type=hidden])").forEach((field) => (field.value = "")));
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

// The last state and the changing code's key, until the server gives newer ones.
async function readLive() {
  const live = (await lineStore.read("live", line.code).catch(() => null)) || {};
  if (!ended) kept = { drawn: kept.drawn || live.drawn, rotating: kept.rotating || live.rotating };
}

// From the page itself where there is a network, from what is kept of it where there is none.
async function readNames() {
  if (!line.shell) {
    people = [...names.children].map((row) => ({
      id: row.dataset.id, name: row.querySelector(".name").textContent, search: row.dataset.search,
    }));
    return lineStore.keep("list", line.code, ends, { people, signature: names.dataset.signature, ends });
  }
  await showKeptNames();
}

async function showKeptNames() {
  let list;
  try {
    list = await lineStore.read("list", line.code);
  } catch {
    return say(line.altered);
  }
  if (ended) return;
  if (!list) return serverNow() > ends ? end() : say(line.noList); // after the end the worker has wiped it
  ends = list.ends;
  if (serverNow() > ends) return end();
  const intact = await isAsSigned(list);
  if (ended) return;
  if (!intact) return say(line.altered);
  people = list.people;
  drawn ||= kept.drawn;
  for (const person of people) {
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
  const mine = (await lineStore.deeds(codes)).sort((a, b) => a.at.localeCompare(b.at));
  const unreadable = mine.filter((deed) => deed.unreadable);
  for (const deed of unreadable) deed.why = line.unreadable.replace("%", unreadable.length);
  odd.push(...mine.filter((deed) => deed.why));
  queue.unshift(...mine.filter((deed) => !deed.why && !queue.some((item) => item.nonce === deed.nonce)));
  await readLive();
  if (names) await readNames();
  if (!crypto.subtle || store.failed) say(line.keepsNothing);
  drawOdd();
  redraw();
  again();
  addEventListener("online", send);
  document.addEventListener("visibilitychange", () => document.hidden || send());
  if (!line.shell && !ended) keepForLater(location.pathname + "?shell", "/line/" + line.code, [line.worker]);
}

start();
