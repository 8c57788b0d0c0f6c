// @ts-check
// A member's own code before the camera of the line's phone. Nothing of the picture is stored or sent.

import { byId } from "./dom.js";
import { enqueue } from "./line_queue.js";
import { page } from "./line_state.js";

/** @typedef {(video: HTMLVideoElement) => Promise<string | null>} Decoder gives the text of a code, or null */

const scan = /** @type {HTMLDialogElement} */ (byId("scan"));
const video = /** @type {HTMLVideoElement} */ (byId("scan-video"));
const words = byId("scan-words");
const typeInstead = byId("scan-type");
const OWN_CODE = /\/P\/([^/]+)\/([A-Z2-7]{10})$/i;
const SAME_CODE_AGAIN = 3000;
/** @type {Decoder | null} */
let decoder = null;
let lastText = "";

async function open() {
  words.textContent = "";
  video.hidden = false;
  typeInstead.hidden = true;
  scan.showModal();
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    await video.play();
    decoder ??= await makeDecoder();
  } catch {
    words.textContent = page.noCamera;
    video.hidden = true;
    typeInstead.hidden = false;
    return;
  }
  while (scan.open) {
    onScan(await decoder(video).catch(() => null));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** @param {string | null} text */
function onScan(text) {
  if (!text || text === lastText) return;
  lastText = text;
  setTimeout(() => (lastText = ""), SAME_CODE_AGAIN);
  const match = OWN_CODE.exec(text);
  words.textContent = match ? page.scanned : page.notOurs;
  if (!match) return;
  navigator.vibrate?.(100);
  enqueue({ kind: "scan", personal: `${match[1]}/${match[2]}`.toUpperCase() });
}

/**
 * The browser's own, or the vendored one in a worker.
 * @returns {Promise<Decoder>}
 */
export async function makeDecoder() {
  const { BarcodeDetector } = /** @type {any} */ (window);
  const formats = await BarcodeDetector?.getSupportedFormats?.().catch(() => []);
  if (!formats?.includes("qr_code")) return workerDecoder(await startWorker());
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  return async (picture) => (await detector.detect(picture))[0]?.rawValue ?? null;
}

/** @returns {Promise<Worker>} */
async function startWorker() {
  const worker = new Worker(page.worker);
  await new Promise((resolve, reject) => {
    worker.onerror = reject; // it was never on this phone, and there is no network
    worker.addEventListener("message", resolve, { once: true });
    worker.postMessage({ id: 0, type: "decode", data: new ImageData(64, 64) });
    setTimeout(reject, 8000);
  });
  return worker;
}

/**
 * @param {Worker} worker
 * @returns {Decoder}
 */
function workerDecoder(worker) {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let lastId = 0;
  return (picture) => {
    if (!context) return Promise.resolve(null);
    canvas.width = Math.min(picture.videoWidth, 640);
    canvas.height = Math.round((canvas.width * picture.videoHeight) / picture.videoWidth);
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const data = context.getImageData(0, 0, canvas.width, canvas.height);
    return decodeInWorker(worker, ++lastId, data);
  };
}

/**
 * @param {Worker} worker
 * @param {number} id
 * @param {ImageData} data
 * @returns {Promise<string | null>}
 */
function decodeInWorker(worker, id, data) {
  return new Promise((resolve) => {
    /** @param {MessageEvent} event */
    const onMessage = ({ data: result }) => {
      if (result.id !== id || result.type !== "qrResult") return;
      worker.removeEventListener("message", onMessage);
      resolve(result.data);
    };
    worker.addEventListener("message", onMessage);
    worker.postMessage({ id, type: "decode", data }, [data.data.buffer]);
  });
}

byId("show-scan").onclick = open;
typeInstead.onclick = () => {
  scan.close();
  byId("typed").focus();
};
scan.addEventListener("close", () => {
  const stream = /** @type {MediaStream | null} */ (video.srcObject);
  stream?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
});
