//! Sets attributes so that the page shows them: properties that live apart, styles under a CSP, scripts' classes.

import { served } from "./changes.js";
import { binds } from "./index-page.js";
import type { Fields } from "./input.js";
import { attributeValue } from "./trust.js";

/**
 * Sets or (`null`) removes an attribute, with the property that a form field keeps apart from it. What a person
 * edited stays: the attribute holds the server's value until `fields` lets go of the field. Of `class`, what scripts
 * added stays, and what they removed stays away.
 */
export function setAttribute(element: Element, name: string, value: string | null, fields: Fields): void {
  const changed = served.get(element);
  const write = (): void => {
    if (value === null) element.removeAttribute(name);
    else element.setAttribute(name, attributeValue(element, name, value));
  };
  if (name === "class" && changed?.class !== undefined) {
    const before = words(changed.class);
    const after = words(value);
    for (const word of [...before, ...after]) {
      const shown = after.includes(word);
      if (before.includes(word) !== shown) element.classList.toggle(word, shown);
    }
  } else if (name === "style" && value !== null && (element as HTMLElement).style) {
    // A style attribute written as such is blocked by `style-src 'self'`; the same through the object model is not.
    (element as HTMLElement).style.cssText = value;
  } else if (binds(element, name)) {
    fields.change(element, write);
  } else {
    // A modal dialog without its attribute would stay in the top layer, invisible and blocking the page.
    if (value === null && name === "open") (element as Partial<HTMLDialogElement>).close?.();
    write();
    if (name === "muted") (element as HTMLMediaElement).muted = value !== null;
  }
  if (changed || element.getAttribute(name) !== value) served.set(element, { ...changed, [name]: value });
}

function words(value: string | null): string[] {
  return value?.match(/\S+/g) ?? [];
}
