//! Prepares a patch: every target is found and every new node built before the page changes.

import { setAttribute } from "./attributes.js";
import { Kind, type Instance, type Row, type Slot } from "./index-page.js";
import type { Fields } from "./input.js";
import type { Loader } from "./load.js";
import { isObject, malformed } from "./wire.js";

export type Change = () => unknown;

export interface Patcher {
  /**
   * Prepares `patch` for an instance without touching the page, and adds to `changes` what does. Throws an error when
   * the patch does not fit, `ScriptNeeded` when a script, `MissingStatics` when statics must come first.
   */
  prepare(patch: unknown, slots: Instance, changes: Change[]): void;
  /** The same for a list: patches by the row's position, and for what its `else` shows. */
  prepareRows(patches: unknown, rows: Row[], other: Instance, changes: Change[]): void;
}

export function createPatcher(fields: Fields, need: Loader["need"]): Patcher {
  const prepare: Patcher["prepare"] = (patch, slots, changes) =>
    eachStep(patch, (at, change) => prepareSlot(change, slots[at] ?? malformed("slot"), changes));

  const prepareRows: Patcher["prepareRows"] = (patches, rows, other, changes) =>
    eachStep(patches, (at, patch, step) =>
      prepare(patch, step === "e" ? other : (rows[at] ?? malformed("row")).slots, changes),
    );

  const prepareSlot = (change: unknown, slot: Slot, changes: Change[]): void => {
    const { shape } = slot;
    if (shape === Kind.Text) {
      const text = textOf(change, slot.node);
      changes.push(() => fields.setText(slot.node, text));
    } else if (shape === Kind.Attribute || shape === Kind.Tag) {
      const values = shape === Kind.Tag ? change : { [slot.name]: change };
      if (!isObject(values)) malformed("tag");
      for (const name in values) {
        const value = values[name];
        if (typeof value !== "string" && value !== null) malformed("attribute");
        changes.push(() => setAttribute(slot.element, name, value, fields));
      }
    } else if (isObject(change) && shape === Kind.Branch) {
      prepare(change, slot.shown, changes);
    } else if (isObject(change) && shape === Kind.List) {
      prepareRows(change, slot.rows, slot.other, changes);
    } else {
      need("extras").structure(change, slot, changes);
    }
  };

  return { prepare, prepareRows };
}

/**
 * Calls `each` with the first step of each key of a patch, and with what comes after it: the rest of the key is a patch
 * of its own. A step may name several places: `0-2,5`.
 */
function eachStep(patch: unknown, each: (at: number, change: unknown, step: string) => void): void {
  if (!isObject(patch)) malformed("patch");
  for (const key in patch) {
    const [step = "", ...rest] = key.split(".");
    const change = rest[0] ? { [rest.join(".")]: patch[key] } : patch[key];
    for (const places of step.split(",")) {
      const [first, last = first] = places.split("-");
      let at = +first!;
      // At least once, so that what is no number is not passed over.
      do each(at++, change, step);
      while (at <= +last!);
    }
  }
}

/** The new text, or that between the white space which the node begins and ends with. */
function textOf(change: unknown, { data }: Text): string {
  if (typeof change === "string") return change;
  const text = (change as unknown[] | null)?.[0];
  if (typeof text !== "string") malformed("patch");
  return data.replace(data.trim(), () => text);
}
