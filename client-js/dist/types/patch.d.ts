import { type Instance, type Row } from "./index-page.js";
import type { Fields } from "./input.js";
import type { Loader } from "./load.js";
export type Change = () => unknown;
export interface Patcher {
    /**
     * Prepares `patch` for an instance without touching the page, and adds to `changes` what does. Throws an error when
     * the patch does not fit, `ScriptNeeded` when a script, `MissingStatics` when statics must come first.
     */
    prepare(patch: unknown, slots: Instance, changes: Change[]): void;
    /** The same for a list: patches by the row's position, and for what its `else` shows. */
    prepareRows(patches: unknown, rows: Row[], other: Instance, changes: Change[]): void;
}
export declare function createPatcher(fields: Fields, need: Loader["need"]): Patcher;
