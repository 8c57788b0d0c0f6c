// @ts-check
// The lines about one's own long work on any page: how far it is, and its end, which is said aloud and stands in the
// tab's title. Its link leads to what came of it.

import { first } from "./dom.js";
import { follow } from "./job_polling.js";

const title = document.title;

/**
 * @param {HTMLElement} line
 * @param {import("./job_polling.js").JobState} state
 */
function show(line, state) {
  line.className = `own-job ${state.state}`;
  const word = first(line, ".state"); // speaks: touched only when it changes
  if (word.textContent !== state.word) word.textContent = state.word;
  first(line, ".progress").textContent = state.state === "running" ? state.words : "";
  if (!state.open) document.title = `${state.line} · ${title}`;
}

for (const line of document.querySelectorAll(".own-job[data-state]")) {
  if (line instanceof HTMLElement) follow(String(line.dataset.state), (state) => show(line, state));
}
