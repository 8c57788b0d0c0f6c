// @ts-check
// How far long work is. Asked once a second at first, then less often, and not while nobody looks. At the end the page
// is loaded again: it says what came of it, or leads there.

import { byId } from "./dom.js";
import { timeoutSignal } from "./http.js";

const job = byId("job");
const bar = /** @type {HTMLProgressElement} */ (byId("job-bar"));
const words = byId("job-words");
let looks = 0;

async function look() {
  const answer = await fetch(String(job.dataset.state), {
    headers: { Accept: "application/json" },
    signal: timeoutSignal(10_000),
  });
  if (!answer.ok) return answer.status >= 500; // signed out, or gone: the page says so
  const state = await answer.json();
  if (words.textContent !== state.words) words.textContent = state.words;
  if (state.total) {
    bar.max = state.total;
    bar.value = state.done;
  } else {
    bar.removeAttribute("value");
  }
  return state.open;
}

async function follow() {
  let open = true;
  if (!document.hidden) open = await look().catch(() => true); // no network: later
  looks += 1;
  if (open) setTimeout(follow, looks < 20 ? 1000 : looks < 60 ? 2000 : 5000);
  else location.reload();
}

setTimeout(follow, 700);
