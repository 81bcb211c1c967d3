//! The entry of `morph.js`, the one place that knows the morph library. Loaded when the page is idle, or on need.

import { Idiomorph } from "idiomorph";
import { provide } from "./load.js";

/** A subtree that the page's scripts own. */
const IGNORE = "st-ignore";

const callbacks = {
  beforeNodeMorphed(old: Node, next: Node): boolean {
    if (old.nodeType !== 1) return true;
    if ((old as Element).hasAttribute(IGNORE)) return false;
    // An equal subtree keeps everything that a person or a script did to its properties.
    return !old.isEqualNode(next);
  },
  beforeNodeAdded(node: Node): boolean {
    // The client's own script must not run a second time.
    return !(node.nodeName === "SCRIPT" && (node as Element).hasAttribute("data-page"));
  },
  beforeNodeRemoved(node: Node): boolean {
    return !(node.nodeType === 1 && (node as Element).hasAttribute(IGNORE));
  },
  beforeAttributeUpdated(name: string, element: Element, kind: "update" | "remove"): boolean {
    // A dialog or a disclosure that a person opened stays open: the server did not open it, so it does not close it.
    return !(kind === "remove" && name === "open" && /^(details|dialog)$/.test(element.localName));
  },
};

provide("morph", ({ trustedHtml }) => ({
  refresh(html, held) {
    // Nothing in a page that is only parsed runs or loads.
    const next = new DOMParser().parseFromString(trustedHtml(html), "text/html");
    const putBack = held.map(keep);
    morph(document.documentElement, next.documentElement);
    for (const put of putBack) put();
  },
  region({ start, end }, content) {
    const old = nodesBetween(start, end);
    const fresh = [...content.childNodes];
    // Nodes that correspond from the front and from the back are morphed; what is left between is replaced.
    let front = 0;
    while (front < old.length && front < fresh.length && alike(old[front]!, fresh[front]!)) front++;
    let back = 0;
    const most = Math.min(old.length, fresh.length) - front;
    while (back < most && alike(old[old.length - 1 - back]!, fresh[fresh.length - 1 - back]!)) back++;
    const pairs: [ChildNode, ChildNode][] = [];
    for (let at = 0; at < front; at++) pairs.push([old[at]!, fresh[at]!]);
    for (let at = back; at > 0; at--) pairs.push([old[old.length - at]!, fresh[fresh.length - at]!]);
    const after = back > 0 ? old[old.length - back]! : end;
    for (const node of old.slice(front, old.length - back)) node.remove();
    for (const node of fresh.slice(front, fresh.length - back)) after.before(node);
    for (const [node, next] of pairs) {
      if (node.nodeType === 1) morph(node as Element, next as Element);
      else if (node.nodeValue !== next.nodeValue) node.nodeValue = next.nodeValue;
    }
  },
}));

/** Remembers what stands in a field that a person edited; the returned function puts it back. */
function keep(field: Element): () => void {
  if (field instanceof HTMLSelectElement) {
    const chosen = [...field.selectedOptions].map((option) => option.value);
    return () => {
      for (const option of field.options) option.selected = chosen.includes(option.value);
    };
  }
  if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) return () => {};
  const { value, type, selectionStart, selectionEnd } = field;
  if (type === "file") return () => {};
  if (type === "checkbox" || type === "radio") {
    const { checked } = field as HTMLInputElement;
    return () => ((field as HTMLInputElement).checked = checked);
  }
  return () => {
    if (field.value === value) return;
    field.value = value;
    if (field === document.activeElement && selectionStart !== null) {
      field.setSelectionRange(selectionStart, selectionEnd);
    }
  };
}

function morph(old: Element, next: Element): void {
  Idiomorph.morph(old, next, { morphStyle: "outerHTML", restoreFocus: true, head: { style: "morph" }, callbacks });
}

function alike(old: Node, next: Node): boolean {
  return old.nodeName === next.nodeName && (old as Element).id === (next as Element).id;
}

function nodesBetween(start: Comment, end: Comment): ChildNode[] {
  const nodes: ChildNode[] = [];
  for (let node = start.nextSibling; node && node !== end; node = node.nextSibling) nodes.push(node);
  return nodes;
}
