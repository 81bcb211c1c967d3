//! Brings the nodes of a list's rows into a new order: removes, inserts and moves as few as possible.

import type { ListSlot, Row } from "./index-page.js";
import type { Morph } from "./load.js";
import type { Place } from "./order.js";
import { malformed } from "./wire.js";

/**
 * Brings the rows of a list into their new order. `content` holds the nodes of those that are new; `morph` moves those that
 * change places, and is not needed where none does.
 */
export function arrange(
  slot: ListSlot,
  places: Place[],
  rows: Row[],
  content: DocumentFragment | null,
  morph: Morph | false,
): void {
  const { start, end } = slot;
  const parent = parentOf(start);
  const old = slot.rows;
  const stays = morph && morph.staying(slot, places);
  const gone = new Uint8Array(old.length).fill(1);
  const moved: Node[][] = [];
  for (let at = 0; at < places.length; at++) {
    const place = places[at]!;
    if (typeof place !== "number") continue;
    gone[place] = 0;
    // A row's nodes are collected before anything moves, while the old neighbours still bound it.
    if (stays && !stays[at]) moved[at] = nodesFrom(old[place]!.start, old[place + 1]?.start ?? end);
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
      if (content && from === content.firstChild) parent.insertBefore(content, before);
      else for (const node of nodesFrom(from, null)) parent.insertBefore(node, before);
      at = first;
    } else if (morph) {
      for (const node of moved[at] ?? []) morph.move(parent, node, before);
    }
    before = rows[at]!.start;
  }
  slot.rows = rows;
  slot.other = [];
}

export function parentOf(mark: Comment): ParentNode & Node {
  return mark.parentNode ?? malformed("mark");
}

/** The nodes from `first` up to `end`, which is null at the end of the parent. */
export function nodesFrom(first: Node | null, end: Node | null): Node[] {
  const nodes: Node[] = [];
  for (let node = first; node && node !== end; node = node.nextSibling) nodes.push(node);
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
