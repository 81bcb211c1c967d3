//! The Trusted Types policy: what the server's HTML, scripts' addresses and guarded attributes go through.

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
let policy: Policy = { createHTML: same, createScript: same, createScriptURL: same };

try {
  // The server's plan has escaped every value for its context, which is what the policy vouches for. It stays inside
  // of the client: a page's own scripts cannot use it to get round their policy.
  if (factory) policy = factory.createPolicy("statetemplate", policy as never);
} catch {
  // The page's policy does not allow the name. What needs it fails later, with the browser's own message.
}

/** HTML as `innerHTML` and the parser want it. */
export function trustedHtml(html: string): string {
  return policy.createHTML(html);
}

/** A script's address as the `src` setter wants it. */
export function scriptUrl(url: string): string {
  return policy.createScriptURL(url);
}

/** The value as `setAttribute` wants it: event handlers, `srcdoc` and the like are guarded sinks. */
export function attributeValue(element: Element, name: string, value: string): string {
  const type = factory?.getAttributeType(element.localName, name, element.namespaceURI ?? "");
  // `TrustedHTML` is made by `createHTML`, and so on.
  return type ? policy[("create" + type.slice(7)) as keyof Policy](value) : value;
}
