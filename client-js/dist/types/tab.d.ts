import type { Connection } from "./connection.js";
/**
 * Goes on where the tab's last document was, if this is the one that follows it, and leaves word for the next. Called with
 * the signal that ends it, before the page connects.
 */
export declare function createTab(connection: Connection): (signal: AbortSignal) => void;
