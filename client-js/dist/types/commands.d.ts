import type { Aspect, Value } from "./covers.js";
/** Changes an aspect of a node: for good, or while an action is in flight. */
type Change = (node: Node, aspect: Aspect, value: Value) => unknown;
/** Runs the commands of an attribute of `element`, which is their target where they name none. */
export declare function runCommands(element: Element, text: string, change: Change): void;
/** Changes an element's own text. The first text that says something takes it, so that slots stay what they are. */
export declare function changeText(element: Element, text: string, change: Change): void;
export {};
