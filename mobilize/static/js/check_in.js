// The member's page: a tap is kept on this phone first and sent then, again and again, until the server has it.
"use strict";

const words = document.getElementById("check-in").dataset;
const code = words.code;
const page = words.page || "/c/" + code; // of her own link, else of the poster's code
const saved = document.getElementById("saved");
const KEPT = 14 * 86400e3;
const finished = new Set(); // never sent again, even where a browser fails to forget them
let sending = null;
let pause = 4000;
let timer;

async function tap(form, button) {
  const typed = form.elements.known ? null : form.elements.typed.value;
  const token = form.elements.token.value;
  const left = button.name === "left" ? { left: true } : {};
  const nonce = store.nonce();
  await store.put("queue", { nonce, code, page, typed, token, ...left, ...taps.mark() });
  form.querySelector(".error")?.remove();
  // It is in the queue, and the next person types here; on a slow phone she may have begun by now.
  if (typed && form.elements.typed.value === typed) form.elements.typed.value = "";
  pause = 4000;
  return { nonce, typed };
}

// In its own time: a network may take the tap and not answer for long.
async function sendAndLook(form, { nonce, typed }) {
  await send();
  const refused = typed && (await store.get("queue", nonce));
  if (refused?.why && form.isConnected && !form.elements.typed.value) await askAgain(form, refused);
}

// Refused while she looks at the form: her number is back in it, with what is wrong, and nothing is kept.
async function askAgain(form, { nonce, typed, why }) {
  await store.remove("queue", nonce);
  await draw();
  const field = form.elements.typed;
  const error = document.createElement("p");
  error.className = "error";
  error.id = field.id + "-error";
  error.textContent = why;
  form.querySelector(".error")?.remove();
  field.before(error);
  field.value = typed;
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", "typed-help " + error.id);
  field.focus();
}

function send() {
  sending ??= sendAll().finally(() => {
    sending = null;
    return draw();
  });
  return sending;
}

async function unsent() {
  const queue = (await store.all("queue")).filter((item) => !item.why && !finished.has(item.nonce));
  return queue.sort((a, b) => a.at.localeCompare(b.at));
}

async function sendAll() {
  await draw();
  for (let [item] = await unsent(); item && (await sendOne(item)); [item] = await unsent());
}

// True when the server has said what became of it.
async function sendOne(item) {
  const { code: of, page: to, ...tapped } = taps.sent(item);
  const { nonce } = item;
  const begun = performance.now();
  let answer, said;
  try {
    answer = await fetch(to || "/c/" + of, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ ...tapped, sent_at: new Date().toISOString() }),
      signal: timeoutSignal(15000),
    });
    said = await answer.json();
  } catch {
    return false;
  }
  if (performance.now() - begun < 3000) taps.learn(Date.parse(answer.headers.get("Date")));
  if (answer.ok && said.nonce === nonce && said.stored) {
    finished.add(nonce);
    await store.put("receipts", { code: of, page: said.page, at: Date.now() });
    await store.remove("queue", nonce);
    if (of === code) show(said.page);
    return true;
  }
  if (answer.status < 400 || answer.status >= 500 || [401, 403, 408, 429].includes(answer.status)) return false;
  await store.put("queue", { ...item, why: said.message || words.odd });
  return true;
}

function show(receipt) {
  const answer = new DOMParser().parseFromString(receipt, "text/html");
  const main = answer.getElementById("content") || answer.querySelector("main");
  const here = document.getElementById("content");
  here.replaceChildren(...main.childNodes);
  document.title = here.querySelector("h1").textContent;
  document.getElementById("main").focus();
  scrollTo(0, 0);
  keepForLater(page, page);
}

async function draw() {
  const queue = await store.all("queue");
  const waiting = (await unsent()).length;
  saved.replaceChildren();
  clearTimeout(timer);
  if (waiting) {
    const title = waiting === 1 ? words.savedOne : words.savedMany.replace("%", waiting);
    const note = store.failed ? words.keepOpen : !sending && words.savedNote;
    saved.append(notice("offline", sending ? words.sending : title, note));
  }
  if (waiting && !sending) {
    timer = setTimeout(send, pause);
    pause = Math.min(pause * 1.5, 60000);
  }
  for (const item of queue.filter((one) => one.why && one.code === code)) {
    const box = notice("problem", item.why, item.typed || "");
    const button = document.createElement("button");
    button.className = "button quiet";
    button.textContent = words.seen;
    button.onclick = async () => {
      await store.remove("queue", item.nonce);
      draw();
    };
    box.append(button);
    saved.append(box);
  }
}

function notice(kind, title, text) {
  const box = document.createElement("div");
  box.className = "notice " + kind;
  for (const [tag, said] of [["strong", title], ["p", text]]) {
    if (said) box.appendChild(document.createElement(tag)).textContent = said;
  }
  return box;
}

async function offerReceipt() {
  for (const kept of await store.all("receipts")) {
    if (Date.now() - kept.at > KEPT) await store.remove("receipts", kept.code);
  }
  const mine = await store.get("receipts", code);
  const button = document.getElementById("my-receipt");
  if (!mine || !button) return;
  button.hidden = false;
  button.onclick = () => show(mine.page);
}

// The page was opened and kept the evening before: at the gate, without a network, it has its form.
function openIfItIsTime() {
  const early = document.getElementById("early");
  if (!early || Date.now() < early.dataset.opens) return;
  early.hidden = true;
  document.getElementById("later").hidden = false;
}

async function start() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.action.includes("/undo")) {
      if (navigator.onLine) return void store.remove("receipts", code);
      event.preventDefault();
      saved.replaceChildren(notice("offline", words.needsNetwork));
      return saved.scrollIntoView();
    }
    if (!form.elements.token) return;
    event.preventDefault();
    const button = event.submitter || form.querySelector("button");
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    tap(form, button)
      .finally(() => button.removeAttribute("aria-disabled"))
      .then((tapped) => sendAndLook(form, tapped));
  });
  addEventListener("online", send);
  document.addEventListener("visibilitychange", () => document.hidden || send());
  if (!navigator.onLine) openIfItIsTime();
  await offerReceipt();
  await draw();
  await send();
  if (navigator.onLine) keepForLater(page, page);
}

start();
