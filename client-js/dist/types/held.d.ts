import { type Parts } from "./wire.js";
/** Reads them, by content hash and the least recently used first. None when the storage is not ours to read. */
export declare function heldStatics(): Map<string, Parts>;
