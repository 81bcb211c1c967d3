//! Brings the nodes of a list's rows into a new order: removes, inserts and moves as few as possible.

import type { ListSlot, Row } from "./index-page.js";
import type { Made } from "./instances.js";
import type { Morph } from "./load.js";
import type { Place } from "./order.js";
import { malformed, Mark } from "./wire.js";

/**
 * Brings the rows of a list into their new order. `made` are those that are new, in their order; `morph` moves those that
 * change places, and is not needed where none does.
 */
export function arrange(
  slot: ListSlot,
  places: Place[],
  rows: Row[],
  made: Made[],
  morph: Morph | false,
): void {
  const { start, end, rows: old } = slot;
  const parent = parentOf(start);
  const stays = morph && morph.staying(slot, places);
  const moved: Node[][] = [];
  // A row's nodes are collected before anything moves, while the old neighbours still bound it.
  const nodesOf = (at: number): Node[] => nodesFrom(old[at]!.start, old[at + 1]?.start ?? end);
  places.forEach((place, at) => {
    if (stays && !stays[at] && typeof place === "number") moved[at] = nodesOf(place);
  });
  if (!old[0]) clear(start, end);
  const kept = new Set(rows);
  old.forEach((row, at) => {
    if (!kept.has(row)) for (const node of nodesOf(at)) (node as ChildNode).remove();
  });
  let before: Node = end;
  for (let at = places.length - 1; at >= 0; at--) {
    if (typeof places[at] !== "number") {
      // A run of new rows goes in from its first to its last, as a parser would put them there.
      const last = at;
      while (typeof places[at - 1] === "object") at--;
      for (const { content } of made.splice(at - last - 1)) parent.insertBefore(content, before);
    } else if (morph) {
      for (const node of moved[at] ?? []) morph.move(parent, node, before);
    }
    before = rows[at]!.start;
  }
  slot.rows = rows;
  slot.other = [];
}

export function parentOf(mark: Comment): Element {
  return (mark.parentNode as Element | null) ?? malformed("mark");
}

/** The nodes from `first` up to `end`, which is null at the end of the parent. */
export function nodesFrom(first: Node | null, end: Node | null): Node[] {
  const nodes: Node[] = [];
  for (let node = first; node && node !== end; node = node.nextSibling) nodes.push(node);
  return nodes;
}

/** Removes everything between two marks (`end` is null at the end of the parent). */
export function clear(start: Comment, end: Node | null): void {
  for (const node of nodesFrom(start.nextSibling, end)) (node as ChildNode).remove();
}

/** The node after the last one of a row that began at `start`: the next row, the list's end, or null. */
export function afterRow(start: Comment): Node | null {
  let depth = 0;
  let inRegion = false;
  for (let node = start.nextSibling; node; node = node.nextSibling) {
    const { nodeType, data } = node as Comment;
    if (nodeType !== 8 || (inRegion && data !== Mark.End)) continue;
    if (data === Mark.End) {
      if (!inRegion && depth-- === 0) return node;
      inRegion = false;
    } else if (data === Mark.Region) inRegion = true;
    else if (data === Mark.Branch || data === Mark.List) depth++;
    else if (depth === 0 && (data === Mark.Row || data === Mark.BranchRow)) return node;
  }
  return null;
}
