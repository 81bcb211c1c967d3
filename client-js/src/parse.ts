//! Parses HTML for the place where it will stand, also inside of SVG and MathML.

import type { Core } from "./load.js";

/** Parses HTML that will stand inside of `parent`, into nodes of `owner`. Scripts in it do not run. */
export function parseInside(
  html: string,
  { namespaceURI, localName }: Pick<Element, "namespaceURI" | "localName">,
  { trustedHtml }: Core,
  owner = document,
): DocumentFragment {
  // An element of the same name parses as the parent does, but a custom one would come to life. What a template parses
  // belongs to another document, and would have to be adopted node by node.
  const around = owner.createElementNS(namespaceURI, /^\w+$/.test(localName) ? localName : "div");
  around.innerHTML = trustedHtml(html);
  const content = owner.createDocumentFragment();
  // Not by a range or by `childNodes`: as long as they live, the browser adjusts them at each change of the page.
  while (around.firstChild) content.append(around.firstChild);
  return content;
}
