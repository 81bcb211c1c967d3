import type { ListSlot, Row } from "./index-page.js";
import type { Made } from "./instances.js";
import type { Morph } from "./load.js";
import type { Place } from "./order.js";
/**
 * Brings the rows of a list into their new order. `made` are those that are new, in their order; `morph` moves those that
 * change places, and is not needed where none does.
 */
export declare function arrange(slot: ListSlot, places: Place[], rows: Row[], made: Made[], morph: Morph | false): void;
export declare function parentOf(mark: Comment): Element;
/** The nodes from `first` up to `end`, which is null at the end of the parent. */
export declare function nodesFrom(first: Node | null, end: Node | null): Node[];
/** Removes everything between two marks (`end` is null at the end of the parent). */
export declare function clear(start: Comment, end: Node | null): void;
/** The node after the last one of a row that began at `start`: the next row, the list's end, or null. */
export declare function afterRow(start: Comment): Node | null;
