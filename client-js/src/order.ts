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
      if (row < 0 || row >= count || used[row]) malformed("order");
      used[row] = 1;
      places.push(row);
    }
  }
  return places;
}

/**
 * Which places keep their row where it is: the longest increasing run of old positions, so that the fewest rows
 * move. A pinned row (one that holds the focus, say) always stays, and the others move round it.
 */
export function stationary(places: Place[], pinned = -1): boolean[] {
  const stays = new Array<boolean>(places.length).fill(false);
  const pin = pinned < 0 ? -1 : places.indexOf(pinned);
  // tails[k] is the place that ends the best run of length k + 1; before[i] the place before i in its run.
  const tails: number[] = [];
  const before = new Int32Array(places.length);
  for (let at = 0; at < places.length; at++) {
    const row = places[at]!;
    if (typeof row !== "number") continue;
    if (pin >= 0 && (at < pin ? row > pinned : row < pinned)) continue;
    let low = 0;
    let high = tails.length;
    // The usual case is a list in order, where each row extends the run.
    if (high > 0 && (places[tails[high - 1]!] as number) < row) low = high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((places[tails[middle]!] as number) < row) low = middle + 1;
      else high = middle;
    }
    before[at] = low > 0 ? tails[low - 1]! : -1;
    tails[low] = at;
  }
  let at = tails.length > 0 ? tails[tails.length - 1]! : -1;
  for (; at >= 0; at = before[at]!) stays[at] = true;
  return stays;
}
