import type { ListSlot, Row } from "./index-page.js";
import type { Morph } from "./load.js";
import type { Place } from "./order.js";
/**
 * Brings the rows of a list into their new order. `content` holds the nodes of those that are new; `morph` moves those that
 * change places, and is not needed where none does.
 */
export declare function arrange(slot: ListSlot, places: Place[], rows: Row[], content: DocumentFragment | null, morph: Morph | false): void;
export declare function parentOf(mark: Comment): ParentNode & Node;
/** The nodes from `first` up to `end`, which is null at the end of the parent. */
export declare function nodesFrom(first: Node | null, end: Node | null): Node[];
/** Removes everything between two marks (`end` is null at the end of the parent). */
export declare function clear(start: Comment, end: Node | null): void;
