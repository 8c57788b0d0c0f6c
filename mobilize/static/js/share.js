// @ts-check
// Words to pass on: the phone's own list of apps where there is one, and a copy that asks for no permission.

import { byId, first } from "./dom.js";

/**
 * Shows the buttons that need a script: `data-share` and `data-copy` name the element with the words.
 * @param {ParentNode} parent
 */
export function offerToShare(parent) {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (parent.querySelectorAll("[data-share], [data-copy]"))) {
    const box = byId(button.dataset.share ?? button.dataset.copy ?? "");
    const text = box.textContent ?? "";
    if (button.dataset.copy) button.onclick = () => copy(box, button);
    else button.onclick = () => navigator.share({ text }).catch(() => {}); // they closed it
    button.hidden = !button.dataset.copy && !navigator.share;
  }
}

/**
 * Without a permission, or on a page that is not encrypted, as browsers copied before; else the words stay marked, to
 * be copied by hand.
 * @param {HTMLElement} box with the words
 * @param {HTMLElement} button
 */
async function copy(box, button) {
  let isCopied = true;
  try {
    await navigator.clipboard.writeText(box.textContent ?? "");
  } catch {
    getSelection()?.selectAllChildren(box);
    isCopied = document.execCommand("copy");
  }
  const status = first(button.parentElement ?? document, "[role=status]");
  status.textContent = (isCopied ? button.dataset.copied : button.dataset.marked) ?? "";
}

offerToShare(document);
