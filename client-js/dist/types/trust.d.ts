/** A script's address as the `src` setter wants it. */
export declare function scriptUrl(url: string): string;
/** The value as `setAttribute` wants it: event handlers, `srcdoc` and the like are guarded sinks. */
export declare function attributeValue(element: Element, name: string, value: string): string;
/** Parses HTML that will stand inside of `parent`. Scripts in it do not run. */
export declare function parseInside(html: string, parent: Node): DocumentFragment;
/** Parses a whole page. Nothing in it runs or loads. */
export declare function parsePage(html: string): Document;
