import type { Connection } from "./connection.js";
import type { Extras } from "./load.js";
export declare function createFollowing(connection: Connection): Extras["followTab"];
