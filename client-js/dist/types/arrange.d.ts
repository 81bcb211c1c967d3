import type { ListSlot, Row } from "./index-page.js";
import { type Place } from "./order.js";
/** Brings the rows of a list into their new order. `content` holds the nodes of those that are new. */
export declare function arrange(slot: ListSlot, places: Place[], rows: Row[], content: DocumentFragment | null): void;
/** Moves with the node's state (focus, scroll, playing media, iframes) where the browser can. */
export declare function moveNode(parent: ParentNode & Node, node: Node, before: Node | null): void;
export declare function parentOf(mark: Comment): ParentNode & Node;
/** Removes everything between two marks (`end` is null at the end of the parent). */
export declare function clear(start: Comment, end: Node | null): void;
