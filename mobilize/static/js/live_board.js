// @ts-check
// The live board: fresh every second or so, its sites searched in place, one of them open beside them.
// Without this script the page is complete: its form and links do the same.

import { askAnew, poll, togglePause, words } from "./board_polling.js";
import { byId, create, dataOf, first } from "./dom.js";
import { timeoutSignal } from "./http.js";
import { choose, chosen, lacksPlaces, query, take } from "./site_table.js";

const form = /** @type {HTMLFormElement} */ (byId("find"));
const search = /** @type {HTMLInputElement} */ (byId("q"));
const site = byId("site");
const siteWords = dataOf("site");
const useKeys = /** @type {HTMLInputElement} */ (byId("use-keys"));
const WIDE = matchMedia("(min-width: 1024px)");
let opened = "";

first(form, "button").remove();
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", () => {
  const before = chosen.area;
  choose({ q: search.value, area: valueOf("area"), state: valueOf("state") });
  keepAddress();
  if (before !== chosen.area) askAnew();
});
document.addEventListener("click", onClick);
document.addEventListener("keydown", onKey);
addPause();
addKeys();
byId("more").addEventListener("click", askForMore);
poll(show, address);
askAnew();

/** What is asked for: below the sites, what is open. */
function address() {
  const more = document.querySelector("#more details[open]") ? "&more=1" : "";
  return `${words.source}&area=${chosen.area}${lacksPlaces() ? "&places=1" : ""}${more}`;
}

/**
 * What was closed was not kept fresh.
 * @param {MouseEvent} event
 */
function askForMore(event) {
  const details = event.target instanceof Element && event.target.closest("summary")?.parentElement;
  if (details) details.addEventListener("toggle", askAnew, { once: true });
}

/** @param {string} name */
function valueOf(name) {
  return /** @type {HTMLSelectElement} */ (form.elements.namedItem(name)).value;
}

/**
 * What was opened stays open, and the focus stays where it was.
 * @param {any} payload
 */
function show(payload) {
  put("board", payload.html);
  put("map", payload.map);
  if (payload.more) put("more", payload.more);
  if (!take(payload)) askAnew();
}

/**
 * @param {string} id
 * @param {string} html
 */
function put(id, html) {
  const place = byId(id);
  const wasOpen = [...place.querySelectorAll("details")].map((details) => details.open);
  const focused = place.contains(document.activeElement) ? document.activeElement?.getAttribute("data-area") : null;
  place.innerHTML = html;
  place.querySelectorAll("details").forEach((details, n) => (details.open = Boolean(wasOpen[n])));
  const link = [...place.querySelectorAll("a")].find((one) => focused !== null && one.dataset.area === focused);
  link?.focus({ preventScroll: true });
}

/** @param {MouseEvent} event */
function onClick(event) {
  const link = event.target instanceof Element && event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link.hasAttribute("data-area")) return chooseArea(event, link.getAttribute("data-area") || "");
  if (link.hasAttribute("data-column")) return sortBy(event, link.getAttribute("data-column") || "");
  if (byId("sites").contains(link) && WIDE.matches) open(event, link.getAttribute("href") || "");
}

/**
 * The same area again shows all of them.
 * @param {Event} event
 * @param {string} area
 */
function chooseArea(event, area) {
  event.preventDefault();
  choose({ area: area === chosen.area ? "" : area });
  keepAddress();
  askAnew();
}

/**
 * @param {Event} event
 * @param {string} column
 */
function sortBy(event, column) {
  event.preventDefault();
  const own = column === "trouble" ? "" : column;
  const numeric = ["came", "heads", "supporters"].includes(column);
  const next = chosen.sort === own ? `-${own}` : chosen.sort === `-${own}` || !numeric ? own : `-${own}`;
  choose({ sort: next === "-" ? "" : next });
  keepAddress();
}

function keepAddress() {
  history.replaceState(null, "", location.pathname + query());
}

/**
 * A site beside the table. On a narrow screen its link is followed.
 * @param {Event} event
 * @param {string} href
 */
async function open(event, href) {
  event.preventDefault();
  opened = href;
  site.hidden = false;
  site.replaceChildren(create("p", "loading", siteWords.loading));
  try {
    const part = `${href}${href.includes("?") ? "&" : "?"}part=1&lang=${document.documentElement.lang}`;
    const response = await fetch(part, { signal: timeoutSignal(10000) });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    const html = await response.text();
    if (opened !== href) return;
    site.innerHTML = html;
    const field = site.querySelector("input[name=n]");
    (field instanceof HTMLElement ? field : first(site, "h2")).focus();
  } catch {
    site.replaceChildren(create("p", "error", siteWords.failed));
  }
  const close = create("button", "button quiet", siteWords.close);
  close.setAttribute("type", "button");
  close.addEventListener("click", closeSite);
  site.prepend(close);
}

function closeSite() {
  site.hidden = true;
  site.replaceChildren();
  const link = [...byId("sites").querySelectorAll("tbody a")].find((one) => one.getAttribute("href") === opened);
  (link instanceof HTMLElement ? link : search).focus();
  opened = "";
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return escape(target);
  if (event.key === "ArrowDown") return move(event, target, 1);
  if (event.key === "ArrowUp") return move(event, target, -1);
  if (event.key === "Enter" && target === search) return links()[0]?.click();
  if (!useKeys.checked || target.closest("input, select, textarea")) return;
  if (event.key === "/") focusSearch(event);
  if (event.key === "?") toggleKeys();
}

/** @param {HTMLElement} target */
function escape(target) {
  if (!site.hidden) return closeSite();
  if (target !== search || !search.value) return;
  choose({ q: "" });
  keepAddress();
}

/** @param {Event} event */
function focusSearch(event) {
  event.preventDefault();
  search.focus();
  search.select();
}

function toggleKeys() {
  const keys = /** @type {HTMLDetailsElement} */ (byId("keys"));
  keys.open = !keys.open;
  if (keys.open) first(keys, "summary").focus();
}

function links() {
  return /** @type {HTMLElement[]} */ ([...byId("sites").querySelectorAll("tbody th a")]);
}

/**
 * Arrows: from the search into the table, and from site to site.
 * @param {Event} event
 * @param {HTMLElement} target
 * @param {number} by
 */
function move(event, target, by) {
  const at = links().indexOf(target);
  if (at < 0 && (target !== search || by < 0)) return;
  event.preventDefault();
  if (at + by < 0) search.focus();
  else links()[at + by]?.focus();
}

function addPause() {
  const pause = create("button", "button quiet", words.pause);
  pause.setAttribute("type", "button");
  pause.addEventListener("click", () => {
    pause.textContent = togglePause() ? words.resume : words.pause;
  });
  first(byId("freshness"), "a").replaceWith(pause);
}

function addKeys() {
  byId("keys").hidden = false;
  try {
    useKeys.checked = localStorage.getItem("board keys") !== "no";
    useKeys.addEventListener("change", () => localStorage.setItem("board keys", useKeys.checked ? "yes" : "no"));
  } catch {}
}
