import { type Row, type Slot } from "./index-page.js";
import type { Core } from "./load.js";
import type { Change } from "./patch.js";
import type { Statics } from "./statics.js";
/** An instance that is not on the page yet. */
export interface Made {
    content: DocumentFragment;
    /** its slots, and of a row where it starts */
    row: Pick<Row, "slots"> & Partial<Row>;
}
/** Makes an instance of `fragment` for each of the values, to stand inside of `parent`. Throws when they do not fit. */
export type Make = (fragment: unknown, values: unknown[], parent: Element) => Made[];
/**
 * @param added is told of the nodes that will be on the page
 * @param prepare prepares the change of a branch or a list inside of an element
 */
export declare function createMake(core: Core, statics: Statics, added: (content: DocumentFragment) => void, prepare: (change: unknown, slot: Slot, changes: Change[], parent: Element) => void): Make;
