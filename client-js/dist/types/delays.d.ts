import type { Extras } from "./load.js";
export interface Delays extends Pick<Extras, "schedule" | "flush"> {
    /** Forgets what waits. */
    stop(): void;
}
export declare function createDelays(): Delays;
