//! The statics that an earlier page of this browser kept.

import { STATICS_KEY, type Parts } from "./wire.js";

/** Reads them, by content hash and the least recently used first. None when the storage is not ours to read. */
export function heldStatics(): Map<string, Parts> {
  try {
    return new Map(JSON.parse(localStorage.getItem(STATICS_KEY)!) as [string, Parts][]);
  } catch {
    // The browser refuses it to this page, or something else stands in it: the statics are sent again.
    return new Map();
  }
}
