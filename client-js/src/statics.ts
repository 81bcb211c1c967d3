//! Builds HTML from a fragment's statics and values; keeps the statics, least recently used first out.

import { isObject, malformed, type Part, type StaticsFrame, type Values } from "./wire.js";

/** The statics of one fragment: their content hash and their parts. */
export interface Statics {
  hash: string;
  parts: Part[];
}

/** Thrown when a frame needs statics that this client does not hold; the server sends them and a refresh. */
export class MissingStatics extends Error {
  constructor(readonly fragment: number) {
    super(`the statics of fragment ${fragment} are missing`);
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
  return /[&<>"']/.test(text) ? text.replace(/[&<>"']/g, (c) => ESCAPES[c]!) : text;
}

/** The statics this page knows: by fragment for the current plan, and by content hash across plans and pages. */
export class StaticsCache {
  // A Map iterates in order of insertion, so the first entry is the one unused for longest.
  #byHash = new Map<string, Part[]>();
  #byFragment = new Map<number, Statics>();
  #sizes = new Map<string, number>();
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
    this.#load();
  }

  /** The hashes held, for the join frame. */
  hashes(): string[] {
    return [...this.#byHash.keys()];
  }

  /** Takes an announcement in. A hash that is not held is a miss that shows when its fragment is needed. */
  announce(frame: StaticsFrame): void {
    for (const [key, entry] of Object.entries(frame)) {
      const fragment = Number(key);
      let hash: string;
      let parts: Part[] | undefined;
      if (typeof entry === "string") {
        hash = entry;
        parts = this.#byHash.get(hash);
        if (!parts) continue;
        this.#counts.hits++;
        this.#counts.bytesSaved += this.#size(hash, parts);
      } else {
        if (!Array.isArray(entry) || typeof entry[0] !== "string") malformed(`statics of fragment ${key}`);
        hash = entry[0];
        parts = entry.slice(1) as Part[];
        this.#counts.misses++;
        this.#changed = true;
      }
      this.#byFragment.set(fragment, { hash, parts });
      this.#touch(hash, parts);
    }
    this.#evict();
  }

  /** Forgets which fragment is which: the page has another plan now. What is held by hash stays. */
  forgetPlan(): void {
    this.#byFragment.clear();
  }

  /** The HTML of one instance of `fragment`. Throws [`MissingStatics`] and `ProtocolError`. */
  html(fragment: unknown, values: unknown): string {
    const out: string[] = [];
    this.#build(fragment, values, out);
    return out.join("");
  }

  /** The HTML of several rows of `fragment`, one after the other. */
  rows(fragment: unknown, rows: Values[]): string {
    const out: string[] = [];
    for (const values of rows) this.#build(fragment, values, out);
    return out.join("");
  }

  stats(): CacheCounts {
    return { ...this.#counts, cacheSize: this.#byHash.size };
  }

  /** Writes what changed to the storage. Called when the page is idle or goes away. */
  save(): void {
    if (!this.#changed || !this.storage) return;
    this.#changed = false;
    try {
      this.storage.setItem(STORAGE_KEY, JSON.stringify([...this.#byHash]));
    } catch {
      // A full or forbidden storage only costs the next page its statics.
    }
  }

  #load(): void {
    try {
      const text = this.storage?.getItem(STORAGE_KEY);
      for (const [hash, parts] of text ? (JSON.parse(text) as [string, Part[]][]) : []) {
        if (typeof hash === "string" && Array.isArray(parts)) this.#byHash.set(hash, parts);
      }
      this.#evict();
    } catch {
      this.#byHash.clear();
    }
  }

  #build(fragment: unknown, values: unknown, out: string[]): void {
    if (typeof fragment !== "number" || !Array.isArray(values)) malformed("a fragment's number and values");
    const statics = this.#byFragment.get(fragment);
    if (!statics) throw new MissingStatics(fragment);
    this.#counts.hits++;
    this.#touch(statics.hash, statics.parts);
    for (const part of statics.parts) {
      if (typeof part === "string") out.push(part);
      else this.#fill(part, values, out);
    }
  }

  #fill(part: Part, values: Values, out: string[]): void {
    if (typeof part === "number") {
      out.push(escapeHtml(String(hole(values, part))));
    } else if (isKind(part, "i")) {
      const value = hole(values, part[1]);
      if (Array.isArray(value)) this.#build(value[0], value[1], out);
      else if (value !== 0) malformed("the value of a branch");
    } else if (isKind(part, "l")) {
      const value = hole(values, part[1]);
      if (Array.isArray(value)) for (const row of value) this.#build(part[2], row, out);
      else if (isObject(value) && Array.isArray(value.e)) this.#build(value.e[0], value.e[1], out);
      else malformed("the value of a list");
    } else if (Array.isArray(part)) {
      out.push(String(hole(values, part[0] as number)));
    } else {
      malformed("a part of statics");
    }
  }

  #touch(hash: string, parts: Part[]): void {
    this.#byHash.delete(hash);
    this.#byHash.set(hash, parts);
  }

  #evict(): void {
    for (const hash of this.#byHash.keys()) {
      if (this.#byHash.size <= this.capacity) break;
      this.#byHash.delete(hash);
      this.#sizes.delete(hash);
      for (const [fragment, statics] of this.#byFragment) {
        if (statics.hash === hash) this.#byFragment.delete(fragment);
      }
      this.#changed = true;
    }
  }

  #size(hash: string, parts: Part[]): number {
    let size = this.#sizes.get(hash);
    if (size === undefined) this.#sizes.set(hash, (size = JSON.stringify(parts).length));
    return size;
  }
}

function isKind<K extends string>(part: Part, kind: K): part is Extract<Part, [K, ...unknown[]]> {
  return Array.isArray(part) && part[0] === kind;
}

function hole(values: Values, index: number): unknown {
  return index in values ? values[index] : malformed(`value ${index} is missing`);
}
