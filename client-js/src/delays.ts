//! Actions that wait: `st-debounce` for a pause, `st-throttle` for the end of a rest.

import type { Extras } from "./load.js";

const DEFAULT_DELAY = 300;

/** A debounced or throttled action. */
interface Delayed {
  element: Element;
  type: string;
  timer?: ReturnType<typeof setTimeout>;
  /** what to do when the time is over; nothing when nothing came during a rest */
  fire?: (() => void) | undefined;
}

export interface Delays extends Pick<Extras, "schedule" | "flush"> {
  /** Forgets what waits. */
  stop(): void;
}

export function createDelays(): Delays {
  const waiting = new Set<Delayed>();

  const run = (delayed: Delayed): void => {
    clearTimeout(delayed.timer);
    waiting.delete(delayed);
    delayed.fire?.();
  };

  return {
    schedule(element, type, fire) {
      const debounce = element.getAttribute("st-debounce");
      const given = parseInt(debounce ?? element.getAttribute("st-throttle") ?? "-", 10);
      const time = given >= 0 ? given : DEFAULT_DELAY;
      if (!element.matches("[st-debounce],[st-throttle]")) return fire();
      let delayed = [...waiting].find((each) => each.element === element && each.type === type);
      const rests = delayed;
      if (!delayed) waiting.add((delayed = { element, type }));
      if (debounce !== null) {
        const waits = delayed;
        clearTimeout(waits.timer);
        waits.fire = fire;
        waits.timer = setTimeout(() => run(waits), time);
      } else if (rests) {
        rests.fire = fire;
      } else {
        const resting = delayed;
        const rest = (): void => {
          resting.timer = setTimeout(() => {
            const { fire } = resting;
            resting.fire = undefined;
            if (fire) rest();
            else waiting.delete(resting);
            fire?.();
          }, time);
        };
        rest();
        fire();
      }
    },

    flush(around, type) {
      for (const delayed of [...waiting]) {
        const { element, fire } = delayed;
        const near = around.contains(element) || element.contains(around);
        if (near && fire && (!type || delayed.type === type)) run(delayed);
      }
    },

    stop() {
      for (const { timer } of waiting) clearTimeout(timer);
      waiting.clear();
    },
  };
}
