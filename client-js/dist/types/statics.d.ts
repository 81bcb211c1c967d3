import type { Core, Extras } from "./load.js";
import { type Parts } from "./wire.js";
/** Thrown when a frame needs statics that this client does not hold; the server sends them and a refresh. */
export interface MissingStatics extends Error {
    fragment: unknown;
}
/** A fragment of the current plan. */
export interface Fragment {
    hash: string;
    statics: Parts;
    /** its HTML as nodes, made with its first instance */
    template?: DocumentFragment;
}
/** The statics this page knows: by fragment for the current plan, and by content hash across plans and pages. */
export interface Statics extends Pick<Extras, "announce" | "forgetPlan" | "save"> {
    /** What is known of a fragment that is to be shown. Throws [`MissingStatics`]. */
    of(fragment: unknown): Fragment;
}
/** Begins with what the browser holds already, which it trims to its capacity. */
export declare function createStatics({ held, stats, capacity, caching }: Pick<Core, "held" | "stats" | "capacity" | "caching">): Statics;
