//! The entry of `extras.js`: what is not needed for the first patches. Loaded when the page is idle, or on need.

import { createDelays } from "./delays.js";
import { provide } from "./load.js";
import { createStatics } from "./statics.js";
import { createStructure } from "./structure.js";

provide("extras", (core) => {
  const statics = createStatics(core);
  return { ...statics, ...createDelays(), structure: createStructure(core, statics) };
});
