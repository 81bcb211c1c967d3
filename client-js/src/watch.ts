//! For development: prints the frames of a socket, and delays them as a slow network would.

import type { Connection, Socket } from "./connection.js";
import type { Extras } from "./load.js";

/** Where a tab keeps the milliseconds of its simulated latency. */
const KEY = "statetemplate.latency";

export interface Watch extends Pick<Extras, "watch" | "simulateLatency"> {
  /** Takes up what the tab simulated before its page was loaded. */
  resume(): void;
}

export function createWatch(connection: Connection): Watch {
  let latency = 0;

  const reconnect = (): void => {
    connection.pause();
    connection.wake();
  };

  return {
    watch: (socket, debug) => (latency || debug ? watchSocket(socket, latency / 2, debug) : socket),

    simulateLatency(round) {
      latency = round;
      if (round) sessionStorage.setItem(KEY, String(round));
      else sessionStorage.removeItem(KEY);
      reconnect();
    },

    resume() {
      try {
        latency = Number(sessionStorage.getItem(KEY));
      } catch {
        // The browser refuses its storage to this page.
      }
      if (latency) reconnect();
    },
  };
}

/** Puts itself between the connection and its socket. */
export function watchSocket(inner: Socket, delay: number, debug = false): Socket {
  const pass = (way: string, text: unknown, run: () => unknown): void => {
    const now = (): void => {
      if (debug && text) console.debug("statetemplate", way, text);
      run();
    };
    if (delay) setTimeout(now, delay);
    else now();
  };
  inner.binaryType = "arraybuffer";
  const outer = {
    get readyState() {
      return inner.readyState;
    },
    send: (text) => pass(">", text, () => inner.readyState === 1 && inner.send(text)),
    close: () => inner.close(),
  } as Socket;
  for (const type of ["onopen", "onmessage", "onclose", "onerror"] as const) {
    inner[type] = (event?: { data: string | ArrayBuffer }) => pass("<", event?.data, () => outer[type]?.(event!));
  }
  return outer;
}
