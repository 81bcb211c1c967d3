//! The entry of `extras.js`: what the first patches do not need. Loaded when the page is idle, or on need.

import { createAttention } from "./attention.js";
import { createCover } from "./covers.js";
import { createDelays } from "./delays.js";
import { showFlight } from "./flights.js";
import { createHooks } from "./hooks.js";
import { inflate } from "./inflate.js";
import { provide } from "./load.js";
import { createStatics } from "./statics.js";
import { createStructure } from "./structure.js";
import { createTab } from "./tab.js";
import { createTriggers } from "./triggers.js";
import { createWatch } from "./watch.js";

provide("extras", (core) => {
  const statics = createStatics(core);
  const cover = createCover(core);
  const hooks = createHooks(core.client);
  const { schedule, flush, stop } = createDelays();
  const { watch, simulateLatency, resume } = createWatch(core.connection);
  const { trigger, listen } = createTriggers(core);
  const followTab = createTab(core.connection);
  const attend = createAttention(core.connection, flush, statics.save);
  return {
    ...statics,
    inflate,
    schedule,
    flush,
    structure: createStructure(core, statics, hooks.added),
    simulateLatency,

    watch,

    event(event) {
      const { type, target } = event;
      // What a person typed before goes before what they do now.
      if (/submit|blur|change/.test(type)) flush(target as Node, type === "change" ? "input" : undefined);
      trigger(event);
    },

    flight: (element, event, sent) => showFlight(element, event, sent, cover),

    listen(signal) {
      listen(signal);
      hooks.listen(signal);
      followTab(signal);
      attend(signal);
      resume();
      signal.addEventListener("abort", stop);
    },
  };
});
