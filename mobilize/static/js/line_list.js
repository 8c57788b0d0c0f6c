// @ts-check
// The names of the line's list: from the page where it came with them, from this phone where it did not. They are
// stored apart from the page, so that they can be wiped when the line ends.

import { create, first } from "./dom.js";
import { isOver, page, report, state } from "./line_state.js";
import { lineStorage } from "./line_storage.js";
import { endLine } from "./line_sync.js";

/** @typedef {import("./line_state.js").Person} Person */

/** @param {HTMLElement} names */
export async function loadNames(names) {
  if (page.shell) return showStoredNames(names);
  state.people = /** @type {HTMLElement[]} */ ([...names.children]).map((row) => ({
    id: row.dataset.id ?? "",
    name: first(row, ".name").textContent ?? "",
    search: row.dataset.search ?? "",
  }));
  const { signature } = names.dataset;
  return lineStorage.put("list", page.code, state.endsAt, { people: state.people, signature, ends: state.endsAt });
}

/** @param {HTMLElement} names */
async function showStoredNames(names) {
  let list;
  try {
    list = await lineStorage.get("list", page.code);
  } catch {
    return report(page.altered);
  }
  if (state.ended) return;
  if (!list) return isOver() ? endLine() : report(page.noList); // after the end the worker has wiped it
  state.endsAt = list.ends;
  if (isOver()) return endLine();
  const intact = await isAsSigned(list);
  if (state.ended) return;
  if (!intact) return report(page.altered);
  state.people = list.people;
  state.figures ||= state.cached.figures;
  const choices = document.getElementById("who");
  for (const person of state.people) {
    names.append(createRow(person));
    choices?.append(new Option(person.name, person.id));
  }
}

/** @param {Person} person */
function createRow({ id, name, search: words }) {
  const item = create("li", "");
  item.dataset.id = id;
  item.dataset.search = words;
  item.append(create("span", "name", name), create("span", "state"));
  return item;
}

/**
 * The key came with the page, which is cached apart from the list.
 * @param {{ people: Person[], signature: string }} list
 */
async function isAsSigned({ people, signature }) {
  /** @param {string} base64 */
  const decode = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const signed = people.map((person) => [person.id, person.name, person.search].join("\t")).join("\n");
  try {
    const curve = { name: "ECDSA", namedCurve: "P-256" };
    const key = await crypto.subtle.importKey("raw", decode(page.listKey), curve, false, ["verify"]);
    const algorithm = { name: "ECDSA", hash: "SHA-256" };
    return await crypto.subtle.verify(algorithm, key, decode(signature), new TextEncoder().encode(signed));
  } catch {
    return false;
  }
}

/**
 * Shows the rows with all these words and no others, those who are not in yet first; false where there is none.
 * Rows move at no other time: nobody taps a name that has just slid under the finger.
 * @param {HTMLElement} names
 * @param {string} search
 */
export function showMatches(names, search) {
  const words = fold(search).split(/\s+/);
  const rows = /** @type {HTMLElement[]} */ ([...names.children]);
  for (const row of rows) row.hidden = !words.every((word) => row.dataset.search?.includes(word));
  putThoseInLast(names, rows);
  return rows.some((row) => !row.hidden);
}

/**
 * @param {HTMLElement} names
 * @param {HTMLElement[]} rows
 */
function putThoseInLast(names, rows) {
  const placeOf = new Map(state.people.map(({ id }, n) => [id, n]));
  const place = (/** @type {HTMLElement} */ row) =>
    (row.classList.contains("in") ? placeOf.size : 0) + (placeOf.get(row.dataset.id ?? "") ?? 0);
  const sorted = [...rows].sort((one, other) => place(one) - place(other));
  if (sorted.some((row, n) => row !== rows[n])) names.append(...sorted);
}

/** @param {string} text */
function fold(text) {
  return text.normalize("NFKD").replace(/[^\p{L}\p{N}\s]/gu, "").toLowerCase();
}
