//! Keeps the statics of fragments, least recently used first out.

import type { Core, Extras } from "./load.js";
import { STATICS_KEY, type Parts } from "./wire.js";

/** Thrown when a frame needs statics that this client does not hold; the server sends them and a refresh. */
export interface MissingStatics extends Error {
  fragment: unknown;
}

/** A fragment of the current plan. */
export interface Fragment {
  hash: string;
  statics: Parts;
  /** its HTML as nodes, made with its first instance */
  template?: DocumentFragment;
}

/** The statics this page knows: by fragment for the current plan, and by content hash across plans and pages. */
export interface Statics extends Pick<Extras, "announce" | "forgetPlan" | "save"> {
  /** What is known of a fragment that is to be shown. Throws [`MissingStatics`]. */
  of(fragment: unknown): Fragment;
}

/** Begins with what the browser holds already, which it trims to its capacity. */
export function createStatics({ held, stats, capacity, caching }: Pick<Core, "held" | "stats" | "capacity" | "caching">): Statics {
  const fragments = new Map<unknown, Fragment>();
  let changed = false;

  /** Holds these parts as the ones used last, and lets go of those unused for longest. */
  const keep = (hash: string, parts: Parts): void => {
    // A Map iterates in order of insertion, so the first entry is the one unused for longest.
    held.delete(hash);
    held.set(hash, parts);
    for (const oldest of held.keys()) {
      if (held.size <= capacity) break;
      held.delete(oldest);
    }
  };

  return {
    announce(frame) {
      for (const key in frame) {
        const entry = frame[key]!;
        const known = typeof entry == "string";
        const [hash, ...sent] = known ? [entry] : entry;
        const parts = known ? held.get(hash) : (sent as Parts);
        // A hash that is not held is a miss that shows when its fragment is needed.
        if (!parts) continue;
        if (known) {
          stats.hits++;
          stats.bytesSaved += JSON.stringify(parts).length;
        } else {
          stats.misses++;
          changed = true;
        }
        fragments.set(Number(key), { hash, statics: parts });
        keep(hash, parts);
      }
    },

    forgetPlan: () => fragments.clear(),

    of(number) {
      const fragment = fragments.get(number)!;
      if (!held.has(fragment?.hash)) throw Object.assign(new Error("missing statics"), { fragment: number });
      stats.hits++;
      keep(fragment.hash, fragment.statics);
      return fragment;
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
