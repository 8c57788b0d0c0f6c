// A member's own code before the camera of the line's phone. Nothing of the picture is kept or sent.
"use strict";

const scan = document.getElementById("scan");
const video = document.getElementById("scan-video");
const typeInstead = document.getElementById("scan-type");
const OWN = /\/P\/([^/]+)\/([A-Z2-7]{10})$/i;
let reader = null;

async function showScan() {
  const words = document.getElementById("scan-words");
  words.textContent = "";
  video.hidden = false;
  typeInstead.hidden = true;
  scan.showModal();
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    await video.play();
    reader ??= await anyReader();
  } catch {
    words.textContent = line.noCamera;
    video.hidden = true;
    typeInstead.hidden = false;
    return;
  }
  while (scan.open) {
    take(await reader(video).catch(() => null), words);
    await new Promise((done) => setTimeout(done, 200));
  }
}

let last = "";

function take(text, words) {
  if (!text || text === last) return;
  last = text;
  setTimeout(() => (last = ""), 3000);
  const found = OWN.exec(text);
  words.textContent = found ? line.scanned : line.notOurs;
  if (!found) return;
  navigator.vibrate?.(100);
  add({ kind: "scan", personal: `${found[1]}/${found[2]}`.toUpperCase() });
}

// The browser's own reader, or the vendored one in a worker. Each gives the text, or null.
async function anyReader() {
  const formats = await window.BarcodeDetector?.getSupportedFormats?.().catch(() => []);
  if (formats?.includes("qr_code")) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async (picture) => (await detector.detect(picture))[0]?.rawValue ?? null;
  }
  const worker = new Worker(line.worker);
  await new Promise((begun, failed) => {
    worker.onerror = failed; // it was never on this phone, and there is no network
    worker.addEventListener("message", begun, { once: true });
    worker.postMessage({ id: 0, type: "decode", data: new ImageData(64, 64) });
    setTimeout(failed, 8000);
  });
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let id = 0;
  return (picture) => {
    const wide = Math.min(picture.videoWidth, 640);
    canvas.width = wide;
    canvas.height = Math.round((wide * picture.videoHeight) / picture.videoWidth);
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const data = context.getImageData(0, 0, canvas.width, canvas.height);
    const mine = ++id;
    return new Promise((done) => {
      const hear = ({ data: said }) => {
        if (said.id !== mine || said.type !== "qrResult") return;
        worker.removeEventListener("message", hear);
        done(said.data);
      };
      worker.addEventListener("message", hear);
      worker.postMessage({ id: mine, type: "decode", data }, [data.data.buffer]);
    });
  };
}

document.getElementById("show-scan").onclick = showScan;
typeInstead.onclick = () => {
  scan.close();
  document.getElementById("typed").focus();
};
scan.addEventListener("close", () => {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
});
