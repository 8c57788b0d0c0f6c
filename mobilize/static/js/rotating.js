// The code that changes every half minute, full screen on the line's phone; drawn without a network too.
"use strict";

const board = document.getElementById("board");
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
let shownStep = null;
let awake = null;
let signing = null;

// With every look at the line: there is another key where some phone's link has ended.
function takeKey({ key, address }) {
  if (kept.rotating?.key === key && kept.rotating?.address === address) return;
  kept.rotating = { key, address };
  signing = shownStep = null;
}

async function showBoard() {
  shownStep = null;
  board.showModal();
  board.requestFullscreen?.().catch(() => {});
  stayAwake();
  await tick();
  await refresh();
  await tick();
}

async function tick() {
  if (!board.open) return;
  const words = document.getElementById("board-words");
  if (!kept.rotating?.key) {
    words.textContent = line.noKey;
    document.getElementById("board-code").firstElementChild.removeAttribute("d");
    return;
  }
  const now = serverNow();
  const step = Math.floor(now / 30000);
  if (step !== shownStep) {
    shownStep = step;
    draw(await codeOf(step));
  }
  const left = 30 - (Math.floor(now / 1000) % 30);
  document.getElementById("board-left").value = left;
  words.textContent = line.next.replace("%", left);
}

async function codeOf(step) {
  const key = Uint8Array.from(kept.rotating.key.match(/../g), (byte) => parseInt(byte, 16));
  signing ??= crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const message = new DataView(new ArrayBuffer(8));
  message.setUint32(4, step); // eight bytes, big end first; no BigInt: old phones have none
  const bytes = new Uint8Array(await crypto.subtle.sign("HMAC", await signing, message)).slice(0, 5);
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return bits.match(/.{5}/g).map((five) => BASE32[parseInt(five, 2)]).join("");
}

function draw(code) {
  const address = kept.rotating.address + code;
  const rows = qr.rows(address);
  const side = rows.length + 8;
  const path = rows.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x + 4} ${y + 4}h1v1h-1z` : "")));
  const svg = document.getElementById("board-code");
  svg.setAttribute("viewBox", `0 0 ${side} ${side}`);
  svg.dataset.address = address;
  svg.firstElementChild.setAttribute("d", path.join(""));
}

async function stayAwake() {
  try {
    awake = await navigator.wakeLock?.request("screen");
  } catch {
    // Battery saving: the screen may go dark, and one tap brings it back.
  }
}

if (window.crypto?.subtle && board.showModal) {
  document.getElementById("code-buttons").hidden = false;
  document.getElementById("show-board").onclick = showBoard;
  board.addEventListener("close", () => {
    awake?.release();
    if (document.fullscreenElement) document.exitFullscreen();
  });
  document.addEventListener("visibilitychange", () => board.open && !document.hidden && stayAwake());
  setInterval(tick, 1000);
}
