// @ts-check
// Asks how far long work is, until it has ended: after two seconds, then less often, every ten at last. Also in a tab
// that nobody looks at, whose title then says the end.

import { timeoutSignal } from "./http.js";

const FIRST_MS = 2_000;
const LAST_MS = 10_000;
const MOST_LOOKS = 1_000; // some three hours: what takes longer is stuck, and a reload says so

/**
 * @typedef {object} JobState as `jobs.job_state` answers
 * @property {boolean} open
 * @property {string} state
 * @property {string} word for the state
 * @property {string} line with its name and that word
 * @property {string} words how far it is, as a sentence
 * @property {number} done
 * @property {number} total 0 where nobody knows
 */

/**
 * Ends with the work, or when the job cannot be seen any more: signed out, or gone.
 * @param {string} address of its state
 * @param {(state: JobState) => void} show is given each answer
 */
export async function follow(address, show) {
  let wait = FIRST_MS;
  for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(wait * 1.25, LAST_MS);
    const response = await look(address);
    if (!response || response.status >= 500) continue; // no network, or no service: later
    if (!response.ok || response.redirected) return;
    const state = await response.json();
    show(state);
    if (!state.open) return;
  }
}

/** @param {string} address */
function look(address) {
  const headers = { Accept: "application/json" };
  return fetch(address, { cache: "no-store", headers, signal: timeoutSignal(10_000) }).catch(() => null);
}
