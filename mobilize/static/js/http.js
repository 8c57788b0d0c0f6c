// @ts-check
// Requests that are given up after a while, body included. Old phones have no AbortSignal.timeout.

/**
 * @param {AbortController} controller
 * @param {number} ms
 */
export function abortAfter(controller, ms) {
  setTimeout(() => controller.abort(), ms);
  return controller.signal;
}

/** @param {number} ms */
export const timeoutSignal = (ms) => abortAfter(new AbortController(), ms);

/**
 * @param {string} url
 * @param {object} payload
 * @param {number} timeout in milliseconds
 */
export function postJson(url, payload, timeout) {
  return fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(payload),
    signal: timeoutSignal(timeout),
  });
}
