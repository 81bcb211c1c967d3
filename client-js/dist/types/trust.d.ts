/** HTML as `innerHTML` and the parser want it. */
export declare function trustedHtml(html: string): string;
/** A script's address as the `src` setter wants it. */
export declare function scriptUrl(url: string): string;
/** The value as `setAttribute` wants it: event handlers, `srcdoc` and the like are guarded sinks. */
export declare function attributeValue(element: Element, name: string, value: string): string;
