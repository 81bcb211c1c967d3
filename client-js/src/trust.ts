//! Turns the server's HTML into nodes, also where Trusted Types and a strict Content-Security-Policy are enforced.

interface Policy {
  createHTML(html: string): string;
  createScript(script: string): string;
  createScriptURL(url: string): string;
}

interface Factory {
  createPolicy(name: string, rules: Record<string, (text: string) => string>): Policy;
  getAttributeType(tag: string, attribute: string, elementNs?: string, attributeNs?: string): string | null;
}

const same = (text: string): string => text;
const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
let policy: Policy | undefined;

try {
  // The server's plan has escaped every value for its context, which is what the policy vouches for. It stays inside
  // of this module: a page's own scripts cannot use it to get round their policy.
  policy = factory?.createPolicy("statetemplate", { createHTML: same, createScript: same, createScriptURL: same });
} catch {
  // The page's policy does not allow the name. What needs it fails later, with the browser's own message.
}

/** A script's address as the `src` setter wants it. */
export function scriptUrl(url: string): string {
  return policy ? policy.createScriptURL(url) : url;
}

/** The value as `setAttribute` wants it: event handlers, `srcdoc` and the like are guarded sinks. */
export function attributeValue(element: Element, name: string, value: string): string {
  const type = policy && factory!.getAttributeType(element.localName, name, element.namespaceURI ?? "");
  if (!type) return value;
  if (type === "TrustedHTML") return policy!.createHTML(value);
  return type === "TrustedScript" ? policy!.createScript(value) : policy!.createScriptURL(value);
}

/** Foreign elements whose children are HTML again. */
const HTML_INSIDE = /^(foreignObject|desc|title|annotation-xml|m[inos]|mtext)$/;

/** Parses HTML that will stand inside of `parent`. Scripts in it do not run. */
export function parseInside(html: string, parent: Node): DocumentFragment {
  const template = document.createElement("template");
  const { namespaceURI, localName } = parent as Element;
  const foreign = /svg|Math/.exec(namespaceURI ?? "");
  const wrap = foreign && !HTML_INSIDE.test(localName) ? foreign[0] : "";
  template.innerHTML = trustedHtml(wrap ? `<${wrap}>${html}</${wrap}>` : html);
  const { content } = template;
  if (wrap) content.replaceChildren(...content.firstChild!.childNodes);
  return content;
}

/** Parses a whole page. Nothing in it runs or loads. */
export function parsePage(html: string): Document {
  return new DOMParser().parseFromString(trustedHtml(html), "text/html");
}

function trustedHtml(html: string): string {
  return policy ? policy.createHTML(html) : html;
}
