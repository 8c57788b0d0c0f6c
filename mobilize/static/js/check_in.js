// @ts-check
// The member's page: a tap is kept on this phone first and sent then, again and again, until the server has it.

import * as queue from "./check_in_queue.js";
import { byId, create, dataOf, field, first, sayAtField } from "./dom.js";
import { background, cachePage, keepForLater } from "./offline.js";
import { offerToShare } from "./share.js";
import { storage } from "./storage.js";

const words = dataOf("check-in");
const code = words.code;
const page = words.page || "/c/" + code; // of their own link, else of the poster's code
const notices = byId("saved");
const asSent = pageAsSent(); // before anything is drawn
const RECEIPT_TTL = 14 * 86400e3;
/** @type {Promise<void> | null} */
let sending = null;
let retryDelay = 4000;
/** @type {number | undefined} */
let timer;
// What was typed since the page was last looked away from, by nonce: phones are passed round.
/** @type {Map<string, string>} */
const typedHere = new Map();
let askedForOther = false;
let isOld = false; // the page as it is kept: this phone is known since

/** The page that is to be kept, where no worker stood between and nothing was typed on it; else empty. */
function pageAsSent() {
  const isOwn = location.pathname.toLowerCase() === page.toLowerCase() && !location.search;
  const isNew = !navigator.serviceWorker?.controller && !document.querySelector(".ticket, .error");
  return isOwn && isNew ? "<!doctype html>" + document.documentElement.outerHTML : "";
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLButtonElement} button
 */
async function checkIn(form, button) {
  const input = field(form, "typed");
  const typed = field(form, "known") || !input ? null : input.value;
  const token = field(form, "token")?.value ?? "";
  const nonce = await queue.enqueue({ code, page, typed, token, ...(button.name === "left" && { left: true }) });
  if (typed) typedHere.set(nonce, typed);
  askedForOther = false;
  if (!storage.failed) keepForLater();
  if (input) sayAtField(input, "");
  // It is in the queue, and the next person types here; on a slow phone they may have begun by now.
  if (input && typed && input.value === typed) input.value = "";
  retryDelay = 4000;
  return { nonce, typed };
}

/**
 * In its own time: a network may take the tap and not answer for long.
 * @param {HTMLFormElement} form
 * @param {{ nonce: string, typed: string | null }} tap
 */
async function sendAndShowError(form, { nonce, typed }) {
  await send();
  const item = typed && (await queue.find(nonce));
  if (item && item.why && form.isConnected && !field(form, "typed")?.value) await showError(form, item);
}

/**
 * Rejected while they look at the form: their number is back in it, with what is wrong, and nothing is kept.
 * @param {HTMLFormElement} form
 * @param {queue.CheckIn} item
 */
async function showError(form, { nonce, typed, why }) {
  await queue.discard(nonce);
  await redraw();
  const input = field(form, "typed");
  if (!input) return;
  input.value = typed ?? "";
  sayAtField(input, why ?? "");
}

function send() {
  sending ??= sendQueue().finally(() => {
    sending = null;
    return redraw();
  });
  return sending;
}

async function sendQueue() {
  await redraw();
  await queue.sendAll((item, receipt) => item.code === code && showReceipt(receipt, item), words.rejected);
  await showUnseen();
}

// The worker has sent it meanwhile.
async function showUnseen() {
  const receipt = await storage.get("receipts", code);
  if (!receipt?.unseen || (await queue.pending()).some((item) => item.code === code)) return;
  await storage.put("receipts", { ...receipt, unseen: false });
  showReceipt(receipt.page, receipt);
}

/**
 * @param {string} receipt a page of its own
 * @param {{ nonce?: string, typed?: string | null }} item what was typed; the server's page never says it
 */
function showReceipt(receipt, item) {
  const received = new DOMParser().parseFromString(receipt, "text/html");
  const content = received.getElementById("content") || first(received, "main");
  const here = byId("content");
  here.replaceChildren(...content.childNodes);
  const facts = here.querySelector(".ticket .facts dl");
  if (item.typed) facts?.append(create("dt", "", words.typed), whatWasTyped("dd", item));
  offerToShare(here);
  document.title = first(here, "h1").textContent ?? "";
  byId("main").focus();
  scrollTo(0, 0);
  isOld = true;
}

/** @param {string} typed */
const ending = (typed) => "…" + typed.replace(/^…/, "").trim().slice(-3);

/**
 * A number as it was typed; once the page was left, its last three characters.
 * @param {string} tag
 * @param {{ nonce?: string, typed?: string | null }} item
 */
function whatWasTyped(tag, { nonce = "", typed }) {
  const element = create(tag, "typed", typedHere.get(nonce) ?? ending(typed ?? ""));
  element.dataset.ending = ending(typed ?? "");
  return element;
}

function onLeaving() {
  if (isOld) cachePage(page, page); // nobody waits for it while they read
  isOld = false;
  typedHere.clear();
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".typed"))) {
    element.textContent = element.dataset.ending ?? "";
  }
}

async function redraw() {
  const [items, rejected] = [await queue.pending(), await queue.rejected()];
  const { length: waiting } = items;
  const ownItems = items.filter((item) => item.code === code);
  notices.replaceChildren(); // nothing waits from here on: two may redraw at once
  clearTimeout(timer);
  if (waiting) {
    const title = waiting === 1 ? words.savedOne : words.savedMany.replace("%", String(waiting));
    const note = storage.failed ? words.keepOpen : sending ? "" : background.sends ? words.goesAlone : words.savedNote;
    const box = notice("offline", sending ? words.sending : title, note);
    for (const item of ownItems) if (item.typed) box.append(typedLine(item));
    if (!sending && words.text) box.append(textLink());
    notices.append(box);
  }
  hideForms(ownItems.length > 0 && !askedForOther);
  if (waiting && !sending) {
    timer = setTimeout(send, retryDelay);
    retryDelay = Math.min(retryDelay * 1.5, 60000);
  }
  notices.append(...rejected.filter((item) => item.code === code).map(rejection));
}

/** @param {queue.CheckIn} item */
function typedLine(item) {
  const line = create("p", "", words.typed + " ");
  line.append(whatWasTyped("strong", item));
  return line;
}

// Without a network for data there may be one for a text.
function textLink() {
  const link = /** @type {HTMLAnchorElement} */ (create("a", "button secondary", words.textWords));
  link.href = `sms:${words.textTo}?&body=${encodeURIComponent(words.text)}`;
  return link;
}

/**
 * Nothing is left to tap twice while a tap is on its way; the next person asks for the form.
 * @param {boolean} hide
 */
function hideForms(hide) {
  const content = byId("content");
  if (content.querySelector(".ticket")) return; // a receipt
  const focused = hide && content.contains(document.activeElement);
  const forms = /** @type {NodeListOf<HTMLElement>} */ (content.querySelectorAll("form, details"));
  for (const form of forms) form.hidden = hide;
  const input = /** @type {HTMLInputElement | null} */ (content.querySelector("[name=typed]"));
  if (hide && input) notices.append(otherPerson(input));
  if (focused) notices.focus();
}

/** @param {HTMLInputElement} input */
function otherPerson(input) {
  const other = create("button", "button secondary", words.other);
  other.setAttribute("type", "button");
  other.onclick = () => {
    askedForOther = true;
    input.closest("details")?.setAttribute("open", "");
    redraw().then(() => input.focus());
  };
  return other;
}

/** @param {queue.CheckIn} item */
function rejection({ nonce, typed, why }) {
  const box = notice("problem", why ?? "", typed ?? "");
  const button = create("button", "button quiet", words.dismiss);
  button.onclick = async () => {
    await queue.discard(nonce);
    redraw();
  };
  box.append(button);
  return box;
}

/**
 * @param {string} kind
 * @param {string} title
 * @param {string} [text]
 */
function notice(kind, title, text) {
  const box = create("div", "notice " + kind);
  box.append(create("strong", "", title));
  if (text) box.append(create("p", "", text));
  return box;
}

async function offerReceipt() {
  for (const receipt of await storage.all("receipts")) {
    if (Date.now() - receipt.at > RECEIPT_TTL) await storage.remove("receipts", receipt.code);
  }
  const receipt = await storage.get("receipts", code);
  const button = document.getElementById("my-receipt");
  if (!receipt || !button) return;
  button.hidden = false;
  button.onclick = () => showReceipt(receipt.page, receipt);
}

// The page was opened and cached the evening before: at the gate, without a network, it has its form.
function openIfItIsTime() {
  const early = document.getElementById("early");
  if (!early || Date.now() < Number(early.dataset.opens)) return;
  early.hidden = true;
  byId("later").hidden = false;
}

/** @param {SubmitEvent} event */
function onSubmit(event) {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (form.action.includes("/undo")) {
    if (navigator.onLine) return void storage.remove("receipts", code);
    event.preventDefault();
    notices.replaceChildren(notice("offline", words.needsNetwork));
    return notices.scrollIntoView();
  }
  if (!field(form, "token")) return;
  event.preventDefault();
  const button = /** @type {HTMLButtonElement} */ (event.submitter || first(form, "button"));
  if (button.getAttribute("aria-disabled")) return;
  button.setAttribute("aria-disabled", "true");
  checkIn(form, button)
    .finally(() => button.removeAttribute("aria-disabled"))
    .then((tap) => sendAndShowError(form, tap));
}

async function start() {
  document.addEventListener("submit", onSubmit);
  addEventListener("online", send);
  document.addEventListener("visibilitychange", () => (document.hidden ? onLeaving() : send()));
  if (!navigator.onLine) openIfItIsTime();
  if (!storage.failed && (await queue.pending()).length) keepForLater();
  await offerReceipt();
  await redraw();
  await send();
  if (navigator.onLine) cachePage(page, page, asSent);
}

start();
