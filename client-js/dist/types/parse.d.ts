import type { Core } from "./load.js";
/** Parses HTML that will stand inside of `parent`. Scripts in it do not run. */
export declare function parseInside(html: string, parent: Node, { trustedHtml }: Core): DocumentFragment;
