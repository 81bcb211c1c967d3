import type { Core, Extras } from "./load.js";
import type { Statics } from "./statics.js";
export declare function createStructure(core: Core, statics: Statics): Extras["structure"];
