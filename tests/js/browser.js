// @ts-check
// What the scripts find in a browser, as far as their queue and clock need it. Imported before they are.

import "fake-indexeddb/auto";

/** @type {Record<string, any>} */
const anywhere = globalThis;
/** @type {Map<string, () => void>} */
const listeners = new Map();

/** The `data-` attributes of the line page. */
export const linePage = {
  code: "ABC", codes: "ABC", ends: String(Date.now() + 3600e3), items: "/line/ABC/items", state: "/line/ABC/state",
  ended: "The line has ended.", keepsNothing: "Nothing is kept here.", unreadable: "% cannot be read.",
};

export const page = {
  hidden: false,
  getElementById: (/** @type {string} */ id) => (id === "line" ? { dataset: linePage } : null),
  addEventListener: (/** @type {string} */ type, /** @type {() => void} */ listener) => listeners.set(type, listener),
};

anywhere.document = page;
Object.defineProperty(globalThis, "localStorage", { value: {}, configurable: true, writable: true });

/** @param {boolean} hidden */
export function setHidden(hidden) {
  page.hidden = hidden;
  listeners.get("visibilitychange")?.();
}

/**
 * The server: each request is noted and answered by `answer`, which throws where there is no network.
 * @param {(payload: any, url: string) => { status?: number, body?: any, headers?: Record<string, string> }} answer
 */
export function serve(answer) {
  /** @type {{ url: string, payload: any }[]} */
  const requests = [];
  anywhere.fetch = async (/** @type {string} */ url, /** @type {RequestInit} */ { body }) => {
    const payload = body ? JSON.parse(String(body)) : null;
    requests.push({ url, payload });
    const { status = 200, body: result = {}, headers } = answer(payload, url);
    return new Response(status === 304 ? null : JSON.stringify(result), { status, headers });
  };
  return requests;
}

/** @returns {never} */
export function noNetwork() {
  throw new TypeError("Failed to fetch");
}
