//! Sets attributes so that the page shows them: properties that live apart, styles under a CSP, scripts' classes.

import { keepingCaret, type Fields } from "./input.js";
import { attributeValue } from "./trust.js";

/**
 * Sets or (`null`) removes an attribute, with the property that a form field keeps apart from it. What a person
 * edited stays: the attribute holds the server's value until `fields` lets go of the field.
 */
export function setAttribute(element: Element, name: string, value: string | null, fields: Fields): void {
  if (name === "style") setStyle(element as HTMLElement, value);
  else if (value === null) removeAttribute(element, name);
  else if (name === "value") keepingCaret(element, () => element.setAttribute(name, value));
  else if (name === "selected") fields.keepingChoice(element, () => element.setAttribute(name, value));
  else element.setAttribute(name, attributeValue(element, name, value));
  switch (name) {
    case "value":
    case "checked":
    case "selected":
      fields.attributeChanged(element, name, value);
      break;
    case "muted":
      (element as HTMLMediaElement).muted = value !== null;
  }

  function removeAttribute(element: Element, name: string): void {
    // A modal dialog without its attribute would stay in the top layer, invisible and blocking the page.
    if (name === "open" && element.localName === "dialog") (element as HTMLDialogElement).close();
    if (name === "selected") fields.keepingChoice(element, () => element.removeAttribute(name));
    else element.removeAttribute(name);
  }
}

/** The class attribute after a change by the server: classes that scripts added stay, those they removed stay away. */
export function setClass(element: Element, last: string | null, value: string | null): void {
  const shown = element.getAttribute("class");
  if (shown === last) {
    if (value === null) element.removeAttribute("class");
    else element.setAttribute("class", value);
    return;
  }
  const before = words(last);
  const after = words(value);
  for (const name of before) if (!after.includes(name)) element.classList.remove(name);
  for (const name of after) if (!before.includes(name)) element.classList.add(name);
}

function setStyle(element: HTMLElement, value: string | null): void {
  // A style attribute written as such is blocked by `style-src 'self'`; the same through the object model is not.
  if (value === null || !element.style) element.removeAttribute("style");
  else element.style.cssText = value;
}

function words(value: string | null): string[] {
  return value?.match(/\S+/g) ?? [];
}
