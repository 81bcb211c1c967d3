//! Actions that wait: `st-debounce` for a pause, `st-throttle` for the end of a rest.

import type { Extras } from "./load.js";

const DEFAULT_DELAY = "300";

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
    delayed.fire!();
  };

  return {
    schedule(element, type, fire) {
      // Leaving a field and submitting are the ends of a pause.
      const debounce = element.getAttribute("st-debounce");
      const text = debounce ?? element.getAttribute("st-throttle");
      if (text === null || /submit|blur/.test(type)) return fire();
      const time = parseInt(text || DEFAULT_DELAY);
      const rests = [...waiting].find((each) => each.element === element && each.type === type);
      const delayed: Delayed = rests ?? { element, type };
      const wait = (then: () => void): unknown => (delayed.timer = setTimeout(then, time));
      const rest = (): void => {
        const { fire } = delayed;
        delayed.fire = undefined;
        if (!fire) return void waiting.delete(delayed);
        wait(rest);
        fire();
      };
      waiting.add(delayed);
      delayed.fire = fire;
      if (debounce !== null) {
        clearTimeout(delayed.timer);
        wait(() => run(delayed));
      } else if (!rests) {
        rest();
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
