// @ts-check
// The line page: its forms become items of the queue. It asks what the line looks like; an answer waits for a change.

import { byId, field, sayAtField } from "./dom.js";
import { loadNames, showMatches } from "./line_list.js";
import { dismiss, enqueue, listenForRefusals, loadQueue, send, sendAgain } from "./line_queue.js";
import { changed, onChange, page, report, state } from "./line_state.js";
import { drawPhoto, loadPhotos, sendPhotos } from "./line_photo.js";
import { loadFigures, refresh } from "./line_sync.js";
import { askWhy, duty, listenForDismissals, names, redraw } from "./line_view.js";
import { cachePage } from "./offline.js";
import "./rotating_code.js";
import "./scanner.js";
import { storage } from "./storage.js";

/** @typedef {Parameters<typeof enqueue>[0]} Tap */

/**
 * A form of ours as a tap; null where the server has to say what is wrong with it.
 * @param {HTMLFormElement} form
 * @param {HTMLButtonElement | null} button
 * @returns {Tap | null}
 */
function tapOf(form, button) {
  const [typed, member, n] = ["typed", "member", "n"].map((name) => field(form, name)?.value.trim() ?? "");
  switch (form.id) {
    case "list-form":
      return button && listTap(button);
    case "count-form":
      return headCount(n, field(form, "gate")?.value);
    case "supporters-form":
      return button && { kind: "supporters", n: Number(button.value) };
    case "number-form":
      return member && typed ? { kind: "new_number", member, typed } : null;
    case "walkin-form":
      return typed ? { kind: "walkin", typed } : null;
    default:
      return null;
  }
}

/**
 * @param {HTMLButtonElement} button
 * @returns {Tap}
 */
function listTap(button) {
  const [kind, member] = button.value.split(":");
  const { reason } = button.dataset;
  const gate = /** @type {HTMLSelectElement | null} */ (document.getElementById("gate"))?.value;
  const place = kind === "tick" && { ...(duty?.value && { duty: duty.value }), ...(gate && { gate }) };
  return { kind, member, ...place, ...(reason && { reason }) };
}

/**
 * @param {string} n
 * @param {string} [gate]
 * @returns {Tap | null}
 */
function headCount(n, gate) {
  return /^\d{1,5}$/.test(n) ? { kind: "head_count", n: Number(n), ...(gate && { gate }) } : null;
}

/**
 * What was sent last from a form, to know it again.
 * @param {Tap} tap
 */
const key = ({ kind, typed, n }) => [kind, typed, n].join("/");

/** @param {SubmitEvent} event */
function onSubmit(event) {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const button = /** @type {HTMLButtonElement | null} */ (event.submitter);
  const tap = tapOf(form, button);
  if (!tap && !navigator.onLine && ["hand-form", "count-form"].includes(form.id)) {
    event.preventDefault();
    return report(page.needsNetwork);
  }
  if (!tap) return;
  event.preventDefault();
  if (tap.kind === "untick" && !tap.reason && button) return askWhy(button);
  if (mustConfirm(form, tap)) return;
  if (navigator.onLine) Object.assign(form.dataset, { sent: key(tap), sentAt: String(Date.now()) });
  enqueue(tap).then(() => clear(form));
}

const FORMS = { head_count: "count-form", new_number: "number-form", walkin: "walkin-form" };

/** @param {HTMLFormElement} form */
const inputsOf = (form) =>
  /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll("input:not([type=hidden])"));

/** @param {HTMLFormElement} form */
function clear(form) {
  for (const input of inputsOf(form)) {
    input.value = "";
    sayAtField(input, "");
  }
}

/**
 * Not taken while they still stand at its form: it is in its field again, with what is wrong. Whoever is elsewhere by
 * now hears it above; and so does whoever comes back to what has waited, which stays on the phone until then.
 * @param {import("./line_queue.js").Item} item
 * @param {string} why
 */
function putBack(item, why) {
  const form = document.getElementById(FORMS[/** @type {keyof typeof FORMS} */ (item.kind)] ?? "");
  if (!(form instanceof HTMLFormElement) || form.dataset.sent !== key(item)) return false;
  if (Date.now() - Number(form.dataset.sentAt) > 60000) return false;
  const [input] = inputsOf(form);
  const at = document.activeElement;
  if (!input || input.value || (at !== document.body && !form.contains(at))) return false;
  input.value = item.typed ?? String(item.n);
  sayAtField(input, why);
  return true;
}

/**
 * A number far above what can be is asked about once, here and without a network too; it stays in its field.
 * @param {HTMLFormElement} form
 * @param {Tap} tap
 */
function mustConfirm(form, tap) {
  if (form.id !== "count-form") return false;
  const n = String(tap.n);
  const isUsual = Number(tap.n) <= Number(page.usual);
  const isConfirmed = !isUsual && form.dataset.sure === n;
  if (isConfirmed) tap.sure = true;
  const question = isUsual || isConfirmed ? "" : page.unusual.replace("%", n);
  const box = byId("count-sure");
  form.dataset.sure = question && n;
  box.hidden = !question;
  box.textContent = question;
  return Boolean(question);
}

/** @param {HTMLElement} list */
function listenToSearch(list) {
  const input = /** @type {HTMLInputElement} */ (byId("search"));
  byId("search-field").hidden = false;
  input.addEventListener("input", () => {
    byId("nobody").textContent = showMatches(list, input.value) ? "" : page.nobody;
  });
  input.addEventListener("focus", () => {
    input.select(); // the next name is typed over the last one
    byId("search-field").scrollIntoView(); // the keyboard covers the lower half
  });
  duty?.addEventListener("change", redraw);
}

async function poll() {
  let pause = 3000 + Math.random() * 1500;
  sendPhotos(); // beside the rest, which does not wait for it
  if (!document.hidden && state.queue.length) send();
  else if (!document.hidden) pause = await refresh();
  await sendAgain();
  setTimeout(poll, pause);
}

async function start() {
  onChange(() => (redraw(), drawPhoto()));
  listenForDismissals(dismiss);
  listenForRefusals(putBack);
  document.addEventListener("submit", onSubmit);
  if (names) listenToSearch(names);
  await loadQueue();
  await loadPhotos();
  await loadFigures();
  if (names) await loadNames(names);
  if (!crypto.subtle || storage.failed) report(page.keepsNothing);
  changed();
  poll();
  addEventListener("online", send);
  document.addEventListener("visibilitychange", () => document.hidden || send());
  if (!page.shell && !state.ended) cachePage(location.pathname + "?shell", "/line/" + page.code);
}

start();
