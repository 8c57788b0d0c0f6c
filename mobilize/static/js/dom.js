// @ts-check
// Elements of a page that have to be there.

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`this page has no #${id}`);
  return element;
}

/**
 * The first element inside `parent` that matches.
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function first(parent, selector) {
  const element = parent.querySelector(selector);
  if (!(element instanceof HTMLElement)) throw new Error(`nothing matches ${selector}`);
  return element;
}

/**
 * A form's field by its name.
 * @param {HTMLFormElement} form
 * @param {string} name
 */
export const field = (form, name) => /** @type {HTMLInputElement | null} */ (form.elements.namedItem(name));

/**
 * The `data-` attributes of an element: words and addresses the server rendered.
 * @param {string} id
 */
export const dataOf = (id) => /** @type {Record<string, string>} */ (byId(id).dataset);

/**
 * @param {string} tag
 * @param {string} className
 * @param {string} [text]
 */
export function create(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}
