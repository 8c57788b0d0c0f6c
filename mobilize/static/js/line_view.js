// @ts-check
// How the line page is drawn from its state: figures, rows, and what a person has to be told.

import { byId, create, first } from "./dom.js";
import { page, state } from "./line_state.js";
import { background } from "./offline.js";

/**
 * @typedef {import("./line_state.js").Figures} Figures
 * @typedef {import("./line_state.js").Item} Item
 * @typedef {import("./line_state.js").Presence} Presence
 * @typedef {import("./line_state.js").Rejection} Rejection
 */

const waiting = byId("waiting");
const problems = byId("problems");
const printed = figuresAsPrinted();

/** The list of names; null where the line has none. */
export const names = document.getElementById("names");

/** What those do who are ticked now; null where nobody is on duty elsewhere. */
export const duty = /** @type {HTMLSelectElement | null} */ (document.getElementById("duty"));

/** @type {(why: string) => void} */
let onDismiss = () => {};
let drawnProblems = "";

/** @param {typeof onDismiss} listener hears which problem a person has put away */
export const listenForDismissals = (listener) => (onDismiss = listener);

const rows = () => /** @type {HTMLElement[]} */ ([...(names?.children || [])]);

export function redraw() {
  const { length } = state.queue;
  const [one, many] = background.sends ? [page.goesAloneOne, page.goesAloneMany] : [page.waitingOne, page.waitingMany];
  waiting.textContent = length === 1 ? one : many.replace("%", String(length));
  waiting.hidden = length === 0;
  drawUnsent();
  if (state.figures) drawNotices(state.figures);
  const last = lastByMember();
  drawFigures(state.figures || printed, last);
  for (const row of rows()) drawRow(row, last.get(row.dataset.id));
  drawProblems();
}

/** @param {HTMLElement} row */
const nameIn = (row) => first(row, ".name").textContent;

/**
 * What stands on the page as it was sent, for as long as no figures have come.
 * @returns {Figures}
 */
function figuresAsPrinted() {
  const here = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#names .in")]);
  const [named, others, supporters] = ["named", "others", "supporters"].map(numberIn);
  return { named, others, supporters, in: Object.fromEntries(here.map((row) => [row.dataset.id, { at: "" }])) };
}

/** @param {string} id */
function numberIn(id) {
  return Number(document.getElementById(id)?.textContent?.replace(/\D/g, ""));
}

/**
 * By member, what this phone did last and the figures do not know yet.
 * @returns {Map<string | undefined, Item>}
 */
function lastByMember() {
  const items = [...state.confirmed, ...state.queue].filter(({ kind }) => ["tick", "untick", "left"].includes(kind));
  return new Map(items.map((item) => [item.member, item]));
}

// Beside each form what it has still to send: nobody taps +5 twice because nothing seemed to happen.
function drawUnsent() {
  for (const box of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-unsent]"))) {
    const words = unsentWords(box.dataset.unsent ?? "");
    if (box.textContent !== words) box.textContent = words; // said aloud once
  }
}

/** @param {string} kind */
function unsentWords(kind) {
  const unsent = state.queue.filter((item) => item.kind === kind);
  const sum = unsent.reduce((all, item) => all + (item.n || 0), 0);
  const sent = state.lastSent[kind];
  if (!unsent.length) return sent ? `${sent}: ${page.sent}` : "";
  const listed = () => unsent.map((item) => item.typed || item.n).join(", ");
  return `${kind === "supporters" ? (sum < 0 ? "" : "+") + sum : listed()}: ${page.saved}`;
}

/**
 * The server's figures with what this phone has still to add to them.
 * @param {Figures} figures
 * @param {Map<string | undefined, Item>} last
 */
function drawFigures(figures, last) {
  let own = 0;
  for (const { member = "", kind } of last.values()) {
    if (kind === "tick" && !figures.in[member]) own += 1;
    if (kind === "untick" && figures.in[member]) own -= 1;
  }
  const unknown = [...state.confirmed, ...state.queue];
  const others = unknown.filter((item) => item.kind === "walkin").length;
  drawNumber("named", figures.named + own);
  drawNumber("others", figures.others + others);
  const added = unknown.reduce((sum, { kind, n }) => sum + (kind === "supporters" ? n || 0 : 0), 0);
  drawNumber("supporters", Math.max(figures.supporters + added, 0));
  const counted = unknown.filter((item) => item.kind === "head_count").pop();
  const { head_count: n, head_count_at: at = "" } = state.figures || {};
  if (counted && !counted.gate) drawHeadCount(counted.n ?? 0, clockTime(counted.at));
  else if (n != null) drawHeadCount(n, at);
}

/**
 * @param {string} id
 * @param {number} n
 */
function drawNumber(id, n) {
  const number = document.getElementById(id);
  if (number) number.textContent = String(n);
}

/**
 * @param {number} n
 * @param {string} at
 */
function drawHeadCount(n, at) {
  byId("head-count").replaceChildren(create("strong", "", String(n)), " " + at);
}

/** @param {string} at */
function clockTime(at) {
  return new Date(at).toLocaleTimeString(`${document.documentElement.lang}-US`, { timeStyle: "short" });
}

/** @param {Figures} figures */
function drawNotices(figures) {
  byId("new-code").hidden = figures.address === page.address;
  const phones = byId("phones");
  phones.hidden = !figures.phones;
  if (phones.textContent !== figures.phones) phones.textContent = figures.phones ?? ""; // said aloud once
  drawDuties(figures);
  const uncertain = document.getElementById("uncertain");
  if (!uncertain) return;
  uncertain.hidden = !figures.uncertain;
  first(uncertain, "strong").textContent = figures.uncertain ?? "";
}

/** @param {Figures} figures */
function drawDuties(figures) {
  const box = byId("duties");
  const words = Object.entries(figures.duties || {}).map(([kind, n]) => `${dutyWords(kind)} ${n}`);
  box.hidden = !words.length;
  first(box, "strong").textContent = words.join(", ");
}

/** @param {string | undefined} value */
function dutyWords(value) {
  return value && [...(duty?.options || [])].find((option) => option.value === value)?.textContent;
}

/**
 * Stored names have no buttons of their own; a page that was sent has all it needs until figures come.
 * @param {HTMLElement} row
 * @param {Item | undefined} item
 */
function drawRow(row, item) {
  const unsent = item?.kind;
  if (!state.figures && !unsent && !page.shell) return;
  const here = state.figures?.in[row.dataset.id ?? ""];
  row.classList.toggle("in", (Boolean(here) && !here?.out) || unsent === "tick");
  row.classList.toggle("unsent", Boolean(unsent));
  first(row, ".state").textContent = item ? sendingWords(item) : here ? presenceWords(here) : "";
  if (unsent) drawButtons(row, [unsent === "tick" ? "untick" : "tick"], here);
  else drawButtons(row, here ? buttonsFor(here) : ["tick"], here);
}

/** @param {Item} item */
function sendingWords(item) {
  return state.queue.includes(item) ? page.saved : page.sent;
}

/** @param {Presence} here */
function presenceWords(here) {
  const parts = [page.in + " " + here.at, dutyWords(here.duty), here.out && page.leftAt + " " + here.out];
  return parts.filter(Boolean).join(", ");
}

/**
 * On a strike day whoever is in may leave, come back, or go on duty elsewhere.
 * @param {Presence} here
 */
function buttonsFor(here) {
  const undo = here.ticked ? ["untick"] : [];
  if (!page.strike) return undo;
  return [here.out || (duty?.value && duty.value !== here.duty) ? "tick" : "left", ...undo];
}

/**
 * @param {HTMLElement} row
 * @param {string[]} kinds
 * @param {Presence | undefined} here
 */
function drawButtons(row, kinds, here) {
  const question = row.querySelector(".why");
  if (question && kinds.includes("untick")) return; // a person is being asked why
  question?.remove();
  const buttons = [...row.querySelectorAll("button")];
  buttons.slice(kinds.length).forEach((button) => button.remove());
  const tickWords = here ? dutyWords(duty?.value) || page.back : page.here;
  kinds.forEach((kind, n) => {
    const button = buttons[n] || row.appendChild(document.createElement("button"));
    drawButton(row, button, kind, { tick: tickWords, left: page.left, untick: page.undo }[kind] ?? "");
    button.classList.toggle("second", n > 0);
  });
}

/**
 * @param {HTMLElement} row
 * @param {HTMLButtonElement} button
 * @param {string} kind
 * @param {string} words
 */
function drawButton(row, button, kind, words) {
  button.name = "do";
  button.value = kind + ":" + row.dataset.id;
  button.className = kind === "untick" ? "button quiet" : "button secondary";
  button.textContent = words;
  button.setAttribute("aria-label", words + ": " + nameIn(row));
}

/**
 * Undo is two taps: the second says why, and stands in the record.
 * @param {HTMLElement} button
 */
export function askWhy(button) {
  const row = button.closest("li");
  if (!row) return;
  const box = create("div", "why");
  box.append(create("strong", "", page.why));
  for (const words of [page.wrongName, page.notHere]) {
    const reason = /** @type {HTMLElement} */ (box.appendChild(button.cloneNode()));
    reason.className = "button secondary";
    reason.textContent = reason.dataset.reason = words;
    reason.setAttribute("aria-label", words + ": " + nameIn(row));
  }
  const cancel = create("button", "button quiet", page.cancel);
  cancel.setAttribute("type", "button");
  cancel.setAttribute("aria-label", page.cancel + ": " + nameIn(row));
  cancel.onclick = () => {
    box.remove();
    redraw();
  };
  box.append(cancel);
  button.replaceWith(box);
  first(box, "button").focus();
}

// One box for each reason, with those it is about; left alone while nothing is new, so that the page stays put.
function drawProblems() {
  const key = state.rejected.map(({ nonce, why }) => `${nonce} ${why}`).join("\n");
  if (key === drawnProblems) return;
  drawnProblems = key;
  const before = problems.childElementCount;
  const reasons = [...new Set(state.rejected.map((item) => item.why))];
  problems.replaceChildren(...reasons.map(problem));
  const scanWords = document.querySelector("#scan[open] #scan-words");
  if (scanWords && reasons.length) scanWords.textContent = reasons[reasons.length - 1];
  if (reasons.length) problems.scrollIntoView({ block: "nearest" });
  moveFocus(reasons.length > before);
}

/**
 * To what is wrong, unless they type or go through the names: they hear it there. A box that was put away leaves the
 * next one, or the page.
 * @param {boolean} isNew
 */
function moveFocus(isNew) {
  const at = document.activeElement;
  const isAtWork = at instanceof HTMLInputElement || at instanceof HTMLSelectElement || names?.contains(at);
  const box = /** @type {HTMLElement | null} */ (isNew ? problems.lastElementChild : problems.firstElementChild);
  if (!isAtWork && (isNew || at === document.body)) (box ?? byId("main")).focus({ preventScroll: true });
}

/** @param {string} why */
function problem(why) {
  const box = create("div", "notice problem");
  box.tabIndex = -1;
  box.append(create("strong", "", why));
  const about = state.rejected.filter((item) => item.why === why).map(subjectOf).filter(Boolean).join(", ");
  if (about) box.append(create("p", "", about));
  const button = create("button", "button quiet", page.dismiss);
  button.onclick = () => onDismiss(why);
  box.append(button);
  return box;
}

/** @param {Rejection} rejection */
function subjectOf({ member, typed, n, at }) {
  const row = member && rows().find((one) => one.dataset.id === member);
  const subject = typed || (row && nameIn(row)) || n;
  const time = at && clockTime(at);
  return subject && `${subject} (${time})`;
}
