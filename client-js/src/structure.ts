//! Changes of slots whose nodes come and go: branches and the rows of lists. Regions are the business of `morph.js`.

import { afterRow, arrange, clear, parentOf } from "./arrange.js";
import { Kind, type BranchSlot, type ListSlot, type Row, type Slot } from "./index-page.js";
import { createMake } from "./instances.js";
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
  const { patcher, need } = core;

  const parseBeside = (html: string, beside: Comment): DocumentFragment => {
    const content = parseInside(html, parentOf(beside), core);
    added(content);
    return content;
  };

  const prepareBranch = (change: unknown, slot: BranchSlot, changes: Change[], parent: Element): void => {
    if (change !== 0 && !Array.isArray(change)) malformed("branch");
    const made = change && make(change[0], [change[1]], parent)[0]!;
    changes.push(() => {
      clear(slot.start, slot.end ?? afterRow(slot.start));
      if (made) slot.start.after(made.content);
      slot.shown = made ? made.row.slots : [];
    });
  };

  const prepareList = (change: unknown, slot: ListSlot, changes: Change[], parent: Element): void => {
    if (!Array.isArray(change)) malformed("list");
    const [order, patches, fragment] = change as unknown[];
    if (order === 0) {
      const { content, row } = make(patches, [fragment], parent)[0]!;
      changes.push(() => {
        clear(slot.start, slot.end);
        slot.end.before(content);
        slot.rows = [];
        slot.other = row.slots;
      });
      return;
    }
    if (!Array.isArray(order)) malformed("list");
    const places = decodeOrder(order, slot.rows.length);
    const fresh = places.filter((place): place is Values => typeof place !== "number");
    const made = fresh[0] ? make(fragment, fresh, parent) : [];
    if (fresh[0] && !made[0]!.row.start) malformed("row");
    let next = 0;
    const rows = places.map((place) => (typeof place === "number" ? slot.rows[place]! : (made[next++]!.row as Row)));
    const morph = isMoved(places) && need("morph");
    changes.push(() => arrange(slot, places, rows, made, morph));
    if (patches !== undefined) patcher.prepareRows(patches, rows, [], changes);
  };

  const prepare = (change: unknown, slot: Slot, changes: Change[], parent: Element): void => {
    if (slot.shape === Kind.Branch) prepareBranch(change, slot, changes, parent);
    else prepareList(change, slot as ListSlot, changes, parent);
  };

  const make = createMake(core, statics, added, prepare);

  const structure: Extras["structure"] = (change, slot, changes) => {
    if (slot.shape === Kind.Region) need("morph").region(change, slot, changes);
    else prepare(change, slot, changes, parentOf((slot as BranchSlot).start));
  };
  return { parseBeside, structure };
}
