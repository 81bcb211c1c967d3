//! Parses HTML for the place where it will stand, also inside of SVG and MathML.

import type { Core } from "./load.js";

/** Foreign elements whose children are HTML again. */
const HTML_INSIDE = /^(foreignObject|desc|title|annotation-xml|m[inos]|mtext)$/;

/** Parses HTML that will stand inside of `parent`. Scripts in it do not run. */
export function parseInside(html: string, parent: Node, { trustedHtml }: Core): DocumentFragment {
  const template = document.createElement("template");
  const { namespaceURI, localName } = parent as Element;
  const foreign = /svg|Math/.exec(namespaceURI ?? "");
  const wrap = foreign && !HTML_INSIDE.test(localName) ? foreign[0] : "";
  template.innerHTML = trustedHtml(wrap ? `<${wrap}>${html}</${wrap}>` : html);
  const { content } = template;
  if (wrap) content.replaceChildren(...content.firstChild!.childNodes);
  return content;
}
