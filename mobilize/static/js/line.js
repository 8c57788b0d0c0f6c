// The line page: one tap is one deed with a name of its own (nonce), kept until the server says what became of it.
"use strict";

const line = document.getElementById("line").dataset;
const waiting = document.getElementById("waiting");
const names = document.getElementById("names");
const prefix = "line:" + location.pathname.toUpperCase() + ":";
// Each deed has a key of its own in the phone's storage, so that two open pages never write over each other.
let queue = kept();
let drawn = null;
let etag = "";
let sending = false;
let ended = false;

function kept() {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  return keys.map((key) => JSON.parse(localStorage.getItem(key))).sort((a, b) => a.at.localeCompare(b.at));
}

function newNonce() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function add(deed) {
  const item = { nonce: newNonce(), at: new Date().toISOString(), ...deed };
  localStorage.setItem(prefix + item.nonce, JSON.stringify(item));
  queue.push(item);
  redraw();
  send();
}

async function send() {
  if (sending || queue.length === 0) return;
  sending = true;
  try {
    const answer = await fetch(line.items, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ sent_at: new Date().toISOString(), items: queue.slice(0, 100) }),
    });
    if (answer.ok) settle((await answer.json()).items);
    else if (answer.status === 403) end();
  } catch {
    // No network: what is in the queue stays there, and the next try comes by itself.
  } finally {
    sending = false;
  }
  await refresh();
}

function settle(answers) {
  for (const answer of answers) {
    localStorage.removeItem(prefix + answer.nonce);
    if (answer.why) say(answer.why);
  }
  const done = new Set(answers.map((answer) => answer.nonce));
  queue = queue.filter((item) => !done.has(item.nonce));
  etag = ""; // what was sent may be drawn now, even where it changed nothing
}

function end() {
  if (!ended) say(line.ended);
  ended = true;
}

function say(text) {
  const notice = document.createElement("p");
  notice.className = "notice problem";
  notice.textContent = text;
  const problems = document.getElementById("problems");
  problems.replaceChildren(notice);
  problems.scrollIntoView({ block: "nearest" });
}

async function refresh() {
  try {
    const headers = { Accept: "application/json", ...(etag && { "If-None-Match": etag }) };
    const answer = await fetch(line.state, { headers, cache: "no-store" });
    if (answer.status === 403) end();
    if (answer.status !== 200) return;
    etag = answer.headers.get("ETag") || "";
    drawn = await answer.json();
  } catch {
    return;
  }
  redraw();
}

function redraw() {
  waiting.textContent = queue.length === 1 ? line.waitingOne : line.waitingMany.replace("%", queue.length);
  waiting.hidden = queue.length === 0;
  if (drawn) drawFigures(drawn);
  if (!names) return;
  const last = new Map(queue.filter((item) => item.member).map((item) => [item.member, item.kind]));
  for (const row of names.children) drawRow(row, last.get(row.dataset.id));
}

function drawFigures(state) {
  document.getElementById("named").textContent = state.named;
  document.getElementById("supporters").textContent = state.supporters;
  const walkups = document.getElementById("walkups");
  walkups.hidden = !state.walkups;
  walkups.querySelector("strong").textContent = state.walkups;
  if (state.head_count === null) return;
  const number = document.createElement("strong");
  number.textContent = state.head_count;
  document.getElementById("head-count").replaceChildren(number, " " + state.head_count_at);
}

function drawRow(row, unsent) {
  if (!drawn && !unsent) return;
  const here = drawn && drawn.in[row.dataset.id];
  const state = row.querySelector(".state");
  row.classList.toggle("in", Boolean(here) || unsent === "tick");
  row.classList.toggle("unsent", Boolean(unsent));
  state.textContent = unsent ? line.saved : here ? line.in + " " + here.at : "";
  if (unsent) drawButton(row, unsent === "tick" ? "untick" : "tick");
  else drawButton(row, here ? (here.ticked ? "untick" : "") : "tick");
}

function drawButton(row, kind) {
  let button = row.querySelector("button");
  if (!kind) {
    if (button) button.remove();
    return;
  }
  if (!button) row.append((button = document.createElement("button")));
  const words = kind === "tick" ? line.here : line.undo;
  button.name = "do";
  button.value = kind + ":" + row.dataset.id;
  button.className = kind === "tick" ? "button secondary" : "button quiet";
  button.textContent = words;
  button.setAttribute("aria-label", words + ": " + row.querySelector(".name").textContent);
}

function fold(text) {
  return text.normalize("NFKD").replace(/[^\p{L}\p{N}\s]/gu, "").toLowerCase();
}

function find(wanted) {
  const words = fold(wanted).split(/\s+/);
  let found = 0;
  for (const row of names.children) {
    row.hidden = !words.every((word) => row.dataset.search.includes(word));
    found += !row.hidden;
  }
  document.getElementById("nobody").textContent = found ? "" : line.nobody;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const button = event.submitter;
  if (form.id === "list-form" && button) {
    const [kind, member] = button.value.split(":");
    add({ kind, member });
  } else if (form.id === "count-form") {
    const field = form.elements.n;
    if (!/^\d{1,5}$/.test(field.value.trim())) return; // the server says what is wrong with it
    add({ kind: "head_count", n: Number(field.value) });
    field.value = "";
  } else if (form.id === "supporters-form" && button) {
    add({ kind: "supporters", n: Number(button.value) });
  } else {
    return;
  }
  event.preventDefault();
});

if (names) {
  const search = document.getElementById("search");
  document.getElementById("search-field").hidden = false;
  search.addEventListener("input", () => find(search.value));
}

function again() {
  if (!document.hidden) queue.length ? send() : refresh();
  setTimeout(again, 3000 + Math.random() * 1500);
}

redraw();
again();
addEventListener("online", send);
document.addEventListener("visibilitychange", () => document.hidden || send());
