import type { Core, Extras } from "./load.js";
/** Thrown when a frame needs statics that this client does not hold; the server sends them and a refresh. */
export interface MissingStatics extends Error {
    fragment: unknown;
}
/** Escapes text for an element's content and for quoted attribute values alike. */
export declare function escapeHtml(text: string): string;
/** The statics this page knows: by fragment for the current plan, and by content hash across plans and pages. */
export interface Statics extends Pick<Extras, "announce" | "forgetPlan" | "save"> {
    /** The HTML of rows (or one other instance) of `fragment`. Throws [`MissingStatics`], and when the values do not fit. */
    rows(fragment: unknown, rows: unknown[]): string;
}
/** Begins with what the browser holds already, which it trims to its capacity. */
export declare function createStatics({ held, stats, capacity, caching }: Pick<Core, "held" | "stats" | "capacity" | "caching">): Statics;
