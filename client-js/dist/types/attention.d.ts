import type { Connection } from "./connection.js";
import type { Extras } from "./load.js";
export declare function createAttention({ wake, pause }: Connection, flush: Extras["flush"], save: Extras["save"]): (signal: AbortSignal) => void;
