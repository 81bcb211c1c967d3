import type { Core, Extras } from "./load.js";
import type { Statics } from "./statics.js";
/** @param added is told of the nodes that will be on the page */
export declare function createStructure(core: Core, statics: Statics, added: (content: DocumentFragment) => void): Pick<Extras, "parseBeside" | "structure">;
