//! Changes of slots whose nodes come and go: branches and the rows of lists. Regions are the business of `morph.js`.

import { arrange, clear, parentOf } from "./arrange.js";
import { afterRow, Kind, type BranchSlot, type ListSlot, type Row } from "./index-page.js";
import type { Core, Extras } from "./load.js";
import { decodeOrder, isMoved } from "./order.js";
import { parseInside } from "./parse.js";
import type { Change } from "./patch.js";
import type { Statics } from "./statics.js";
import { malformed, type Values } from "./wire.js";

/** @param added is told of the nodes that will be on the page */
export function createStructure(
  core: Core,
  statics: Statics,
  added: (content: DocumentFragment) => void,
): Pick<Extras, "parseBeside" | "structure"> {
  const { patcher, indexTree, need } = core;

  const parseBeside = (html: string, beside: Comment): DocumentFragment => {
    const content = parseInside(html, parentOf(beside), core);
    added(content);
    return content;
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
      content = parseBeside(statics.rows(fragment, fresh), slot.start);
      made = indexTree(content, true).rows;
      if (made.length !== fresh.length) malformed("row");
    }
    let next = 0;
    const rows = places.map((place) => (typeof place === "number" ? slot.rows[place]! : made[next++]!));
    const morph = isMoved(places) && need("morph");
    changes.push(() => arrange(slot, places, rows, content, morph));
    if (patches !== undefined) patcher.prepareRows(patches, rows, [], changes);
  };

  /** The nodes of one instance of a fragment. */
  const build = ([fragment, values]: unknown[], beside: Comment): DocumentFragment =>
    parseBeside(statics.rows(fragment, [values]), beside);

  const structure: Extras["structure"] = (change, slot, changes) => {
    if (slot.shape === Kind.Region) need("morph").region(change, slot, changes);
    else if (slot.shape === Kind.Branch) prepareBranch(change, slot, changes);
    else prepareList(change, slot as ListSlot, changes);
  };
  return { parseBeside, structure };
}
