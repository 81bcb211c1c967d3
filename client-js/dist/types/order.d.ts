import { type Values } from "./wire.js";
/** One place of the new list: the old row's position, or the values of a new row. */
export type Place = number | Values;
/** Turns the runs of an order into one entry a row. `count` is the length of the old list. */
export declare function decodeOrder(order: unknown[], count: number): Place[];
/**
 * Which places keep their row where it is: the longest increasing run of old positions, so that the fewest rows
 * move. A pinned row (one that holds the focus, say) always stays, and the others move round it.
 */
export declare function stationary(places: Place[], pinned?: number): boolean[];
