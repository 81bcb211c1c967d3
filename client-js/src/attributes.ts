//! Sets attributes so that the page shows them: properties that live apart, styles under a CSP, scripts' classes.

import { keepingCaret, type Fields } from "./input.js";
import { attributeValue } from "./trust.js";

/** Sets an attribute for its slot. Of `class`, what scripts added stays, and what they removed stays away. */
export function setSlotAttribute(
  slot: { element: Element; last: string | null },
  name: string,
  value: string | null,
  fields: Fields,
): void {
  const { element, last } = slot;
  if (name === "class") {
    slot.last = value;
    if (element.getAttribute(name) !== last) {
      const before = words(last);
      const after = words(value);
      element.classList.remove(...before.filter((word) => !after.includes(word)));
      element.classList.add(...after.filter((word) => !before.includes(word)));
      return;
    }
  }
  setAttribute(element, name, value, fields);
}

/**
 * Sets or (`null`) removes an attribute, with the property that a form field keeps apart from it. What a person
 * edited stays: the attribute holds the server's value until `fields` lets go of the field.
 */
function setAttribute(element: Element, name: string, value: string | null, fields: Fields): void {
  const write = (): void => {
    if (value === null) element.removeAttribute(name);
    else element.setAttribute(name, attributeValue(element, name, value));
  };
  if (name === "style") {
    setStyle(element as HTMLElement, value);
  } else if (/^(value|checked|selected)$/.test(name)) {
    if (name === "selected") fields.keepingChoice(element, write);
    else keepingCaret(element, write);
    fields.attributeChanged(element, name, value);
  } else {
    // A modal dialog without its attribute would stay in the top layer, invisible and blocking the page.
    if (value === null && name === "open" && element.localName === "dialog") (element as HTMLDialogElement).close();
    write();
    if (name === "muted") (element as HTMLMediaElement).muted = value !== null;
  }
}

function setStyle(element: HTMLElement, value: string | null): void {
  // A style attribute written as such is blocked by `style-src 'self'`; the same through the object model is not.
  if (value === null || !element.style) element.removeAttribute("style");
  else element.style.cssText = value;
}

function words(value: string | null): string[] {
  return value?.match(/\S+/g) ?? [];
}
