//! Applies a patch: first every target is found and every new node built, then the page changes.

import { setSlotAttribute } from "./attributes.js";
import { extras } from "./extras.js";
import { afterRow, indexTree, Kind } from "./index-page.js";
import type { BranchSlot, Instance, ListSlot, RegionSlot, Row, Slot, TextSlot } from "./index-page.js";
import { keepingCaret, type Fields } from "./input.js";
import { decodeOrder, stationary, type Place } from "./order.js";
import type { StaticsCache } from "./statics.js";
import { parseInside } from "./trust.js";
import { isObject, malformed, type Values } from "./wire.js";

/** Replaces the nodes between two marks, keeping the state of what stays. */
export type MorphRegion = (start: Comment, end: Comment, content: DocumentFragment) => void;

/** What applying a patch needs from the rest of the client. */
export interface PatchContext {
  statics: StaticsCache;
  fields: Fields;
}

type Change = () => void;

/**
 * Prepares `patch` for `page` without touching it, and returns the function that does. Preparing throws
 * `ProtocolError` when the patch does not fit, `MissingStatics` when statics must be sent first.
 */
export function preparePatch(patch: unknown, page: Instance, context: PatchContext): Change {
  const changes: Change[] = [];
  prepareInstance(patch, page, context, changes);
  return () => {
    for (const change of changes) change();
  };
}

function prepareInstance(patch: unknown, slots: Instance, context: PatchContext, changes: Change[]): void {
  if (!isObject(patch)) malformed("patch");
  for (const key in patch) {
    const slot = slots[Number(key)];
    if (!slot) malformed("slot " + key);
    prepareSlot(patch[key], slot, context, changes);
  }
}

function prepareSlot(change: unknown, slot: Slot, context: PatchContext, changes: Change[]): void {
  switch (slot.kind) {
    case Kind.Text:
      if (typeof change !== "string") malformed("text");
      changes.push(() => setText(slot, change, context.fields));
      break;
    case Kind.Attribute:
      if (typeof change !== "string" && change !== null) malformed("attribute");
      changes.push(() => setSlotAttribute(slot, slot.name, change, context.fields));
      break;
    case Kind.Tag:
      if (!isObject(change)) malformed("tag");
      for (const name in change) {
        const value = change[name];
        if (typeof value !== "string" && value !== null) malformed("attribute");
        changes.push(() => setSlotAttribute(slot, name, value as string | null, context.fields));
      }
      break;
    case Kind.Region:
      prepareRegion(change, slot, changes);
      break;
    case Kind.Branch:
      prepareBranch(change, slot, context, changes);
      break;
    case Kind.List:
      prepareList(change, slot, context, changes);
  }
}

function setText(slot: TextSlot, text: string, fields: Fields): void {
  if (fields.holdsText(slot.node, text)) return;
  const parent = slot.node.parentNode;
  if (parent?.nodeName === "TEXTAREA") {
    keepingCaret(parent as Element, () => (slot.node.data = text));
    fields.attributeChanged(parent as Element, "value", text);
  } else {
    slot.node.data = text;
  }
}

function prepareRegion(change: unknown, slot: RegionSlot, changes: Change[]): void {
  const { start, end } = slot;
  if (typeof change === "string") {
    changes.push(() => {
      const first = start.nextSibling!;
      if (first.nodeType === 3 && first.nextSibling === end) {
        (first as Text).data = change;
      } else {
        clear(start, end);
        end.before(change);
      }
    });
    return;
  }
  if (!Array.isArray(change) || typeof change[0] !== "string") malformed("region");
  const content = parseInside(change[0], parentOf(start));
  let morph: MorphRegion | undefined;
  for (let node = start.nextSibling; node !== end && !morph; node = node!.nextSibling) {
    if (node!.nodeType === 1) morph = extras().region;
  }
  changes.push(() => {
    if (morph) {
      morph(start, end, content);
    } else {
      clear(start, end);
      end.before(content);
    }
  });
}

function prepareBranch(change: unknown, slot: BranchSlot, context: PatchContext, changes: Change[]): void {
  if (isObject(change)) return prepareInstance(change, slot.shown, context, changes);
  if (change !== 0 && !Array.isArray(change)) malformed("branch");
  const content = change ? parseInside(context.statics.html(change[0], change[1]), parentOf(slot.start)) : null;
  const shown = content ? indexTree(content).slots : [];
  changes.push(() => {
    clear(slot.start, slot.end ?? afterRow(slot.start));
    if (content) slot.start.after(content);
    slot.shown = shown;
  });
}

function prepareList(change: unknown, slot: ListSlot, context: PatchContext, changes: Change[]): void {
  if (isObject(change)) {
    const { e: other, ...rows } = change;
    if (other !== undefined) prepareInstance(other, slot.other, context, changes);
    prepareRows(rows, slot.rows, context, changes);
    return;
  }
  if (!Array.isArray(change)) malformed("list");
  const parent = parentOf(slot.start);
  if (change[0] === 0) {
    const content = parseInside(context.statics.html(change[1], change[2]), parent);
    const { slots } = indexTree(content);
    changes.push(() => {
      clear(slot.start, slot.end);
      slot.end.before(content);
      slot.rows = [];
      slot.other = slots;
    });
    return;
  }
  if (!Array.isArray(change[0])) malformed("list");
  const places = decodeOrder(change[0], slot.rows.length);
  const fresh = places.filter((place): place is Values => typeof place !== "number");
  let content: DocumentFragment | null = null;
  let made: Row[] = [];
  if (fresh.length > 0) {
    content = parseInside(context.statics.rows(change[2], fresh), parent);
    made = indexTree(content, true).rows;
    if (made.length !== fresh.length) malformed("row");
  }
  let next = 0;
  const rows = places.map((place) => (typeof place === "number" ? slot.rows[place]! : made[next++]!));
  changes.push(() => arrange(slot, places, rows, content));
  if (change[1] !== undefined) prepareRows(change[1], rows, context, changes);
}

function prepareRows(patches: unknown, rows: Row[], context: PatchContext, changes: Change[]): void {
  if (!isObject(patches)) malformed("rows");
  for (const key in patches) {
    const row = rows[Number(key)];
    if (!row) malformed("row " + key);
    prepareInstance(patches[key], row.slots, context, changes);
  }
}

/** Brings the rows of a list into their new order: removes, inserts and moves as few nodes as possible. */
function arrange(slot: ListSlot, places: Place[], rows: Row[], content: DocumentFragment | null): void {
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
function moveNode(parent: ParentNode & Node, node: Node, before: Node): void {
  const { moveBefore } = parent as unknown as { moveBefore?: (node: Node, before: Node) => void };
  if (moveBefore && parent.isConnected) {
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
  const after = Node.DOCUMENT_POSITION_FOLLOWING;
  if (!node || node === document.body || !parentOf(start).contains(node)) return -1;
  if (!(start.compareDocumentPosition(node) & after) || end.compareDocumentPosition(node) & after) return -1;
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]!.start.compareDocumentPosition(node) & after) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function parentOf(mark: Comment): ParentNode & Node {
  return mark.parentNode ?? malformed("mark");
}

function nodesFrom(first: Node, end: Node | null): Node[] {
  const nodes: Node[] = [];
  for (let node: Node | null = first; node && node !== end; node = node.nextSibling) nodes.push(node);
  return nodes;
}

function removeNodes(first: Node, end: Node): void {
  const range = document.createRange();
  range.setStartBefore(first);
  range.setEndBefore(end);
  range.deleteContents();
}

/** Removes everything between two marks (`end` is null at the end of the parent). */
function clear(start: Comment, end: Node | null): void {
  for (let node = start.nextSibling; node && node !== end; node = start.nextSibling) {
    (node as ChildNode).remove();
  }
}
