//! The order of a list's rows: decodes the runs of an order and finds the rows that need not move.

import { malformed, type Values } from "./wire.js";

/** One place of the new list: the old row's position, or the values of a new row. */
export type Place = number | Values;

/** Turns the runs of an order into one entry a row. `count` is the length of the old list. */
export function decodeOrder(order: unknown[], count: number): Place[] {
  const places: Place[] = [];
  const used = new Uint8Array(count);
  for (let at = 0; at < order.length; at++) {
    const start = order[at];
    if (Array.isArray(start)) {
      places.push(start);
      continue;
    }
    const run = order[++at];
    if (!Number.isInteger(start) || !Number.isInteger(run)) malformed("order");
    const step = (run as number) < 0 ? -1 : 1;
    for (let left = Math.abs(run as number), row = start as number; left > 0; left--, row += step) {
      // A row named twice, or one that is not there, would lose nodes: better a refresh.
      if (used[row] !== 0) malformed("order");
      used[row] = 1;
      places.push(row);
    }
  }
  return places;
}

/** Whether rows that stay change their places among each other. */
export function isMoved(places: Place[]): boolean {
  let last = -1;
  return places.some((place) => typeof place === "number" && (place < last || !(last = place) && false));
}
