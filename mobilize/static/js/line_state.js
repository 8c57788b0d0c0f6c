// @ts-check
// What the line page knows, in one place: its modules read and change `state`, and call `changed()` to have it drawn.

import { clock } from "./clock.js";
import { dataOf } from "./dom.js";

/**
 * One tap, until the server says what became of it.
 * @typedef {import("./clock.js").Stamp & {
 *   nonce: string, kind: string, member?: string, typed?: string, n?: number, gate?: string, duty?: string,
 *   reason?: string, personal?: string, sure?: boolean, why?: string, unreadable?: boolean
 * }} Item
 * @typedef {{ why: string, at: string } & Partial<Item>} Rejection
 * @typedef {{ at: string, duty?: string, out?: string, ticked?: boolean }} Presence
 * @typedef {object} Figures as `line.state` answers
 * @property {number} named
 * @property {number} others
 * @property {number} supporters
 * @property {Record<string, Presence>} in by member
 * @property {number | null} [head_count]
 * @property {string} [head_count_at]
 * @property {Record<string, number>} [duties]
 * @property {string} [address]
 * @property {string} [key]
 * @property {string} [phones]
 * @property {string} [uncertain]
 * @property {string} [epoch] another one since a backup was put back
 * @typedef {{ id: string, name: string, search: string }} Person
 * @typedef {{ key: string, address: string }} RotatingKey
 */

/** The page's words and addresses. */
export const page = dataOf("line");

/** The event's codes: one that leaked was replaced, and what was stored under the old one is this line's too. */
export const codes = page.codes.split(" ");

export const state = {
  /** @type {Item[]} not sent yet */
  queue: [],
  /** @type {Item[]} sent, and not yet in figures that were fetched since */
  confirmed: [],
  /** @type {Rejection[]} what did not count, until a person has seen it */
  rejected: [],
  /** @type {Record<string, string>} by kind, who was sent last */
  lastSent: {},
  /** @type {Person[]} */
  people: [],
  /** @type {Figures | null} the last ones from the server */
  figures: null,
  /** @type {{ figures: Figures | null, rotating: RotatingKey | null }} what changes all morning, as it is stored */
  cached: { figures: null, rotating: null },
  endsAt: Number(page.ends), // by the server's clock
  ended: false,
  sending: false,
  etag: "",
  /** @type {string | null} the server's, once it has said it */
  epoch: null,
};

/** @type {() => void} */
let draw = () => {};

/** @param {() => void} listener */
export const onChange = (listener) => (draw = listener);

export const changed = () => draw();

export const isOver = () => clock.now() > state.endsAt;

/**
 * Says something that a person has to read and put away.
 * @param {string} why
 */
export function report(why) {
  if (state.rejected.some((item) => item.why === why)) return;
  state.rejected.push({ why, at: "" });
  changed();
}
