// @ts-check
// Passkeys: the form fetches what the device has to sign, the device signs it, and the form sends the answer.
// Without this script, or on a browser without passkeys, the part of the page that needs one stays hidden.
import { field, first } from "./dom.js";

/** @typedef {any} Options as the server makes them, with base64url where the browser wants bytes */

// A passkey that the browser offers in the field of the phone number, until one is asked for by its button.
const autofill = new AbortController();
let offered = Promise.resolve();

for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("form[data-passkey]"))) {
  const part = /** @type {HTMLElement} */ (form.closest("[data-passkey-part]") || form);
  if (!window.PublicKeyCredential || !navigator.credentials) {
    showWithoutPasskey();
    continue;
  }
  part.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sign(form, event.submitter?.getAttribute("value") === "second");
  });
  if (form.dataset.passkey === "sign-in") offered = offerInField(form);
}

function showWithoutPasskey() {
  const parts = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-without-passkey]"));
  for (const part of parts) part.hidden = false;
}

/** @param {HTMLFormElement} form */
async function offerInField(form) {
  try {
    if (!document.querySelector('[autocomplete~="webauthn"]')) return;
    if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    const publicKey = requestOptions(await fetchOptions(form));
    send(form, await navigator.credentials.get({ publicKey, mediation: "conditional", signal: autofill.signal }));
  } catch {
    // They sign in another way, or pressed the button.
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {boolean} secondOnly whether a key will do that needs the code beside it
 */
async function sign(form, secondOnly) {
  const problem = first(form, "[data-problem]");
  const button = /** @type {HTMLButtonElement} */ (first(form, "button"));
  problem.hidden = true;
  button.disabled = true;
  try {
    autofill.abort();
    await offered;
    const options = await fetchOptions(form);
    const credential =
      form.dataset.passkey === "add"
        ? await navigator.credentials.create({ publicKey: creationOptions(options, secondOnly) })
        : await navigator.credentials.get({ publicKey: requestOptions(options) });
    send(form, credential);
  } catch (error) {
    // They closed the window, this device has no such key, or it has one of theirs already.
    const isKnown = error instanceof DOMException && error.name === "InvalidStateError";
    problem.textContent = (isKnown ? problem.dataset.known : problem.dataset.failed) ?? "";
    problem.hidden = false;
    problem.focus();
    button.disabled = false;
    const weaker = /** @type {HTMLElement | null} */ (form.querySelector("[data-second-only]"));
    if (weaker && !isKnown) weaker.hidden = false;
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {Credential | null} credential
 */
function send(form, credential) {
  const input = field(form, "step_credential");
  if (input) input.value = JSON.stringify(asJson(/** @type {any} */ (credential)));
  form.submit();
}

/**
 * @param {HTMLFormElement} form
 * @returns {Promise<Options>}
 */
async function fetchOptions(form) {
  const response = await fetch(form.dataset.options ?? "", {
    method: "POST",
    headers: { "X-CSRFToken": field(form, "csrf_token")?.value ?? "", Accept: "application/json" },
  });
  if (!response.ok) throw new Error("no options");
  return response.json();
}

/**
 * @param {Options} options
 * @param {boolean} secondOnly
 */
function creationOptions(options, secondOnly) {
  const weaker = { residentKey: "discouraged", requireResidentKey: false, userVerification: "preferred" };
  return {
    ...options,
    authenticatorSelection: secondOnly ? weaker : options.authenticatorSelection,
    challenge: toBytes(options.challenge),
    user: { ...options.user, id: toBytes(options.user.id) },
    excludeCredentials: (options.excludeCredentials || []).map(withBytes),
  };
}

/** @param {Options} options */
function requestOptions(options) {
  return {
    ...options,
    challenge: toBytes(options.challenge),
    allowCredentials: (options.allowCredentials || []).map(withBytes),
  };
}

/** @param {Options} descriptor */
function withBytes(descriptor) {
  return { ...descriptor, id: toBytes(descriptor.id) };
}

/**
 * What PublicKeyCredential.toJSON() gives, for browsers that do not have it yet.
 * @param {any} credential
 */
function asJson(credential) {
  /** @type {Record<string, string>} */
  const response = { clientDataJSON: toText(credential.response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  }
  return { id: credential.id, rawId: toText(credential.rawId), type: credential.type, response };
}

/** @param {string} text base64url */
function toBytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

/** @param {ArrayBuffer} buffer */
function toText(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
