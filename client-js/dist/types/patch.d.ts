import type { Instance } from "./index-page.js";
import { type Fields } from "./input.js";
import type { StaticsCache } from "./statics.js";
/** Replaces the nodes between two marks, keeping the state of what stays. */
export type MorphRegion = (start: Comment, end: Comment, content: DocumentFragment) => void;
/** What applying a patch needs from the rest of the client. */
export interface PatchContext {
    statics: StaticsCache;
    fields: Fields;
}
type Change = () => void;
/**
 * Prepares `patch` for `page` without touching it, and returns the function that does. Preparing throws
 * `ProtocolError` when the patch does not fit, `MissingStatics` when statics must be sent first.
 */
export declare function preparePatch(patch: unknown, page: Instance, context: PatchContext): Change;
export {};
