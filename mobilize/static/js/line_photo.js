// @ts-check
// A photo beside a head count: drawn anew and small, so that nothing of place, time or camera leaves this phone; stored
// encrypted until it is sent, after its count. Nothing else waits for it.

import { clock } from "./clock.js";
import { dataOf } from "./dom.js";
import { timeoutSignal } from "./http.js";
import { codes, page, report, state } from "./line_state.js";
import { lineStorage } from "./line_storage.js";
import { newNonce, storage } from "./storage.js";

const LONGEST_SIDE = 1280;
const MOST_BYTES = 200000;
const QUALITIES = [0.8, 0.65, 0.5, 0.35, 0.2];
const KEPT_FOR = 14 * 86400e3;
const TIMEOUT = 60000;
const PAUSE = 10000;

/**
 * A photo until it is sent, under a key of its own; `of` is the nonce of its head count.
 * @typedef {import("./clock.js").Stamp & { nonce: string, of: string, picture: string }} Photo
 */

const box = document.getElementById("photo"); // null where the office has not allowed any
const words = box ? dataOf("photo") : {};
const status = document.getElementById("photo-status");

/** @type {Map<string, Photo>} by head count: one has one photo, the last */
const waiting = new Map();
let count = words.count; // the one that the next photo goes with
let drawnStatus = words.has ? words.sent : "";
let sending = false;
let notBefore = 0;

box?.querySelector("input")?.addEventListener("change", onChosen);
addEventListener("online", () => ((notBefore = 0), sendPhotos()));

/** Where this phone has counted heads, a photo can be added. */
export function drawPhoto() {
  if (!box || !status) return;
  const latest = [...state.confirmed, ...state.queue].filter(({ kind }) => kind === "head_count").pop();
  if (latest && latest.nonce !== count) {
    count = latest.nonce;
    drawnStatus = "";
  }
  box.hidden = !count;
  const text = waiting.has(count) ? words.saved : drawnStatus;
  if (status.textContent !== text) status.textContent = text; // said aloud once
}

/** @param {Event} event */
async function onChosen(event) {
  const input = /** @type {HTMLInputElement} */ (event.target);
  const [file] = input.files ?? [];
  if (!file) return;
  const of = count;
  const picture = await smallPicture(file).catch(() => null);
  input.value = "";
  if (!picture) return report(words.unfit);
  const before = waiting.get(of);
  const photo = { ...clock.stamp(), nonce: newNonce(), of, picture };
  waiting.set(of, photo);
  drawPhoto();
  await lineStorage.putItem(photo, `${page.code}/photos`);
  if (before) await storage.remove("line_queue", before.nonce);
  if (waiting.get(of) !== photo) await storage.remove("line_queue", photo.nonce); // sent while it was being stored
  if (storage.failed) report(page.keepsNothing);
  notBefore = 0;
  sendPhotos();
}

/**
 * Its pixels alone, as a JPEG in base64; null where no picture is small enough.
 * @param {Blob} file
 */
async function smallPicture(file) {
  const upright = /** @type {const} */ ({ imageOrientation: "from-image" });
  const image = await createImageBitmap(file, upright).catch(() => createImageBitmap(file)); // older browsers
  const scale = Math.min(1, LONGEST_SIDE / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  for (const quality of QUALITIES) {
    const base64 = canvas.toDataURL("image/jpeg", quality).split(",")[1];
    if (base64 && base64.length * 0.75 <= MOST_BYTES) return base64;
  }
  return null;
}

/** What waits from an earlier visit; nothing older than a photo is kept anywhere. */
export async function loadPhotos() {
  const items = await lineStorage.items(codes.map((code) => `${code}/photos`));
  const photos = /** @type {Photo[]} */ (/** @type {unknown} */ (items));
  for (const photo of photos.sort((a, b) => a.at.localeCompare(b.at))) {
    const isOld = Date.parse(photo.at) < Date.now() - KEPT_FOR;
    if (photo.of && !isOld) waiting.set(photo.of, photo);
    else await storage.remove("line_queue", photo.nonce);
    if (!photo.of) report(words.unreadable ?? page.unreadable.replace("%", "1"));
  }
}

/** @returns {Promise<void>} */
export async function sendPhotos() {
  if (!box || sending || performance.now() < notBefore) return;
  sending = true;
  try {
    for (const photo of waiting.values()) {
      if (!state.queue.some(({ nonce }) => nonce === photo.of)) await sendPhoto(photo); // its head count goes first
    }
  } catch {
    notBefore = performance.now() + PAUSE; // no network: it stays, and the next try comes by itself
  } finally {
    sending = false;
  }
}

/** @param {Photo} photo */
async function sendPhoto(photo) {
  const response = await fetch(words.address + photo.of, {
    method: "POST",
    headers: { "Content-Type": "image/jpeg", Accept: "application/json" },
    body: Uint8Array.from(atob(photo.picture), (letter) => letter.charCodeAt(0)),
    signal: timeoutSignal(TIMEOUT),
  });
  const { message = "" } = response.ok ? {} : await response.json();
  // What has no words of its own is not about this photo: the phone's link, or the server.
  if (!response.ok && (!message || response.status >= 500)) throw new Error(String(response.status));
  await storage.remove("line_queue", photo.nonce);
  if (waiting.get(photo.of) === photo) waiting.delete(photo.of);
  if (photo.of === count) drawnStatus = response.ok ? words.sent : "";
  if (message) report(message);
  drawPhoto();
}
