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
 * Says at a field what is wrong with it, as the server's page does: aloud, and the next key goes into it. "" takes
 * it back.
 * @param {HTMLInputElement} input
 * @param {string} why
 */
export function sayAtField(input, why) {
  const id = input.id + "-error";
  document.getElementById(id)?.remove();
  const described = (input.getAttribute("aria-describedby") ?? "").split(" ").filter((one) => one && one !== id);
  if (why) {
    const error = create("p", "error", why);
    error.id = id;
    error.setAttribute("role", "alert");
    input.before(error);
    described.push(id);
  }
  input.setAttribute("aria-invalid", String(Boolean(why)));
  input.setAttribute("aria-describedby", described.join(" "));
  if (why) input.focus();
}

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
