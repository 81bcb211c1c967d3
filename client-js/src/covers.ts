//! What shows in place of the server's word while an action is in flight.

import type { Core } from "./load.js";

/** What is covered: an attribute by its name, a class by `.name`, the data of a text node by the empty string. */
export type Aspect = string;

/** Text, or `null` for an attribute (or class) that is not there. */
export type Value = string | null;

/** Shows a value until the returned function is called: then the server's word counts, as it is by then. */
export type Cover = (node: Node, aspect: Aspect, value: Value) => () => void;

/** @param served what the server set, of that which is not as it set it */
export function createCover({ served }: Core): Cover {
  let covers: [Node, Aspect, Value][] = [];

  return (node, aspect, value) => {
    const cover: [Node, Aspect, Value] = [node, aspect, value];
    covers.push(cover);
    if (!aspect && !served.has(node)) served.set(node, { "": (node as Text).data });
    write(node, aspect, value);
    return () => {
      covers = covers.filter((each) => each !== cover);
      // Another action in flight may show the same, or something else.
      const other = covers.filter((each) => each[0] === node && each[1] === aspect).pop();
      const before = served.get(node) ?? {};
      const isClass = aspect[0] === "." && "class" in before;
      const server = isClass ? (` ${before.class} `.includes(` ${aspect.slice(1)} `) ? "" : null) : before[aspect];
      const word = other ? other[2] : server;
      // Of texts the server's may show already, or what came later.
      if (word !== undefined && (aspect || (node as Text).data === value)) write(node, aspect, word);
    };
  };
}

/** Changes an aspect, and leaves no empty `class` behind. */
export function write(node: Node, aspect: Aspect, value: Value): void {
  const element = node as Element;
  if (!aspect) (node as Text).data = value!;
  else if (aspect[0] === ".") {
    element.classList.toggle(aspect.slice(1), value !== null);
    if (!element.classList[0]) element.removeAttribute("class");
  } else if (value === null) element.removeAttribute(aspect);
  else element.setAttribute(aspect, value);
}
