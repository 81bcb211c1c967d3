//! Brings the nodes of a list's rows into a new order: removes, inserts and moves as few as possible.

import type { ListSlot, Row } from "./index-page.js";
import { stationary, type Place } from "./order.js";
import { malformed } from "./wire.js";

/** Brings the rows of a list into their new order. `content` holds the nodes of those that are new. */
export function arrange(slot: ListSlot, places: Place[], rows: Row[], content: DocumentFragment | null): void {
  const { start, end } = slot;
  const parent = parentOf(start);
  const old = slot.rows;
  let stays = stationary(places);
  // Asking for focus and selection may make the browser compute styles first, so only moves ask.
  if (places.some((place, at) => typeof place === "number" && !stays[at])) stays = stationary(places, pinnedRow(slot));
  const gone = new Uint8Array(old.length).fill(1);
  const moved: Node[][] = [];
  for (let at = 0; at < places.length; at++) {
    const place = places[at]!;
    if (typeof place !== "number") continue;
    gone[place] = 0;
    // A row's nodes are collected before anything moves, while the old neighbours still bound it.
    if (!stays[at]) moved[at] = nodesFrom(old[place]!.start, old[place + 1]?.start ?? end);
  }
  if (old.length === 0) clear(start, end);
  for (let first = 0; first < old.length; first++) {
    if (!gone[first]) continue;
    let last = first;
    while (gone[last + 1]) last++;
    removeNodes(old[first]!.start, old[last + 1]?.start ?? end);
    first = last;
  }
  let before: Node = end;
  for (let at = places.length - 1; at >= 0; at--) {
    if (typeof places[at] !== "number") {
      // A run of new rows goes in at once; the usual case is that it is everything that was parsed.
      let first = at;
      while (first > 0 && typeof places[first - 1] !== "number") first--;
      const from = rows[first]!.start;
      if (content && from === content.firstChild) {
        parent.insertBefore(content, before);
      } else {
        const run = document.createDocumentFragment();
        run.append(...nodesFrom(from, null));
        parent.insertBefore(run, before);
      }
      at = first;
    } else if (moved[at]) {
      for (const node of moved[at]!) moveNode(parent, node, before);
    }
    before = rows[at]!.start;
  }
  slot.rows = rows;
  slot.other = [];
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
    const at = node.nodeType === 8 ? rows.findIndex((row) => row.start === node) : -1;
    if (at >= 0) return at;
  }
  return -1;
}

export function parentOf(mark: Comment): ParentNode & Node {
  return mark.parentNode ?? malformed("mark");
}

function nodesFrom(first: Node, end: Node | null): Node[] {
  const nodes: Node[] = [];
  for (let node: Node | null = first; node && node !== end; node = node.nextSibling) nodes.push(node);
  return nodes;
}

/** Removes the nodes from `first` up to `end`, which is null at the end of the parent. */
function removeNodes(first: Node | null, end: Node | null): void {
  for (let node = first; node && node !== end; ) {
    const next = node.nextSibling;
    (node as ChildNode).remove();
    node = next;
  }
}

/** Removes everything between two marks (`end` is null at the end of the parent). */
export function clear(start: Comment, end: Node | null): void {
  removeNodes(start.nextSibling, end);
}
