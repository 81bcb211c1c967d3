//! Builds HTML from a fragment's statics and values; keeps the statics, least recently used first out.

import { malformed, type Part, type StaticsFrame, type Values } from "./wire.js";

/** Thrown when a frame needs statics that this client does not hold; the server sends them and a refresh. */
export class MissingStatics extends Error {
  constructor(readonly fragment: unknown) {
    super("missing statics");
  }
}

/** Where statics outlive the page: a subset of the `Storage` interface. */
export interface StaticsStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** What [`StaticsCache.stats`] counts. */
export interface CacheCounts {
  /** fragments announced by hash only, or built again from statics that were here already */
  hits: number;
  /** fragments whose statics had to be sent */
  misses: number;
  /** characters of statics that did not have to be sent, because they were here already */
  bytesSaved: number;
  /** fragments held now */
  cacheSize: number;
}

const STORAGE_KEY = "statetemplate.statics";

const ESCAPES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Escapes text for an element's content and for quoted attribute values alike. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => ESCAPES[c]!);
}

/** The statics this page knows: by fragment for the current plan, and by content hash across plans and pages. */
export class StaticsCache {
  // A Map iterates in order of insertion, so the first entry is the one unused for longest.
  #parts = new Map<string, Part[]>();
  // The current plan's fragments, by their content's hash.
  #hashes = new Map<unknown, string>();
  #counts = { hits: 0, misses: 0, bytesSaved: 0 };
  #changed = false;

  /**
   * @param capacity fragments kept at most; the least recently used go first
   * @param storage where statics are kept for the next page; `null` keeps them in memory only
   */
  constructor(
    private readonly capacity: number,
    private readonly storage: StaticsStorage | null,
  ) {
    try {
      const text = storage?.getItem(STORAGE_KEY);
      if (text) for (const [hash, parts] of JSON.parse(text) as [string, Part[]][]) this.#keep(hash, parts);
    } catch {
      // Something else stands in the storage: the statics are sent again.
    }
  }

  /** The hashes held, for the join frame. */
  hashes(): string[] {
    return [...this.#parts.keys()];
  }

  /** Takes an announcement in. A hash that is not held is a miss that shows when its fragment is needed. */
  announce(frame: StaticsFrame): void {
    for (const key in frame) {
      const entry = frame[key]!;
      const known = typeof entry == "string";
      const [hash, ...sent] = known ? [entry] : entry;
      const parts = known ? this.#parts.get(hash) : sent;
      if (!parts) continue;
      if (known) {
        this.#counts.hits++;
        this.#counts.bytesSaved += JSON.stringify(parts).length;
      } else {
        this.#counts.misses++;
        this.#changed = true;
      }
      this.#hashes.set(Number(key), hash);
      this.#keep(hash, parts);
    }
  }

  /** Forgets which fragment is which: the page has another plan now. What is held by hash stays. */
  forgetPlan(): void {
    this.#hashes.clear();
  }

  /** The HTML of one instance of `fragment`. Throws [`MissingStatics`], and an error when the values do not fit. */
  html(fragment: unknown, values: unknown): string {
    return this.rows(fragment, [values]);
  }

  /** The HTML of several rows of `fragment`, one after the other. */
  rows(fragment: unknown, rows: unknown[]): string {
    const out: string[] = [];
    for (const values of rows) this.#build(fragment, values, out);
    return out.join("");
  }

  stats(): CacheCounts {
    return { ...this.#counts, cacheSize: this.#parts.size };
  }

  /** Writes what changed to the storage. Called when the page is idle or goes away. */
  save(): void {
    if (!this.#changed) return;
    this.#changed = false;
    try {
      this.storage?.setItem(STORAGE_KEY, JSON.stringify([...this.#parts]));
    } catch {
      // A full or forbidden storage only costs the next page its statics.
    }
  }

  #build(fragment: unknown, values: unknown, out: string[]): void {
    const hash = this.#hashes.get(fragment);
    const parts = hash && this.#parts.get(hash);
    if (!parts) throw new MissingStatics(fragment);
    if (!Array.isArray(values)) malformed("values");
    this.#counts.hits++;
    this.#keep(hash, parts);
    for (const part of parts) {
      if (typeof part == "string") out.push(part);
      else this.#fill(part, values, out);
    }
  }

  #fill(part: Exclude<Part, string>, values: Values, out: string[]): void {
    const list = Array.isArray(part);
    const kind = list && part.length > 1 ? part[0] : "";
    const index = (list ? (kind ? part[1] : part[0]) : part) as number;
    if (!(index in values)) malformed("value " + index);
    const value = values[index];
    if (!kind) out.push(list ? String(value) : escapeHtml(String(value)));
    else if (kind == "i" && value === 0) return;
    else if (kind == "l" && Array.isArray(value)) for (const row of value) this.#build((part as number[])[2], row, out);
    else {
      const shown = kind == "l" ? (value as { e?: unknown })?.e : value;
      if (!Array.isArray(shown)) malformed("value " + index);
      this.#build(shown[0], shown[1], out);
    }
  }

  /** Holds these parts as the ones used last, and lets go of those unused for longest. */
  #keep(hash: string, parts: Part[]): void {
    const all = this.#parts;
    all.delete(hash);
    all.set(hash, parts);
    for (const oldest of all.keys()) {
      if (all.size <= this.capacity) break;
      all.delete(oldest);
    }
  }
}
