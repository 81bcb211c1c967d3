import type { Core } from "./load.js";
/** Parses HTML that will stand inside of `parent`, into nodes of `owner`. Scripts in it do not run. */
export declare function parseInside(html: string, { namespaceURI, localName }: Pick<Element, "namespaceURI" | "localName">, { trustedHtml }: Core, owner?: Document): DocumentFragment;
