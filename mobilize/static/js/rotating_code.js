// @ts-check
// The code that changes every half minute, full screen on the line's phone; drawn without a network too.

import { qrcode } from "../vendor/qrcode-generator.js";
import { clock } from "./clock.js";
import { byId } from "./dom.js";
import { page, state } from "./line_state.js";
import { refresh } from "./line_sync.js";

const STEP = 30000;
const MARGIN = 2; // around the code, in its modules: half of what print needs, for modules that are an eighth larger
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const board = /** @type {HTMLDialogElement} */ (byId("board"));
const svg = byId("board-code");
/** @type {WakeLockSentinel | null | undefined} */
let wakeLock;
/** @type {import("./line_state.js").RotatingKey | null} whose code is drawn */
let drawnKey = null;
/** @type {number | null} */
let drawnStep = null;

async function open() {
  drawnStep = null;
  board.showModal();
  fitWords();
  board.requestFullscreen?.().catch(() => {});
  stayAwake();
  await tick();
  await refresh();
  await tick();
}

// As large as there is room for, in every language.
function fitWords() {
  const far = /** @type {SVGSVGElement} */ (/** @type {unknown} */ (byId("board-far")));
  const lines = far.querySelectorAll("text");
  const widths = Array.from(lines, (line) => line.getComputedTextLength());
  const [width, bottom] = [Math.max(...widths), Number(lines[lines.length - 1].getAttribute("y"))];
  far.setAttribute("viewBox", `${-width / 2} 0 ${width} ${bottom + 6}`);
}

async function tick() {
  if (!board.open) return;
  const words = byId("board-words");
  const { rotating } = state.cached;
  if (!rotating?.key) {
    words.textContent = page.noKey;
    svg.firstElementChild?.removeAttribute("d");
    return;
  }
  const now = clock.now();
  const step = Math.floor(now / STEP);
  if (step !== drawnStep || rotating !== drawnKey) {
    [drawnStep, drawnKey] = [step, rotating];
    draw(rotating.address + (await codeAt(step, rotating.key)));
  }
  const left = 30 - (Math.floor(now / 1000) % 30);
  /** @type {HTMLProgressElement} */ (byId("board-left")).value = left;
  words.textContent = page.next.replace("%", String(left));
}

/**
 * The code of one half minute, as `rotating.py` works it out.
 * @param {number} step
 * @param {string} hexKey
 */
export async function codeAt(step, hexKey) {
  const bytes = Uint8Array.from(hexKey.match(/../g) ?? [], (byte) => parseInt(byte, 16));
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const message = new DataView(new ArrayBuffer(8));
  message.setUint32(4, step); // eight bytes, big end first; no BigInt: old phones have none
  const digest = new Uint8Array(await crypto.subtle.sign("HMAC", key, message)).slice(0, 5);
  const bits = Array.from(digest, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{5}/g) ?? []).map((five) => BASE32[parseInt(five, 2)]).join("");
}

/** @param {string} address in the letters of a QR code's alphanumeric mode */
function draw(address) {
  const code = qrcode(0, "L");
  code.addData(address, "Alphanumeric");
  code.make();
  const size = code.getModuleCount();
  let path = "";
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) if (code.isDark(y, x)) path += `M${x + MARGIN} ${y + MARGIN}h1v1h-1z`;
  }
  const side = size + 2 * MARGIN;
  svg.setAttribute("viewBox", `0 0 ${side} ${side}`);
  svg.dataset.address = address;
  svg.firstElementChild?.setAttribute("d", path);
}

async function stayAwake() {
  try {
    wakeLock = await navigator.wakeLock?.request("screen");
  } catch {
    // Battery saving: the screen may go dark, and one tap brings it back.
  }
}

if (window.crypto?.subtle && "showModal" in board) {
  byId("code-buttons").hidden = false;
  byId("show-board").onclick = open;
  board.addEventListener("close", () => {
    wakeLock?.release();
    if (document.fullscreenElement) document.exitFullscreen();
  });
  document.addEventListener("visibilitychange", () => board.open && !document.hidden && stayAwake());
  setInterval(tick, 1000);
}
