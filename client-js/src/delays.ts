//! Actions that wait: `st-debounce` for a pause, `st-throttle` for the end of a rest.

import type { Extras } from "./load.js";

const DEFAULT_DELAY = 300;

/** A debounced or throttled action: what to do when the time is over. */
interface Delayed {
  element: Element;
  type: string;
  timer?: ReturnType<typeof setTimeout>;
  /** `null` while a throttled element rests and nothing came meanwhile */
  fire: (() => void) | null;
}

export function createDelays(): Pick<Extras, "schedule" | "flush" | "stop"> {
  const waiting = new Set<Delayed>();

  const run = (delayed: Delayed): void => {
    clearTimeout(delayed.timer);
    waiting.delete(delayed);
    delayed.fire?.();
  };

  /** Fires what came during the rest, and rests again; or ends the rest. */
  const rest = (delayed: Delayed, time: number): void => {
    delayed.timer = setTimeout(() => {
      const { fire } = delayed;
      if (!fire) return void waiting.delete(delayed);
      delayed.fire = null;
      rest(delayed, time);
      fire();
    }, time);
  };

  return {
    schedule(element, type, fire) {
      const debounce = delayOf(element, "st-debounce");
      const throttle = delayOf(element, "st-throttle");
      if (debounce === null && throttle === null) return fire();
      let delayed = [...waiting].find((each) => each.element === element && each.type === type);
      const first = !delayed;
      if (!delayed) waiting.add((delayed = { element, type, fire: null }));
      if (debounce !== null || !first) delayed.fire = fire;
      if (debounce !== null) {
        const waits = delayed;
        clearTimeout(waits.timer);
        waits.timer = setTimeout(() => run(waits), debounce);
      } else if (first) {
        rest(delayed, throttle!);
        fire();
      }
    },

    flush(around, type) {
      for (const delayed of [...waiting]) {
        const near = around.contains(delayed.element) || delayed.element.contains(around);
        if (near && delayed.fire && (!type || delayed.type === type)) run(delayed);
      }
    },

    stop() {
      for (const { timer } of waiting) clearTimeout(timer);
      waiting.clear();
    },
  };
}

function delayOf(element: Element, attribute: string): number | null {
  const value = element.getAttribute(attribute);
  if (value === null) return null;
  const delay = Number.parseInt(value, 10);
  return delay >= 0 ? delay : DEFAULT_DELAY;
}
