//! Changes of slots whose nodes come and go: regions, branches, and the rows of lists.

import { arrange, clear, parentOf } from "./arrange.js";
import { afterRow, Kind, type BranchSlot, type ListSlot, type RegionSlot, type Row } from "./index-page.js";
import type { Core, Extras } from "./load.js";
import { decodeOrder } from "./order.js";
import { parseInside } from "./parse.js";
import type { Change } from "./patch.js";
import type { Statics } from "./statics.js";
import { malformed, type Values } from "./wire.js";

/** @param added is told of the nodes that will be on the page */
export function createStructure(
  core: Core,
  statics: Statics,
  added: (content: DocumentFragment) => void,
): Extras["structure"] {
  const { patcher, indexTree, need } = core;

  const parse = (html: string, beside: Comment): DocumentFragment => {
    const content = parseInside(html, parentOf(beside), core);
    added(content);
    return content;
  };

  const prepareRegion = (change: unknown, slot: RegionSlot, changes: Change[]): void => {
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
    const content = parse(change[0], start);
    let holdsElement = false;
    for (let node = start.nextSibling; node !== end; node = node!.nextSibling) holdsElement ||= node!.nodeType === 1;
    const morph = holdsElement && need("morph");
    changes.push(() => {
      if (morph) {
        morph.region(slot, content);
      } else {
        clear(start, end);
        end.before(content);
      }
    });
  };

  const prepareBranch = (change: unknown, slot: BranchSlot, changes: Change[]): void => {
    if (change !== 0 && !Array.isArray(change)) malformed("branch");
    const content = change ? build(change, slot.start) : null;
    const shown = content ? indexTree(content).slots : [];
    changes.push(() => {
      clear(slot.start, slot.end ?? afterRow(slot.start));
      if (content) slot.start.after(content);
      slot.shown = shown;
    });
  };

  const prepareList = (change: unknown, slot: ListSlot, changes: Change[]): void => {
    if (!Array.isArray(change)) malformed("list");
    const [order, patches, fragment] = change as unknown[];
    if (order === 0) {
      const content = build([patches, fragment], slot.start);
      const { slots } = indexTree(content);
      changes.push(() => {
        clear(slot.start, slot.end);
        slot.end.before(content);
        slot.rows = [];
        slot.other = slots;
      });
      return;
    }
    if (!Array.isArray(order)) malformed("list");
    const places = decodeOrder(order, slot.rows.length);
    const fresh = places.filter((place): place is Values => typeof place !== "number");
    let content: DocumentFragment | null = null;
    let made: Row[] = [];
    if (fresh.length > 0) {
      content = parse(statics.rows(fragment, fresh), slot.start);
      made = indexTree(content, true).rows;
      if (made.length !== fresh.length) malformed("row");
    }
    let next = 0;
    const rows = places.map((place) => (typeof place === "number" ? slot.rows[place]! : made[next++]!));
    changes.push(() => arrange(slot, places, rows, content));
    if (patches !== undefined) patcher.prepareRows(patches, rows, [], changes);
  };

  /** The nodes of one instance of a fragment. */
  const build = ([fragment, values]: unknown[], beside: Comment): DocumentFragment =>
    parse(statics.rows(fragment, [values]), beside);

  return (change, slot, changes) => {
    if (slot.shape === Kind.Region) prepareRegion(change, slot, changes);
    else if (slot.shape === Kind.Branch) prepareBranch(change, slot, changes);
    else prepareList(change, slot as ListSlot, changes);
  };
}
