// The line page: one tap is one deed with a name of its own (nonce), kept until the server says it is stored.
"use strict";

const line = document.getElementById("line").dataset;
const waiting = document.getElementById("waiting");
const names = document.getElementById("names");
const queueKey = "line-queue:" + location.pathname;
let queue = JSON.parse(localStorage.getItem(queueKey) || "[]");
let etag = "";
let sending = false;

function remember() {
  localStorage.setItem(queueKey, JSON.stringify(queue));
  waiting.textContent = queue.length === 1 ? line.waitingOne : line.waitingMany.replace("%", queue.length);
  waiting.classList.toggle("hidden", queue.length === 0);
}

function newNonce() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function add(item) {
  queue.push({ nonce: newNonce(), at: new Date().toISOString(), ...item });
  remember();
  send();
}

async function send() {
  if (sending || queue.length === 0) return;
  sending = true;
  try {
    const batch = queue.slice(0, 100);
    const answer = await fetch(line.items, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ items: batch }),
    });
    if (answer.ok) settle((await answer.json()).items);
  } catch {
    // No network: what is in the queue stays there, and the next try comes by itself.
  } finally {
    sending = false;
  }
  await refresh();
}

function settle(answers) {
  const done = new Set(answers.map((answer) => answer.nonce));
  queue = queue.filter((item) => !done.has(item.nonce));
  remember();
  const problem = answers.find((answer) => !answer.stored);
  if (problem) say(problem.why);
}

function say(text) {
  const notice = document.createElement("p");
  notice.className = "notice problem";
  notice.setAttribute("role", "alert");
  notice.textContent = text;
  waiting.after(notice);
}

async function refresh() {
  let answer;
  try {
    answer = await fetch(line.state, { headers: { Accept: "application/json", "If-None-Match": etag }, cache: "no-store" });
  } catch {
    return;
  }
  if (answer.status !== 200) return;
  etag = answer.headers.get("ETag") || "";
  draw(await answer.json());
}

function draw(state) {
  document.getElementById("named").textContent = state.named;
  document.getElementById("supporters").textContent = state.supporters;
  if (state.head_count !== null) {
    const shown = document.getElementById("head-count");
    shown.replaceChildren(Object.assign(document.createElement("strong"), { textContent: state.head_count }), " " + state.head_count_at);
  }
  if (names) for (const row of names.children) drawRow(row, state.in[row.dataset.id]);
}

function drawRow(row, here) {
  row.classList.toggle("in", Boolean(here));
  row.querySelector(".state").textContent = here ? line.in + " " + here.at : "";
  const kind = here ? (here.ticked ? "untick" : "") : "tick";
  let button = row.querySelector("button");
  if (button && button.value.split(":")[0] === kind) return;
  if (button) button.remove();
  if (!kind) return;
  button = document.createElement("button");
  button.name = "do";
  button.value = kind + ":" + row.dataset.id;
  button.className = kind === "tick" ? "button secondary" : "button quiet";
  button.textContent = kind === "tick" ? line.here : line.undo;
  button.setAttribute("aria-label", row.querySelector(".name").textContent + ": " + button.textContent);
  row.append(button);
}

function fold(text) {
  return text.normalize("NFKD").replace(/[^\p{L}\p{N}]/gu, "").toLowerCase();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const button = event.submitter;
  if (form.id === "list-form" && button) {
    const [kind, member] = button.value.split(":");
    button.disabled = true;
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
  document.getElementById("search-field").classList.remove("hidden");
  search.addEventListener("input", () => {
    const wanted = fold(search.value);
    for (const row of names.children) row.classList.toggle("hidden", !row.dataset.search.includes(wanted));
  });
}

function again() {
  if (!document.hidden) queue.length ? send() : refresh();
  setTimeout(again, 3000 + Math.random() * 1500);
}

remember();
again();
addEventListener("online", send);
document.addEventListener("visibilitychange", () => document.hidden || send());
