//! The entry of `extras.js`: what the first patches do not need. Loaded when the page is idle, or on need.

import { createAttention } from "./attention.js";
import type { StateTemplateClient } from "./client.js";
import { createCover } from "./covers.js";
import { createDelays } from "./delays.js";
import { showFlight } from "./flights.js";
import { createHooks } from "./hooks.js";
import { inflate } from "./inflate.js";
import { LATENCY, provide } from "./load.js";
import { createStatics } from "./statics.js";
import { streamed } from "./streamed.js";
import { createStructure } from "./structure.js";
import { createTab } from "./tab.js";
import { createTriggers } from "./triggers.js";

provide("extras", (core) => {
  const statics = createStatics(core);
  const cover = createCover(core);
  const hooks = createHooks(core.client);
  const { schedule, flush, stop } = createDelays();
  const { trigger, listen } = createTriggers(core);
  const followTab = createTab(core.connection);
  const attend = createAttention(core.connection, flush, statics.save);
  return {
    ...statics,
    inflate,
    schedule,
    flush,
    ...createStructure(core, statics, hooks.added),

    event(event) {
      const { type, target } = event;
      // What a person typed before goes before what they do now.
      if (/submit|blur|change/.test(type)) flush(target as Node, type === "change" ? "input" : undefined);
      trigger(event);
    },

    streamed,

    flight: (element, event, sent) => showFlight(element, event, sent, cover),

    listen(signal) {
      listen(signal);
      hooks.listen(signal);
      followTab(signal);
      attend(signal);
      resumeLatency(core.client);
      signal.addEventListener("abort", stop);
    },
  };
});

/** Takes up what the tab simulated before its page was loaded. */
function resumeLatency({ simulateLatency }: StateTemplateClient): void {
  try {
    if (sessionStorage[LATENCY]) simulateLatency(+sessionStorage[LATENCY]);
  } catch {
    // The browser refuses its storage to this page.
  }
}
