//! What happens to a page as a whole: it is looked at, left, frozen, put away, and comes back; its network goes and comes.

import type { Connection } from "./connection.js";
import type { Extras } from "./load.js";

export function createAttention(
  { wake, pause }: Connection,
  flush: Extras["flush"],
  save: Extras["save"],
): (signal: AbortSignal) => void {
  return (signal) => {
    // What happens to the document comes by the window, whether it bubbles or not.
    const on = (type: string, listener: () => void): void => addEventListener(type, listener, { signal, capture: true });
    // A page that is looked at again does not wait for the next step of the back-off.
    on("visibilitychange", () => document.hidden || wake());
    on("resume", wake);
    on("freeze", pause);
    on("pageshow", wake);
    on("pagehide", () => {
      flush(document);
      save();
      // An open socket would keep the page out of the back-forward cache.
      pause();
    });
    on("online", wake);
    // A socket does not notice that its network is gone; the page would believe it for minutes.
    on("offline", pause);
  };
}
