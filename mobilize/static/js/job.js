// @ts-check
// The page of long work: how far it is. At the end the page is loaded again, as soon as somebody looks at it: it says
// what came of it, or leads there.

import { byId } from "./dom.js";
import { follow } from "./job_polling.js";

const job = byId("job");
const bar = /** @type {HTMLProgressElement} */ (byId("job-bar"));
const words = byId("job-words");

/** @param {import("./job_polling.js").JobState} state */
function show(state) {
  if (words.textContent !== state.words) words.textContent = state.words;
  if (!state.open) document.title = state.line;
  if (state.total) {
    bar.max = state.total;
    bar.value = state.done;
  } else {
    bar.removeAttribute("value");
  }
}

function reloadWhenWatched() {
  if (!document.hidden) location.reload();
  else document.addEventListener("visibilitychange", () => location.reload(), { once: true });
}

follow(String(job.dataset.state), show).then(reloadWhenWatched);
