//! Finds the slots of an annotated page, branch or row in one walk and keeps references to their nodes.

import { malformed, Mark, MARK_ATTRIBUTE, Sign } from "./wire.js";

/** The slots of one appearance of a fragment, by number. */
export type Instance = Slot[];

export const enum Kind {
  Text,
  Attribute,
  Tag,
  Region,
  Branch,
  List,
}

export interface TextSlot {
  shape: Kind.Text;
  node: Text;
}

export interface AttributeSlot {
  shape: Kind.Attribute;
  element: Element;
  name: string;
}

export interface TagSlot {
  shape: Kind.Tag;
  element: Element;
}

export interface RegionSlot {
  shape: Kind.Region;
  start: Comment;
  end: Comment;
}

export interface BranchSlot {
  shape: Kind.Branch;
  start: Comment;
  /** `null` in a row that is nothing but a branch: it ends where its row ends */
  end: Comment | null;
  shown: Instance;
}

export interface ListSlot {
  shape: Kind.List;
  start: Comment;
  end: Comment;
  rows: Row[];
  /** the instance of the `else`, when there are no rows */
  other: Instance;
}

export interface Row {
  /** its mark, or the element with which it begins */
  start: ChildNode;
  slots: Instance;
}

export type Slot = TextSlot | AttributeSlot | TagSlot | RegionSlot | BranchSlot | ListSlot;

/** What the walk found at its root: the slots of one instance, or a row. */
export interface Found {
  slots: Instance;
  rows: Row[];
}

/** One open mark: where its slots go, and which of its siblings may end it. */
interface Frame {
  slots: Instance;
  slot: BranchSlot | ListSlot | null;
  rows: Row[] | null;
  up: Frame | null;
}

/**
 * Form fields (and options) whose value, checkedness or selectedness the server sets, and editable elements, with the
 * node of their text. When an edit of such a field is answered, the server's word counts again; other fields keep what
 * the person entered.
 */
export const boundFields = new WeakMap<Element, Text | null>();

const SHOW_ELEMENT_AND_COMMENT = 0x1 | 0x80;

/** Walks `root` once. At its top stands an instance (the page, a branch) or a new row of a list. */
export function indexTree(root: Node): Found {
  const walker = document.createTreeWalker(root, SHOW_ELEMENT_AND_COMMENT);
  const found: Found = { slots: [], rows: [] };
  let frame: Frame = { slots: found.slots, slot: null, rows: found.rows, up: null };
  const open = (slots: Instance, slot: Frame["slot"], rows: Frame["rows"] = null): void => {
    frame = { slots, slot, rows, up: frame };
  };
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const start = node as Comment;
    let data = node.nodeValue;
    let mark = node.nodeType === 1 ? (node as Element).getAttribute(MARK_ATTRIBUTE) : null;
    if (mark?.[0] === Sign.Row) {
      data = Mark.Row;
      mark = mark.slice(1);
    }
    const { slots } = frame;
    if (data === Mark.Text) {
      slots.push({ shape: Kind.Text, node: textAt(start.parentNode!, start.nextSibling) });
    } else if (data === Mark.Region) {
      const end = endOfRegion(start);
      slots.push({ shape: Kind.Region, start, end });
      walker.currentNode = end;
    } else if (data === Mark.Branch) {
      const slot: BranchSlot = { shape: Kind.Branch, start, end: null, shown: [] };
      slots.push(slot);
      open(slot.shown, slot);
    } else if (data === Mark.List) {
      const slot: ListSlot = { shape: Kind.List, start, end: start, rows: [], other: [] };
      slots.push(slot);
      open(slot.other, slot, slot.rows);
    } else if (data === Mark.Row || data === Mark.BranchRow) {
      // A row ends where the next begins: go back to the list (or to the top, for a new row).
      while (!frame.rows) frame = frame.up!;
      const slots: Instance = [];
      const branch: BranchSlot = { shape: Kind.Branch, start, end: null, shown: slots };
      frame.rows.push({ start, slots: data === Mark.Row ? slots : [branch] });
      open(slots, null);
    } else if (data === Mark.End) {
      // A row has no end of its own; the list's end is also its last row's.
      if (!frame.slot) frame = frame.up ?? frame;
      if (frame.slot) {
        frame.slot.end = start;
        frame = frame.up!;
      }
    }
    if (mark !== null) indexElement(node as Element, mark || Sign.Text, frame.slots);
  }
  while (frame.up && !frame.slot) frame = frame.up;
  if (frame.up) malformed("mark");
  return found;
}

function indexElement(element: Element, mark: string, slots: Instance): void {
  for (let at = 0; at < mark.length; at++) {
    const sign = mark[at]!;
    if (sign === Sign.Tag) {
      slots.push({ shape: Kind.Tag, element });
      // Which attributes come and go is not known here; of a box, a radio or an option it is most likely this one.
      if (element.localName === "option" || isBox(element)) boundFields.set(element, null);
    } else if (sign === Sign.Text) {
      const node = textAt(element, element.firstChild);
      slots.push({ shape: Kind.Text, node });
      if (element.matches("textarea,[contenteditable]")) boundFields.set(element, node);
    } else {
      let name: string | undefined;
      if (sign === "(") {
        const end = mark.indexOf(")", at);
        name = mark.slice(at + 1, end);
        at = end < 0 ? mark.length : end;
      } else {
        name = element.getAttributeNames()[parseInt(sign, 36)];
      }
      if (!name) malformed("mark");
      if (binds(element, name)) boundFields.set(element, null);
      // A style that the page's CSP blocked in the HTML is set through the object model, as later changes are.
      // Asked for last: each element's style is an object that the browser makes for whoever looks at it.
      const style = name === "style" && (element as HTMLElement).style;
      if (style) style.cssText ||= element.getAttribute(name) ?? "";
      slots.push({ shape: Kind.Attribute, element, name });
    }
  }
}

/** Whether the attribute says what a field holds. The `value` of a box or an option only names it. */
export function binds(element: Element, name: string): boolean {
  if (name !== "value") return name === "checked" || name === "selected";
  return element.localName === "input" && !isBox(element);
}

/** Whether the element is a checkbox or a radio button. */
export function isBox(element: Element): boolean {
  return /box|radio/.test((element as HTMLInputElement).type);
}

function endOfRegion(start: Comment): Comment {
  for (let node = start.nextSibling; node; node = node.nextSibling) {
    if (node.nodeType === 8 && (node as Comment).data === Mark.End) return node as Comment;
  }
  return malformed("mark");
}

/** The text node that stands at `node` inside of `parent`; an empty one is made when something else does. */
function textAt(parent: Node, node: Node | null): Text {
  return node?.nodeType === 3 ? whole(node as Text) : parent.insertBefore(new Text(), node);
}

/** Parsers split long texts (Chromium at 64 KiB); a slot is one node, so the rest is joined to it. */
function whole(text: Text): Text {
  for (let next = text.nextSibling; next?.nodeType === 3; next = text.nextSibling) {
    text.data += (next as Text).data;
    (next as Text).remove();
  }
  return text;
}
