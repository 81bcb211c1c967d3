//! Makes new instances of fragments: clones of their template, with the slots filled from values.

import { Kind, type Row, type Slot } from "./index-page.js";
import type { Core } from "./load.js";
import { parseInside } from "./parse.js";
import type { Change } from "./patch.js";
import type { Statics } from "./statics.js";
import { malformed, TextPlace, type Fill, type Values } from "./wire.js";

/** An instance that is not on the page yet. */
export interface Made {
  content: DocumentFragment;
  /** its slots, and of a row where it starts */
  row: Pick<Row, "slots"> & Partial<Row>;
}

/** Makes an instance of `fragment` for each of the values, to stand inside of `parent`. Throws when they do not fit. */
export type Make = (fragment: unknown, values: unknown[], parent: Element) => Made[];

/** Attributes that need more than to be set: scripts' sources, handlers and styles under a CSP, and what is a property apart. */
const GUARDED = /^(on|s[rt]|href|xl|data$|code|muted)/;

/**
 * @param added is told of the nodes that will be on the page
 * @param prepare prepares the change of a branch or a list inside of an element
 */
export function createMake(
  core: Core,
  statics: Statics,
  added: (content: DocumentFragment) => void,
  prepare: (change: unknown, slot: Slot, changes: Change[], parent: Element) => void,
): Make {
  // As the page reads HTML, but without a window: nothing in it loads, plays or comes to life before it is on the page.
  const inert = document.cloneNode() as Document;

  const fillSlot = (slot: Slot, fill: Fill, values: Values, parent: Element): void => {
    const parts = Array.isArray(fill) ? fill : [fill];
    const value = (part: unknown): unknown => values[part as number] ?? malformed("value");
    const { shape } = slot;
    if (shape === Kind.Text || shape === Kind.Attribute) {
      let text = "";
      let place = shape === Kind.Text ? 0 : TextPlace.Replaced;
      for (const part of parts) {
        if ((part as number) < 0) place = part as number;
        else text += typeof part === "string" ? part : value(part);
      }
      // As the HTML parser takes it, had it stood in the page.
      if (/^\n|[\r\0]/.test(text)) {
        text = text.replace(/\r\n?/g, "\n").replace(/\0/g, place <= TextPlace.Replaced ? "\ufffd" : "");
        if (place % 2) text = text.replace(/^\n/, "");
      }
      if (shape === Kind.Text) slot.node.data = text;
      else set(slot.element, slot.name, text);
    } else if (shape === Kind.Tag) {
      const attributes = value(fill) as Record<string, string>;
      for (const name in attributes) set(slot.element, name, attributes[name]!);
    } else {
      parent = slot.start.parentElement ?? parent;
      const content = value(parts[0]);
      const changes: Change[] = [];
      if (shape === Kind.Region) slot.start.after(parseInside(String(content), parent, core, inert));
      else if (shape === Kind.List) prepare((content as unknown[])[0] === 0 ? content : [content, , parts[1]], slot, changes, parent);
      else if (content) prepare(content, slot, changes, parent);
      for (const change of changes) change();
    }
  };

  const set = (element: Element, name: string, value: string): void => {
    if (GUARDED.test(name)) core.setAttribute(element, name, value, core.fields);
    else element.setAttribute(name, value);
  };

  return (number, all, parent) => {
    const fragment = statics.of(number);
    const [html, ...fills] = fragment.statics;
    fragment.template ??= parseInside(html, parent, core, inert);
    return all.map((values) => {
      const content = fragment.template!.cloneNode(true) as DocumentFragment;
      const { rows, slots } = core.indexTree(content);
      const row = rows[0] ?? { slots };
      row.slots.forEach((slot, at) => fillSlot(slot, fills[at]!, values as Values, parent));
      added(content);
      return { content, row };
    });
  };
}
