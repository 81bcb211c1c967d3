import type { CacheStats } from "./client.js";
/** What went wrong, how badly, and for which action. */
export interface ErrorDetail {
    /** a code of the protocol (`refused`, `timeout`, …) or `too_many`, `protocol`, `file_skipped` */
    code: string;
    /** `warning` where the page goes on as if nothing had happened */
    level: "error" | "warning";
    message: string;
    /** the action that failed, if it was one */
    action?: string | undefined;
}
/** What a page is told with its state. */
export interface StateDetail {
    /** why the connection or the session has ended; empty otherwise */
    reason: string;
    /** the revision that the page shows */
    revision: number;
}
/** Name of an event → its `detail`. */
export interface StateTemplateEvents {
    /** the page shows another revision */
    "statetemplate:update": {
        revision: number;
        kind: "patch" | "refresh";
    };
    "statetemplate:connecting": StateDetail;
    "statetemplate:connected": StateDetail;
    "statetemplate:disconnected": StateDetail;
    /** the session has ended; the client does not come back by itself */
    "statetemplate:expired": StateDetail;
    "statetemplate:error": ErrorDetail;
    /** statics arrived; in `debugMode` also at each update */
    "statetemplate:cache": CacheStats;
    /** the server pushed an event of the application's */
    "statetemplate:push": {
        name: string;
        data: unknown;
    };
}
/** Dispatches one of the client's events. */
export declare function emit<K extends keyof StateTemplateEvents>(name: K, detail: StateTemplateEvents[K]): void;
declare global {
    interface DocumentEventMap {
        "statetemplate:update": CustomEvent<StateTemplateEvents["statetemplate:update"]>;
        "statetemplate:connecting": CustomEvent<StateTemplateEvents["statetemplate:connecting"]>;
        "statetemplate:connected": CustomEvent<StateTemplateEvents["statetemplate:connected"]>;
        "statetemplate:disconnected": CustomEvent<StateTemplateEvents["statetemplate:disconnected"]>;
        "statetemplate:expired": CustomEvent<StateTemplateEvents["statetemplate:expired"]>;
        "statetemplate:error": CustomEvent<StateTemplateEvents["statetemplate:error"]>;
        "statetemplate:cache": CustomEvent<StateTemplateEvents["statetemplate:cache"]>;
        "statetemplate:push": CustomEvent<StateTemplateEvents["statetemplate:push"]>;
    }
}
