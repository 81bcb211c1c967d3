import type { Core } from "./load.js";
/** What is covered: an attribute by its name, a class by `.name`, the data of a text node by the empty string. */
export type Aspect = string;
/** Text, or `null` for an attribute (or class) that is not there. */
export type Value = string | null;
/** Shows a value until the returned function is called: then the server's word counts, as it is by then. */
export type Cover = (node: Node, aspect: Aspect, value: Value) => () => void;
/** @param served what the server set, of that which is not as it set it */
export declare function createCover({ served }: Core): Cover;
/** Changes an aspect, and leaves no empty `class` behind. */
export declare function write(node: Node, aspect: Aspect, value: Value): void;
