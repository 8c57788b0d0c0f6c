// The live board: asks every 2-3 seconds whether anything changed, and puts the new tables in place of the old.
// Rests while the page is hidden or paused. Without this script the page is complete, and a link counts again.
// The time is written beside the live region, which speaks only when updates stop or come back.
"use strict";

(() => {
  const bar = document.getElementById("freshness");
  const board = document.getElementById("board");
  const status = bar.querySelector("[role=status]");
  const time = bar.querySelector("time");
  const words = bar.dataset;
  const pause = document.createElement("button");
  let etag = "";
  let paused = false;
  let waiting = 0;
  let failures = 0;

  pause.type = "button";
  pause.className = "button quiet";
  pause.textContent = words.pause;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? words.resume : words.pause;
    if (paused) {
      clearTimeout(waiting);
      say(words.paused);
    } else {
      ask();
    }
  });
  bar.querySelector("a").replaceWith(pause);

  document.addEventListener("visibilitychange", () => {
    clearTimeout(waiting);
    if (!document.hidden && !paused) ask();
  });
  addEventListener("online", () => { if (!document.hidden && !paused) ask(); });
  wait();

  async function ask() {
    clearTimeout(waiting);
    try {
      const answer = await fetch(words.source, {
        cache: "no-store",
        headers: etag ? { Accept: "application/json", "If-None-Match": etag } : { Accept: "application/json" },
        signal: AbortSignal.timeout(10000),
      });
      if (answer.redirected || [401, 403, 410].includes(answer.status)) return say(words.signedOut);
      if (answer.status === 200) put(await answer.json(), answer.headers.get("ETag"));
      else if (answer.status !== 304) throw new Error(String(answer.status));
      failures = 0;
      time.textContent = new Date().toLocaleTimeString(`${document.documentElement.lang}-US`, { timeZone: words.zone });
      say(words.fresh);
    } catch {
      failures += 1;
      say(words.away);
    }
    wait();
  }

  function wait() {
    // 2 to 3 seconds, so that many boards do not ask at once; up to half a minute while nothing answers.
    const seconds = Math.min((2 + Math.random()) * 2 ** Math.min(failures, 4), 30);
    clearTimeout(waiting);
    if (!document.hidden && !paused) waiting = setTimeout(ask, seconds * 1000);
  }

  function put(said, tag) {
    // What was opened stays open, and the focus stays where it was.
    const open = [...board.querySelectorAll("details")].map((one) => one.open);
    const held = board.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    board.innerHTML = said.html;
    board.querySelectorAll("details").forEach((one, n) => { one.open = Boolean(open[n]); });
    if (held) [...board.querySelectorAll("a")].find((one) => one.getAttribute("href") === held)?.focus({ preventScroll: true });
    etag = tag || "";
  }

  function say(text) {
    if (status.textContent !== text) status.textContent = text;
  }
})();
