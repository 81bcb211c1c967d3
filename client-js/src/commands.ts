//! Commands, which change the page without a round trip: `toggle @ #menu; add open @ closest .card; focus @ #name`.

import type { Aspect, Value } from "./covers.js";

/** `verb argument @ target`, where what comes after the verb may be missing. */
const STEP = /^\s*(\S*)(?:\s+((?!@\s).*?))??(?:\s+@\s+(.*?))?\s*$/s;

/** Changes an aspect of a node: for good, or while an action is in flight. */
type Change = (node: Node, aspect: Aspect, value: Value) => unknown;

/** Runs the commands of an attribute of `element`, which is their target where they name none. */
export function runCommands(element: Element, text: string, change: Change): void {
  for (const step of text.split(";")) {
    const [, verb, argument = "", target] = STEP.exec(step)!;
    for (const each of targets(element, target)) {
      const aspect = argument ? "." + argument : "hidden";
      const there = argument ? each.classList.contains(argument) : each.hasAttribute(aspect);
      if (verb === "text") changeText(each, argument, change);
      else if (verb === "focus") (each as HTMLElement).focus();
      else if (verb === "disable") change(each, "disabled", "");
      else if (/^(hide|add)$/.test(verb!) || (verb === "toggle" && !there)) change(each, aspect, "");
      else if (/^(show|remove|toggle)$/.test(verb!)) change(each, aspect, null);
      // Without keeping the other commands and the action from what they do.
      else if (verb) reportError(new Error("no command " + verb));
    }
  }
}

/** Changes an element's own text. The first text that says something takes it, so that slots stay what they are. */
export function changeText(element: Element, text: string, change: Change): void {
  const nodes = [...element.childNodes].filter((node): node is Text => node.nodeType === 3);
  const said = nodes.filter((node) => node.data.trim());
  const first = said[0] ?? nodes[0] ?? element.appendChild(new Text());
  for (const node of said) if (node !== first) change(node, "", "");
  // A patch may send the words without the white space around them.
  change(first, "", first.data.replace(/^(\s*)[^]*?(\s*)$/, (_, before: string, after: string) => before + text + after));
}

/** `closest SELECTOR`, `find SELECTOR` within the element, or any selector for the whole page. */
function targets(element: Element, target = "closest *"): Iterable<Element> {
  const [, how, selector] = /^(closest |find )?(.*)$/s.exec(target)!;
  if (how !== "closest ") return (how ? element : document).querySelectorAll(selector!);
  const found = element.closest(selector!);
  return found ? [found] : [];
}
