//! The entry of `dev.js`, for development: prints the frames of a socket, and delays them as a slow network would.

import type { Socket } from "./connection.js";
import { LATENCY, provide } from "./load.js";

provide("dev", ({ connection }) => {
  let latency = 0;
  return {
    watch: (socket, debug) => (latency || debug ? watchSocket(socket, latency / 2, debug) : socket),

    simulateLatency(round) {
      latency = round;
      if (round) sessionStorage.setItem(LATENCY, String(round));
      else sessionStorage.removeItem(LATENCY);
      connection.pause();
      connection.wake();
    },
  };
});

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
