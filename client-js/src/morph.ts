//! The entry of `morph.js`: turns the page, or a region of it, into what the server sends of it anew. What the server sent
//! before is compared with what it sends now; what scripts and people changed since stays where the server's part of it is
//! the same. Loaded when the page is idle, or on need.

import { keepingCaret } from "./input.js";
import { provide, type Core } from "./load.js";
import { nodesFrom, parentOf } from "./arrange.js";
import { moveNode, stationary, staying } from "./moves.js";
import { malformed } from "./wire.js";

/** A subtree that the page's scripts own. */
const IGNORE = "st-ignore";

provide("morph", (core) => ({
  refresh(html) {
    // Nothing in a page that is only parsed runs or loads.
    const next = new DOMParser().parseFromString(core.trustedHtml(html), "text/html");
    const { documentElement } = document;
    morph(core, document, [documentElement], [next.documentElement], documentElement.previousSibling);
  },

  region(change, { start, end }, changes) {
    const text = typeof change === "string";
    const html = text ? "" : Array.isArray(change) && (change[0] as unknown);
    if (typeof html !== "string") malformed("region");
    const content = core.need("extras").parseBeside(html, start);
    if (text) content.append(change);
    const update = (): void => morph(core, parentOf(start), nodesFrom(start.nextSibling, end), [...content.childNodes], start);
    changes.push(() => core.fields.later(start, update));
  },

  staying,
  move: moveNode,
}));

/** Makes the server's nodes among `old`, children of `parent` after the node `start`, into `fresh`. */
function morph({ fields, setAttribute, served, added, connection, indexTree }: Core, parent: Node, old: Node[], fresh: Node[], start: Node | null): void {
  // Equal subtrees of the server's have equal numbers.
  const numbers = new Map<string, number>();
  const signs = new Map<Node, number>();
  const oldIds = new Map<string, Element | null>();
  const newIds = new Map<string, Element | null>();
  // Nodes that have their place on the new page, and nodes that had none when their siblings got theirs.
  const placed = new Set<Node>();
  const left: Node[] = [];
  // What should not move: the selection, or else the focus. Asked for now, since a browser computes the layout for it.
  const active = document.activeElement;
  const selection = document.getSelection();
  const pin = selection && !selection.isCollapsed ? selection.anchorNode : active;

  /** A text as the server set it; something else may show in its place. */
  const textOf = (node: Node): string | null => served.get(node)?.[""] ?? node.nodeValue;

  /** What patches find in an element, in words: a refresh must not leave an element without that. */
  const placesIn = (element: Element): string =>
    JSON.stringify(indexTree(element).slots, (_, value: Partial<Node> | null) => (value?.nodeType ? 0 : value));

  /** Whether the server knows of this node. */
  const isServers = (node: Node): boolean => !added.get(node) && textOf(node) !== "";

  /** Whether a person's content is in there, whatever the server says. */
  const isHeld = (node: Element): boolean => fields.holds(node) && (node as HTMLElement).isContentEditable;

  const childrenOf = (node: Node): Node[] => [...inside(node).childNodes].filter(isServers);

  /** The attributes as the server set them. */
  const attributesOf = (element: Element): Map<string, string> => {
    const all = new Map<string, string>();
    for (const { name, value } of element.attributes) all.set(name, value);
    for (const [name, value] of Object.entries(served.get(element) ?? {})) {
      if (value === null) all.delete(name);
      else all.set(name, value);
    }
    return all;
  };

  const sign = (node: Node, ids: Map<string, Element | null>): number => {
    let text: unknown = textOf(node);
    if (isElement(node)) {
      // An id that is there twice names nothing.
      if (node.id) ids.set(node.id, ids.has(node.id) ? null : node);
      const children = node.hasAttribute(IGNORE) ? placesIn(node) : childrenOf(node).map((child) => sign(child, ids));
      // What is held is like nothing else: it has to hear of the server's word even if that is what it shows.
      text = [[...attributesOf(node)].sort(), children, isHeld(node) && numbers.size];
    }
    const key = JSON.stringify([node.nodeName, text]);
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    signs.set(node, number);
    return number;
  };

  /** The element on the page that the new page has by the same id, wherever the two stand. */
  const twinOf = ({ id }: Element): Element | null => {
    const [twin, next] = [oldIds.get(id), newIds.get(id)];
    return twin && next && twin.nodeName === next.nodeName ? twin : null;
  };

  /** Which nodes may become one another when nothing better is found. */
  const kindOf = (node: Node): string =>
    node.nodeName + (isElement(node) ? "#" + node.id + "#" + node.getAttribute("name") + "#" + node.getAttribute("st-key") : "");

  /** Finds the nodes of the old list that become those of the new one, and says which need not move. */
  const match = (parent: Node, old: Node[], fresh: Node[]): [(Node | undefined)[], boolean[]] => {
    const found: (Node | undefined)[] = [];
    const places = new Map(old.map((node, at) => [node, at]));
    const free = new Set(old.filter((node) => !(isElement(node) && twinOf(node))));
    const take = (at: number, node: Node): unknown => (found[at] = node) && free.delete(node);
    const group = (nodes: Iterable<Node>, key: (node: Node) => unknown): Map<unknown, Node[]> => {
      const groups = new Map<unknown, Node[]>();
      for (const node of nodes) {
        const name = key(node);
        if (!groups.get(name)?.push(node)) groups.set(name, [node]);
      }
      return groups;
    };
    const signOf = (node: Node): unknown => signs.get(node);

    // First the elements that cannot be mistaken: by their id, by an id inside, and those that are the only ones of their kind.
    for (const [at, node] of fresh.entries()) {
      if (!isElement(node)) continue;
      let twin: Node | null = twinOf(node);
      if (twin) take(at, twin);
      else {
        for (const inner of node.querySelectorAll("[id]")) {
          twin = twinOf(inner);
          while (twin && twin.parentNode !== parent) twin = twin.parentNode;
          if (twin && free.has(twin) && kindOf(twin) === kindOf(node)) {
            take(at, twin);
            break;
          }
        }
      }
    }
    const olds = group([...free].filter(isElement), signOf);
    const news = group(fresh.filter((node, at) => isElement(node) && !found[at]), signOf);
    for (const [number, [node, another]] of news) {
      const twins = olds.get(number);
      if (twins?.length === 1 && !another) take(fresh.indexOf(node!), twins[0]!);
    }

    // Most of them stay where they are. Between two that stay, the others are matched in their order.
    const pinned = parent.contains(pin) ? old.findIndex((node) => node.contains(pin)) : -1;
    const stays = stationary(fresh.map((_, at) => places.get(found[at]!) ?? []), pinned);
    for (const key of [signOf, kindOf]) {
      const twins = group(old.filter((node) => free.has(node)), key);
      const limits: number[] = [];
      for (let at = fresh.length, limit = old.length; at-- > 0; ) {
        limits[at] = limit;
        if (stays[at]) limit = places.get(found[at]!)!;
      }
      let from = 0;
      for (const [at, node] of fresh.entries()) {
        if (!found[at]) {
          const candidates = twins.get(key(node)) ?? [];
          while (candidates[0] && places.get(candidates[0])! < from) candidates.shift();
          if (!candidates[0] || places.get(candidates[0])! >= limits[at]!) continue;
          take(at, candidates[0]);
          stays[at] = true;
        }
        if (stays[at]) from = places.get(found[at]!)! + 1;
      }
    }
    return [found, stays];
  };

  const morphChildren = (parent: Node, old: Node[], fresh: Node[], previous: Node | null): void => {
    const [found, stays] = match(parent, old, fresh);
    for (const [at, next] of fresh.entries()) {
      const twin = found[at];
      // A new element is taken as it is, unless something inside of it is on the page already.
      const parts = !twin && isElement(next) && [...next.querySelectorAll("[id]")].some(twinOf);
      const node = twin ?? (parts ? document.importNode(next, false) : next);
      if (!stays[at]) moveNode(parent as ParentNode & Node, node, previous ? previous.nextSibling : parent.firstChild);
      placed.add(node);
      previous = node;
      if (twin) morphNode(twin, next);
      else if (parts) morphChildren(inside(node), [], childrenOf(next), null);
    }
    for (const node of old) if (!placed.has(node)) left.push(node);
  };

  const morphNode = (node: Node, next: Node): void => {
    if (signs.get(node) === signs.get(next)) return;
    if (!isElement(node) || !isElement(next)) {
      fields.setText(node as Text, next.nodeValue!);
      return;
    }
    if (node.hasAttribute(IGNORE)) {
      if (placesIn(node) !== placesIn(next)) node.replaceChildren(...next.childNodes);
      return;
    }
    const before = attributesOf(node);
    for (const attribute of next.attributes) {
      const { name, value, namespaceURI } = attribute;
      if (before.get(name) === value) continue;
      // Parsers take names that `setAttribute` refuses.
      if (namespaceURI || !/^[\w:]/.test(name)) node.setAttributeNode(attribute.cloneNode() as Attr);
      else setAttribute(node, name, value, fields);
    }
    for (const name of before.keys()) if (!next.hasAttribute(name)) setAttribute(node, name, null, fields);
    if (node.localName === "textarea") {
      const { defaultValue } = next as HTMLTextAreaElement;
      if ((node as HTMLTextAreaElement).defaultValue === defaultValue) return;
      fields.change(node, () => ((node as HTMLTextAreaElement).defaultValue = defaultValue));
      return;
    }
    if (isHeld(node)) {
      // The person's content stays. What is more than a text has to come once more.
      if (next.childNodes[1] || next.firstElementChild) return fields.later(node, () => connection.resync("edited"));
      // The server's text waits in the node that is going to be its slot.
      const first = node.firstChild;
      const slot = first?.nodeType === 3 ? first : node.insertBefore(new Text(), first);
      return fields.setText(slot as Text, next.textContent);
    }
    const children = childrenOf(next);
    const old = childrenOf(node);
    // What a script put in place of the server's content goes with it.
    if (!old[0] && children.some(({ nodeType, nodeValue }) => nodeType === 1 || nodeValue!.trim())) left.push(...node.childNodes);
    const choose = node instanceof HTMLSelectElement && !fields.holds(node) && choosing(node, next as HTMLSelectElement);
    morphChildren(inside(node), old, children, null);
    if (choose) choose();
  };

  for (const node of old) if (isServers(node)) sign(node, oldIds);
  for (const node of fresh) sign(node, newIds);
  morphChildren(parent, old.filter(isServers), fresh, start);
  for (const node of left) if (!placed.has(node)) (node as ChildNode).remove();
  // Browsers that cannot move nodes with their state take the focus away.
  if (active !== document.activeElement) keepingCaret(active!, () => (active as HTMLElement).focus());
}

function isElement(node: Node): node is Element {
  return node.nodeType === 1;
}

/** Where the children of a node are. */
function inside(node: Node): Node {
  return node instanceof HTMLTemplateElement ? node.content : node;
}

/** Where nobody chose anything else, the choice of the new page: browsers make another when options come one by one. */
function choosing({ options, selectedIndex }: HTMLSelectElement, next: HTMLSelectElement): (() => void) | null {
  const all = [...options];
  const served = all.some((option) => option.defaultSelected)
    ? all.every((option) => option.selected === option.defaultSelected)
    : selectedIndex < 1;
  const chosen = [...next.options].map((option) => option.selected);
  return served ? () => chosen.forEach((selected, at) => options[at]!.selected !== selected && (options[at]!.selected = selected)) : null;
}
