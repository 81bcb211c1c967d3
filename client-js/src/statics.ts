//! Builds HTML from a fragment's statics and values; keeps the statics, least recently used first out.

import type { Core, Extras } from "./load.js";
import { malformed, STATICS_KEY, type Part, type Values } from "./wire.js";

/** Thrown when a frame needs statics that this client does not hold; the server sends them and a refresh. */
export interface MissingStatics extends Error {
  fragment: unknown;
}

/** Escapes text for an element's content and for quoted attribute values alike. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** The statics this page knows: by fragment for the current plan, and by content hash across plans and pages. */
export interface Statics extends Pick<Extras, "announce" | "forgetPlan" | "save"> {
  /** The HTML of rows (or one other instance) of `fragment`. Throws [`MissingStatics`], and when the values do not fit. */
  rows(fragment: unknown, rows: unknown[]): string;
}

/** Begins with what the browser holds already, which it trims to its capacity. */
export function createStatics({ held, stats, capacity, caching }: Pick<Core, "held" | "stats" | "capacity" | "caching">): Statics {
  // The current plan's fragments, by their content's hash.
  const hashes = new Map<unknown, string>();
  let changed = false;

  /** Holds these parts as the ones used last, and lets go of those unused for longest. */
  const keep = (hash: string, parts: Part[]): void => {
    // A Map iterates in order of insertion, so the first entry is the one unused for longest.
    held.delete(hash);
    held.set(hash, parts);
    for (const oldest of held.keys()) {
      if (held.size <= capacity) break;
      held.delete(oldest);
    }
  };

  const build = (fragment: unknown, values: unknown, out: string[]): void => {
    const hash = hashes.get(fragment);
    const parts = hash && held.get(hash);
    if (!parts) throw Object.assign(new Error("missing statics"), { fragment });
    if (!Array.isArray(values)) malformed("values");
    stats.hits++;
    keep(hash, parts);
    for (const part of parts) {
      if (typeof part == "string") out.push(part);
      else fill(part, values, out);
    }
  };

  const fill = (part: Exclude<Part, string>, values: Values, out: string[]): void => {
    const list = Array.isArray(part);
    const kind = list && part.length > 1 ? part[0] : "";
    const index = (list ? (kind ? part[1] : part[0]) : part) as number;
    if (!(index in values)) malformed("value " + index);
    const value = values[index];
    if (!kind) out.push(list ? String(value) : escapeHtml(String(value)));
    else if (kind == "i" && value === 0) return;
    else if (kind == "l" && Array.isArray(value)) for (const row of value) build((part as number[])[2], row, out);
    else {
      const shown = kind == "l" ? (value as { e?: unknown })?.e : value;
      if (!Array.isArray(shown)) malformed("value " + index);
      build(shown[0], shown[1], out);
    }
  };

  return {
    announce(frame) {
      for (const key in frame) {
        const entry = frame[key]!;
        const known = typeof entry == "string";
        const [hash, ...sent] = known ? [entry] : entry;
        const parts = known ? held.get(hash) : sent;
        // A hash that is not held is a miss that shows when its fragment is needed.
        if (!parts) continue;
        if (known) {
          stats.hits++;
          stats.bytesSaved += JSON.stringify(parts).length;
        } else {
          stats.misses++;
          changed = true;
        }
        hashes.set(Number(key), hash);
        keep(hash, parts);
      }
    },

    forgetPlan: () => hashes.clear(),

    rows(fragment, rows) {
      const out: string[] = [];
      for (const values of rows) build(fragment, values, out);
      return out.join("");
    },

    save() {
      if (!changed || !caching) return;
      changed = false;
      try {
        localStorage.setItem(STATICS_KEY, JSON.stringify([...held]));
      } catch {
        // A full or forbidden storage only costs the next page its statics.
      }
    },
  };
}
