// How the line page is drawn: its figures, its rows, and what a person has to be told. `line.js` has the rest.
"use strict";

function redraw() {
  waiting.textContent = queue.length === 1 ? line.waitingOne : line.waitingMany.replace("%", queue.length);
  waiting.hidden = queue.length === 0;
  drawUnsent();
  if (drawn) drawState(drawn);
  const last = lastOfEach();
  drawFigures(drawn || printed, last);
  if (names) for (const row of names.children) drawRow(row, last.get(row.dataset.id));
}

// What stands on the page as it was sent, for as long as no state has come.
function printedState() {
  const here = [...(names?.querySelectorAll(".in") || [])].map((row) => [row.dataset.id, {}]);
  const [named, others, supporters] = ["named", "others", "supporters"].map(numberIn);
  return { named, others, supporters, in: Object.fromEntries(here) };
}

function numberIn(id) {
  return Number(document.getElementById(id)?.textContent.replace(/\D/g, ""));
}

// By member, what this phone did last and the state does not know yet.
function lastOfEach() {
  const ofRows = ["tick", "untick", "left"];
  const done = [...confirmed, ...queue].filter((item) => ofRows.includes(item.kind));
  return new Map(done.map((item) => [item.member, item]));
}

// Beside each form what it has still to send: nobody taps +5 twice because nothing seemed to happen.
function drawUnsent() {
  for (const box of document.querySelectorAll("[data-unsent]")) {
    const kind = box.dataset.unsent;
    const unsent = queue.filter((item) => item.kind === kind);
    const sum = unsent.reduce((all, item) => all + (item.n || 0), 0);
    const what = kind === "supporters" ? (sum < 0 ? "" : "+") + sum : unsent.map((item) => item.typed || item.n).join(", ");
    const words = unsent.length ? `${what}: ${line.saved}` : sent[kind] ? `${sent[kind]}: ${line.sent}` : "";
    if (box.textContent !== words) box.textContent = words; // said aloud once
  }
}

// The state's figures with what this phone has still to add to them.
function drawFigures(state, last) {
  const own = [...last.values()].reduce((sum, { member, kind }) => {
    return sum + (kind === "tick" && !state.in[member]) - (kind === "untick" && Boolean(state.in[member]));
  }, 0);
  const unknown = [...confirmed, ...queue];
  const others = unknown.filter((item) => item.kind === "walkin").length;
  const figures = { named: state.named + own, others: state.others + others };
  for (const [id, n] of Object.entries(figures)) {
    const number = document.getElementById(id);
    if (number) number.textContent = n;
  }
  const cheers = unknown.reduce((sum, item) => sum + (item.kind === "supporters" ? item.n : 0), state.supporters);
  document.getElementById("supporters").textContent = Math.max(cheers, 0);
  const counted = unknown.filter((item) => item.kind === "head_count").pop();
  if (counted && !counted.gate) drawHeadCount(counted.n, clockOf(counted.at));
  else if (drawn && drawn.head_count !== null) drawHeadCount(drawn.head_count, drawn.head_count_at);
}

function drawHeadCount(n, at) {
  const number = document.createElement("strong");
  number.textContent = n;
  document.getElementById("head-count").replaceChildren(number, " " + at);
}

function clockOf(at) {
  return new Date(at).toLocaleTimeString(`${document.documentElement.lang}-US`, { timeStyle: "short" });
}

function drawState(state) {
  document.getElementById("new-code").hidden = state.address === line.address;
  const phones = document.getElementById("phones");
  phones.hidden = !state.phones;
  if (phones.textContent !== state.phones) phones.textContent = state.phones; // said aloud once
  drawDuties(state);
  const uncertain = document.getElementById("uncertain");
  if (!uncertain) return;
  uncertain.hidden = !state.uncertain;
  uncertain.querySelector("strong").textContent = state.uncertain;
}

const duty = document.getElementById("duty");

function dutyWords(value) {
  return value && [...(duty?.options || [])].find((option) => option.value === value)?.textContent;
}

function drawDuties(state) {
  const box = document.getElementById("duties");
  const said = Object.entries(state.duties || {}).map(([kind, n]) => dutyWords(kind) + " " + n);
  box.hidden = !said.length;
  box.querySelector("strong").textContent = said.join(", ");
}

// Names from this phone have no buttons of their own; a page that was sent has all it needs until a state comes.
function drawRow(row, item) {
  const unsent = item?.kind;
  if (!drawn && !unsent && !line.shell) return;
  const here = drawn && drawn.in[row.dataset.id];
  const state = row.querySelector(".state");
  row.classList.toggle("in", (Boolean(here) && !here.out) || unsent === "tick");
  row.classList.toggle("unsent", Boolean(unsent));
  state.textContent = unsent ? (queue.includes(item) ? line.saved : line.sent) : here ? saysOf(here) : "";
  if (unsent) drawButtons(row, [unsent === "tick" ? "untick" : "tick"], here);
  else drawButtons(row, here ? kindsFor(here) : ["tick"], here);
}

function saysOf(here) {
  const parts = [line.in + " " + here.at, dutyWords(here.duty), here.out && line.leftAt + " " + here.out];
  return parts.filter(Boolean).join(", ");
}

// On a strike day whoever is in may leave, come back, or go on duty elsewhere.
function kindsFor(here) {
  const undo = here.ticked ? ["untick"] : [];
  if (!line.strike) return undo;
  return [here.out || (duty.value && duty.value !== here.duty) ? "tick" : "left", ...undo];
}

function drawButtons(row, kinds, here) {
  const asked = row.querySelector(".why"); // she is being asked why
  if (asked && kinds.includes("untick")) return;
  asked?.remove();
  const buttons = [...row.querySelectorAll("button")];
  buttons.slice(kinds.length).forEach((one) => one.remove());
  kinds.forEach((kind, n) => {
    const button = buttons[n] || row.appendChild(document.createElement("button"));
    drawButton(row, button, kind, kind === "tick" && here ? dutyWords(duty?.value) || line.back : line.here);
    button.classList.toggle("second", n > 0);
  });
}

function drawButton(row, button, kind, tickWords) {
  const words = { tick: tickWords, left: line.left, untick: line.undo }[kind];
  button.name = "do";
  button.value = kind + ":" + row.dataset.id;
  button.className = kind === "untick" ? "button quiet" : "button secondary";
  button.textContent = words;
  button.setAttribute("aria-label", words + ": " + row.querySelector(".name").textContent);
}

// Undo is two taps: the second says why, and stands in the record.
function askWhy(button) {
  const name = button.closest("li").querySelector(".name").textContent;
  const box = document.createElement("div");
  box.className = "why";
  box.appendChild(document.createElement("strong")).textContent = line.why;
  for (const words of [line.wrongName, line.notHere]) {
    const one = box.appendChild(button.cloneNode());
    one.className = "button secondary";
    one.textContent = one.dataset.reason = words;
    one.setAttribute("aria-label", words + ": " + name);
  }
  const keep = box.appendChild(document.createElement("button"));
  keep.type = "button";
  keep.className = "button quiet";
  keep.textContent = line.keep;
  keep.setAttribute("aria-label", line.keep + ": " + name);
  keep.onclick = () => {
    box.remove();
    redraw();
  };
  button.replaceWith(box);
  box.querySelector("button").focus();
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

function fold(text) {
  return text.normalize("NFKD").replace(/[^\p{L}\p{N}\s]/gu, "").toLowerCase();
}

function say(text) {
  if (odd.some((one) => one.why === text)) return;
  odd.push({ why: text, at: "" });
  drawOdd();
}

// One box for each reason, with those it is about.
function drawOdd() {
  const problems = document.getElementById("problems");
  const reasons = [...new Set(odd.map((one) => one.why))];
  problems.replaceChildren(...reasons.map((why) => {
    const box = document.createElement("div");
    box.className = "notice problem";
    box.appendChild(document.createElement("strong")).textContent = why;
    const about = odd.filter((one) => one.why === why).map(whatOf).filter(Boolean).join(", ");
    if (about) box.appendChild(document.createElement("p")).textContent = about;
    const button = box.appendChild(document.createElement("button"));
    button.className = "button quiet";
    button.textContent = line.seen;
    button.onclick = () => haveSeen(why);
    return box;
  }));
  const scanning = document.querySelector("#scan[open] #scan-words");
  if (scanning && reasons.length) scanning.textContent = reasons[reasons.length - 1];
  if (reasons.length) problems.scrollIntoView({ block: "nearest" });
}

function whatOf({ member, typed, n, at }) {
  const name = member && [...(names?.children || [])].find((row) => row.dataset.id === member)?.querySelector(".name").textContent;
  const what = typed || name || n;
  const time = at && clockOf(at);
  return what && `${what} (${time})`;
}

async function haveSeen(why) {
  const seen = odd.filter((one) => one.why === why);
  odd = odd.filter((one) => one.why !== why);
  drawOdd();
  for (const { nonce } of seen) if (nonce) await store.remove("deeds", nonce);
}
