import { type StaticsFrame } from "./wire.js";
/** Thrown when a frame needs statics that this client does not hold; the server sends them and a refresh. */
export declare class MissingStatics extends Error {
    readonly fragment: unknown;
    constructor(fragment: unknown);
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
/** Escapes text for an element's content and for quoted attribute values alike. */
export declare function escapeHtml(text: string): string;
/** The statics this page knows: by fragment for the current plan, and by content hash across plans and pages. */
export declare class StaticsCache {
    #private;
    private readonly capacity;
    private readonly storage;
    /**
     * @param capacity fragments kept at most; the least recently used go first
     * @param storage where statics are kept for the next page; `null` keeps them in memory only
     */
    constructor(capacity: number, storage: StaticsStorage | null);
    /** The hashes held, for the join frame. */
    hashes(): string[];
    /** Takes an announcement in. A hash that is not held is a miss that shows when its fragment is needed. */
    announce(frame: StaticsFrame): void;
    /** Forgets which fragment is which: the page has another plan now. What is held by hash stays. */
    forgetPlan(): void;
    /** The HTML of one instance of `fragment`. Throws [`MissingStatics`], and an error when the values do not fit. */
    html(fragment: unknown, values: unknown): string;
    /** The HTML of several rows of `fragment`, one after the other. */
    rows(fragment: unknown, rows: unknown[]): string;
    stats(): CacheCounts;
    /** Writes what changed to the storage. Called when the page is idle or goes away. */
    save(): void;
}
