import type { Core } from "./load.js";
export interface Triggers {
    /** An event on the document, before its plain action. */
    trigger(event: Event): void;
    /** Listens to the window's events. */
    listen(signal: AbortSignal): void;
}
export declare function createTriggers({ act }: Core): Triggers;
