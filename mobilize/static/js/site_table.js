// @ts-check
// The table of sites: searched, filtered and sorted in place, from arrays. A row is a template of the page's, so that
// every word in it is the server's. `chosen` is what the page's address says too.

import { byId, create, dataOf, first } from "./dom.js";

const SHOWN_AT_ONCE = 20;
// Of fewer eligible members no share is said (SMALLEST in turnout/figures/types.py).
const FEW = 5;
const MORE_NAMES = 1;
const SHARED_LINE = 2;
const STATES = ["none", "zero", "uncounted", "below", "on", "above", "waiting"];
const table = byId("sites");
const body = first(table, "tbody");
const words = dataOf("sites");
const form = /** @type {HTMLFormElement} */ (byId("find"));
const lang = `${document.documentElement.lang}-US`;
const numbers = new Intl.NumberFormat(lang);
const percents = new Intl.NumberFormat(lang, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });

/**
 * @typedef {{id: string, name: string, area: string, areaId: string, about: string, state: number, came: number,
 *   eligible: number, heads: number | null, supporters: number | null, marks: number, share: number | null}} Site
 */
/** @type {Site[]} */
let sites = [];
/** @type {(string | number)[][]} */
let places = [];
/** @type {string[][]} */
let areas = [];
let limit = SHOWN_AT_ONCE;
let key = "";
/** @type {HTMLTableRowElement[]} */
const pool = [];
export const chosen = { q: field("q").value, area: field("area").value, state: field("state").value, sort: words.sort };

/** @type {Record<string, (site: Site) => number | string>} */
const COLUMNS = {
  name: (site) => site.about,
  came: (site) => site.came,
  share: (site) => site.share ?? 1,
  heads: (site) => site.heads ?? -1,
  supporters: (site) => site.supporters ?? -1,
};

/** Whether the names of sites still have to be sent. */
export const lacksPlaces = () => !key;

/**
 * Take what the server sent.
 * @param {{key: string, figures: (number | null)[][], places?: (string | number)[][], areas?: string[][]}} payload
 * @returns {boolean} false where sites came or went since their names were sent
 */
export function take(payload) {
  if (payload.places && payload.areas) {
    places = payload.places;
    areas = payload.areas;
    key = payload.key;
  }
  if (payload.key !== key) {
    key = "";
    return false;
  }
  sites = payload.figures.map((figures, n) => siteOf(places[n], figures));
  sites.sort(byTrouble);
  draw();
  return true;
}

/** @param {Partial<typeof chosen>} changes */
export function choose(changes) {
  Object.assign(chosen, changes);
  limit = SHOWN_AT_ONCE;
  for (const name of /** @type {const} */ (["q", "area", "state"])) {
    if (field(name).value !== chosen[name]) field(name).value = chosen[name];
  }
  draw();
}

/** What was chosen as the query string of an address. */
export function query() {
  const entries = Object.entries(chosen).filter(([_name, value]) => value);
  return entries.length ? `?${new URLSearchParams(entries)}` : "";
}

export function showMore() {
  limit += 100;
  const before = body.children.length;
  draw();
  first(body.children[before] ?? body, "a").focus();
}

/**
 * @param {(string | number)[]} place
 * @param {(number | null)[]} figures
 * @returns {Site}
 */
function siteOf([id, name, code, n], [state, came, eligible, heads, supporters, marks]) {
  const [areaId, area] = areas[Number(n)];
  const share = eligible ? (came ?? 0) / eligible : null;
  const about = folded(`${name} ${code} ${area}`);
  const who = { id: String(id), name: String(name), area, areaId, about, share };
  return { ...who, state: state ?? 0, came: came ?? 0, eligible: eligible ?? 0, heads, supporters, marks: marks ?? 0 };
}

/** @param {string} text */
function folded(text) {
  return text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");
}

/**
 * @param {Site} a
 * @param {Site} b
 */
function byTrouble(a, b) {
  return a.state - b.state || (a.share ?? 1) - (b.share ?? 1) || b.eligible - a.eligible || (a.name < b.name ? -1 : 1);
}

function matches() {
  const terms = folded(chosen.q).split(/\s+/).filter(Boolean).slice(0, 6);
  const state = STATES.indexOf(chosen.state);
  const listed = sites.filter((site) => (!chosen.area || site.areaId === chosen.area)
    && (!chosen.state || site.state === state)
    && terms.every((term) => site.about.includes(term)));
  const column = COLUMNS[chosen.sort.replace("-", "")];
  if (!column) return listed;
  const keyed = listed.map((site) => ({ site, value: column(site) }));
  const way = chosen.sort.startsWith("-") ? -1 : 1;
  keyed.sort((a, b) => (a.value < b.value ? -way : a.value > b.value ? way : 0));
  return keyed.map(({ site }) => site);
}

/** Put the rows in place, using those that are there: what has the focus keeps it. */
function draw() {
  const listed = matches();
  const focused = body.contains(document.activeElement) ? document.activeElement?.getAttribute("href") : null;
  const drawn = listed.slice(0, limit);
  const rows = drawn.map((site, n) => fill(pool[n] ?? (pool[n] = newRow()), site));
  if (rows.length !== body.children.length || rows[0] !== body.children[0]) body.replaceChildren(...rows);
  if (focused) linkTo(focused)?.focus({ preventScroll: true });
  byId("found").textContent = filled(words.found, { some: listed.length, all: sites.length });
  drawMore(listed.length);
  drawOrder();
}

/** @param {string} href */
function linkTo(href) {
  return [...body.querySelectorAll("a")].find((one) => one.getAttribute("href") === href);
}

function newRow() {
  const template = /** @type {HTMLTemplateElement} */ (byId("row"));
  return /** @type {HTMLTableRowElement} */ (first(template.content, "tr").cloneNode(true));
}

/**
 * @param {HTMLTableRowElement} row
 * @param {Site} site
 */
function fill(row, site) {
  const link = first(row, "th a");
  say(link, site.name);
  link.setAttribute("href", words.link.replace("{}", site.id) + query());
  say(first(row, "th .small"), site.area);
  first(row, ".flag").hidden = !(site.marks & MORE_NAMES);
  const [state, came, share, heads, supporters] = [...row.cells].slice(1);
  if (state.dataset.state !== String(site.state)) state.replaceChildren(badgeOf(site.state));
  state.dataset.state = String(site.state);
  say(came, filled(words.of, { came: site.came, eligible: site.eligible }));
  say(share, shareOf(site));
  if (heads) {
    first(heads, ".shared").hidden = !(site.marks & SHARED_LINE);
    sayCount(first(heads, ".count-of"), site.heads);
    sayCount(first(supporters, ".count-of"), site.supporters);
  }
  return row;
}

/** @param {Site} site */
function shareOf({ share, eligible }) {
  if (share === null) return "–";
  return eligible < FEW ? words.small : percents.format(share).replace(/\s/g, "");
}

/**
 * @param {HTMLElement} place
 * @param {string} text
 */
function say(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/**
 * @param {HTMLElement} place
 * @param {number | null} n
 */
function sayCount(place, n) {
  place.classList.toggle("none-yet", n === null);
  say(place, n === null ? words.noReport : numbers.format(n));
}

/** @param {number} state */
function badgeOf(state) {
  return /** @type {HTMLTemplateElement} */ (byId("badges")).content.children[state].cloneNode(true);
}

/**
 * @param {string} text
 * @param {Record<string, number>} values
 */
function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_whole, name) => numbers.format(values[name]));
}

/** @param {number} count */
function drawMore(count) {
  const place = byId("more-sites");
  if (!count) return place.replaceChildren(create("p", "empty", words.none));
  if (count <= limit) return place.replaceChildren();
  const more = create("button", "button quiet", filled(words.more, { n: Math.min(count - limit, 100) }));
  more.setAttribute("type", "button");
  more.addEventListener("click", showMore);
  place.replaceChildren(more);
}

function drawOrder() {
  const [column, backwards] = [chosen.sort.replace("-", "") || "trouble", chosen.sort.startsWith("-")];
  for (const link of table.querySelectorAll("a[data-column]")) {
    const is = link.getAttribute("data-column") === column;
    if (is) link.closest("th")?.setAttribute("aria-sort", backwards ? "descending" : "ascending");
    else link.closest("th")?.removeAttribute("aria-sort");
  }
}

/** @param {string} name */
function field(name) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
}
