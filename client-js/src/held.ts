//! The statics that an earlier page of this browser kept.

import { STATICS_KEY, type Part } from "./wire.js";

/** Reads them, by content hash and the least recently used first. None when the storage is not ours to read. */
export function heldStatics(): Map<string, Part[]> {
  try {
    return new Map(JSON.parse(localStorage.getItem(STATICS_KEY)!) as [string, Part[]][]);
  } catch {
    // The browser refuses it to this page, or something else stands in it: the statics are sent again.
    return new Map();
  }
}
