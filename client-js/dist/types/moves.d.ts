import type { ListSlot } from "./index-page.js";
import type { Place } from "./order.js";
/** Which rows of a list stay: as many as possible, and the one that the person is in. */
export declare function staying(slot: ListSlot, places: Place[]): boolean[];
/**
 * Which places keep their row where it is: the longest increasing run of old positions, so that the fewest rows
 * move. A pinned row (one that holds the focus, say) always stays, and the others move round it.
 */
export declare function stationary(places: Place[], pinned?: number): boolean[];
/** Moves with the node's state (focus, scroll, playing media, iframes) where the browser can. */
export declare function moveNode(parent: ParentNode & Node, node: Node, before: Node | null): void;
