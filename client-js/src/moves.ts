//! Which of the rows or nodes that change places stay where they are, and how the others move. A part of `morph.js`.

import { parentOf } from "./arrange.js";
import type { ListSlot } from "./index-page.js";
import type { Place } from "./order.js";

/** Which rows of a list stay: as many as possible, and the one that the person is in. */
export function staying(slot: ListSlot, places: Place[]): boolean[] {
  return stationary(places, pinnedRow(slot));
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

/** Moves with the node's state (focus, scroll, playing media, iframes) where the browser can. */
export function moveNode(parent: ParentNode & Node, node: Node, before: Node | null): void {
  const { moveBefore } = parent as unknown as { moveBefore?: (node: Node, before: Node | null) => void };
  if (moveBefore && parent.isConnected && node.isConnected) {
    try {
      return moveBefore.call(parent, node, before);
    } catch {
      // Some nodes cannot be moved so; the old way works for all of them.
    }
  }
  parent.insertBefore(node, before);
}

/** The position of the row that should not move: the one with the focus, else the one where a selection begins. */
function pinnedRow(slot: ListSlot): number {
  const focused = rowAround(slot, document.activeElement);
  if (focused >= 0) return focused;
  const selection = document.getSelection();
  return selection && !selection.isCollapsed ? rowAround(slot, selection.anchorNode) : -1;
}

function rowAround({ start, end, rows }: ListSlot, node: Node | null): number {
  const parent = parentOf(start);
  while (node && node.parentNode !== parent) node = node.parentNode;
  // Back to the mark of its row. What stands beside the list meets one of the list's own marks, or none at all.
  for (; node && node !== start && node !== end; node = node.previousSibling) {
    const at = rows.findIndex((row) => row.start === node);
    if (at >= 0) return at;
  }
  return -1;
}
