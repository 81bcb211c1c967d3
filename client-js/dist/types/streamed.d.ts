import type { Extras } from "./load.js";
export declare const streamed: Extras["streamed"];
