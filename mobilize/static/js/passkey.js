// Passkeys: the form fetches what the device has to sign, the device signs it, and the form sends the answer.
// Without this script, or on a browser without passkeys, the part of the page that needs one stays hidden.
"use strict";

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const part = form.closest("[data-passkey-part]") || form;
  if (!window.PublicKeyCredential || !navigator.credentials) {
    for (const without of document.querySelectorAll("[data-without-passkey]")) without.hidden = false;
    continue;
  }
  part.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(form);
  });
}

async function ask(form) {
  const problem = form.querySelector("[data-problem]");
  const button = form.querySelector("button");
  problem.hidden = true;
  button.disabled = true;
  try {
    const options = await fetchOptions(form);
    const credential =
      form.dataset.passkey === "add"
        ? await navigator.credentials.create({ publicKey: forCreating(options) })
        : await navigator.credentials.get({ publicKey: forProving(options) });
    form.elements.step_credential.value = JSON.stringify(asJson(credential));
    form.submit();
  } catch (error) {
    // She closed the window, this device has no such key, or it has one of hers already.
    problem.textContent = error.name === "InvalidStateError" ? problem.dataset.known : problem.dataset.failed;
    problem.hidden = false;
    problem.focus();
    button.disabled = false;
  }
}

async function fetchOptions(form) {
  const answer = await fetch(form.dataset.options, {
    method: "POST",
    headers: { "X-CSRFToken": form.elements.csrf_token.value, Accept: "application/json" },
  });
  if (!answer.ok) throw new Error("no options");
  return answer.json();
}

function forCreating(options) {
  return {
    ...options,
    challenge: toBytes(options.challenge),
    user: { ...options.user, id: toBytes(options.user.id) },
    excludeCredentials: (options.excludeCredentials || []).map(withBytes),
  };
}

function forProving(options) {
  return {
    ...options,
    challenge: toBytes(options.challenge),
    allowCredentials: (options.allowCredentials || []).map(withBytes),
  };
}

function withBytes(descriptor) {
  return { ...descriptor, id: toBytes(descriptor.id) };
}

// What PublicKeyCredential.toJSON() gives, for browsers that do not have it yet.
function asJson(credential) {
  const response = { clientDataJSON: toText(credential.response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  }
  return { id: credential.id, rawId: toText(credential.rawId), type: credential.type, response };
}

function toBytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function toText(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
