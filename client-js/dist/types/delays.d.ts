import type { Extras } from "./load.js";
export declare function createDelays(): Pick<Extras, "schedule" | "flush" | "stop">;
