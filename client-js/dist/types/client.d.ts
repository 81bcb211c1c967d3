import { type ConnectionState } from "./connection.js";
import type { Hook } from "./hooks.js";
/** How a client connects and what it keeps. All of it is optional on a page that the server rendered. */
export interface ClientOptions {
    /** The element that names the session by `data-page`, `data-plan` and `data-revision`; found in the page if left out. */
    element?: HTMLElement | null;
    /** Address of the WebSocket. Default: the element's `data-ws`, else `/ws`, on the page's host. */
    url?: string;
    /** Address of any file in the folder of `extras.js` and `morph.js`. Default: the element's `src`. */
    scripts?: string;
    /** Whether statics are kept for the browser's next pages (in `localStorage`). Default: true. */
    enableCaching?: boolean;
    /** How many fragments' statics are kept at most, least recently used first out. Default: 1000. */
    maxCacheSize?: number;
    /** Whether frames are printed to the console, and cache events sent at each update. Default: false. */
    debugMode?: boolean;
    /** What `st-hook` names. More may be put into the client's `hooks` later. */
    hooks?: Record<string, Hook>;
}
/** What the cache of statics has done on this page. */
export interface CacheStats {
    /** fragments that were here when they were needed */
    hits: number;
    /** fragments whose statics had to be sent */
    misses: number;
    /** characters received over the socket */
    bytesReceived: number;
    /** characters of statics that did not have to be sent */
    bytesSaved: number;
    /** `hits` as a share of hits and misses, from 0 to 1; 0 before the first */
    hitRate: number;
    /** fragments held now */
    cacheSize: number;
}
/**
 * A live page's client.
 *
 * ```ts
 * const client = new StateTemplateClient();
 * client.connect();
 * await client.sendUpdate("add_task", { title: "Milk" });
 * ```
 */
export declare class StateTemplateClient {
    /** Indexes the page, connects, and stays connected until `disconnect()` or the session's end. */
    readonly connect: () => void;
    /** Closes the connection and removes every listener. Unanswered actions wait for the next `connect()`. */
    readonly disconnect: () => void;
    /**
     * Sends an action. The promise resolves with the handler's answer (`undefined` if it gave none) once the page
     * shows the change, or rejects with an `Error` whose `code` says why: a code of PROTOCOL.md, `too_many` when 100
     * actions wait already, or the reason for which the session ended.
     *
     * `source` is the form or field whose edits the data carries. Give it when a script sends what a person typed, so
     * that the server's value of those fields counts again after the answer.
     */
    readonly sendUpdate: (action: string, data?: unknown, source?: Element) => Promise<unknown>;
    /** What the cache of statics has done on this page. */
    readonly getCacheStats: () => CacheStats;
    /**
     * For development: reconnects with `round` milliseconds for each way there and back, in this tab until it is called
     * with 0.
     */
    readonly simulateLatency: (round: number) => void;
    /** What `st-hook` names. */
    readonly hooks: Record<string, Hook>;
    /** The page's state; `null` before `connect()`. */
    state: ConnectionState | null;
    /** Throws an `Error` when neither the options nor the page name a session. */
    constructor(options?: ClientOptions);
}
