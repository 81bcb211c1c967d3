import { type Values } from "./wire.js";
/** One place of the new list: the old row's position, or the values of a new row. */
export type Place = number | Values;
/** Turns the runs of an order into one entry a row. `count` is the length of the old list. */
export declare function decodeOrder(order: unknown[], count: number): Place[];
/** Whether rows that stay change their places among each other. */
export declare function isMoved(places: Place[]): boolean;
