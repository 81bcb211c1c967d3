import type { MorphRegion } from "./patch.js";
/** What `morph.js` provides. */
export interface Extras {
    /** Changes the whole document into `next`, keeping the state of what stays and the text of the `held` fields. */
    refresh(next: Document, held: Element[]): void;
    region: MorphRegion;
}
/** Where `morph.js` leaves itself for the client that loaded it. */
export declare const EXTRAS: unique symbol;
/** Thrown while preparing a frame: it can be applied when the extras are here. */
export declare class ExtrasNeeded extends Error {
}
/** The extras. Throws [`ExtrasNeeded`] when they are not loaded yet. */
export declare function extras(): Extras;
/** Loads the extras by a script element (`import()` is not for classic scripts). Resolves when that is over. */
export declare function loadExtras(url: string, nonce: string | undefined): Promise<unknown>;
