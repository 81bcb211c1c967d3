import type { MorphRegion } from "./patch.js";
/** What `morph.js` provides. */
export interface Extras {
    /** Changes the whole document into `next`, keeping the state of what stays. */
    refresh(next: Document): void;
    region: MorphRegion;
}
/** Where `morph.js` leaves itself for the client that loaded it. */
export declare const EXTRAS: unique symbol;
/** Thrown while preparing a frame: it can be applied when the extras are here (or are known not to come). */
export declare class ExtrasNeeded extends Error {
}
/** Loads the extras at most once at a time, by a script element: `import()` is not for classic scripts. */
export declare class ExtrasLoader {
    #private;
    private readonly url;
    private readonly nonce;
    constructor(url: string, nonce: string | undefined);
    /** The extras, or `null` when they could not be loaded. Throws [`ExtrasNeeded`] while that is open. */
    get(): Extras | null;
    /** Resolves when `get` will answer. */
    load(): Promise<void>;
}
