//! What stands in for a socket where sockets do not work: a stream of events, and requests beside it. A part of the extras.

import type { Socket } from "./connection.js";
import type { Extras } from "./load.js";
import { PROTOCOL } from "./wire.js";

const STREAM = "statetemplate-stream";
const PING = '["p"]';
/** So many characters go into one request, unless a single frame is longer; the server takes four bytes for each. */
const MOST = 65_536;
/** A request that is no longer than this outlives its page: browsers allow 64 KiB for all of them together. */
const KEPT_ALIVE = 16_384;
/** How often a socket is tried while somebody looks at the page. */
const TRY_SOCKET = 60_000;

export const streamed: Extras["streamed"] = (base, address, upgrade) => {
  const abort = new AbortController();
  const queue: string[] = [];
  let id: string | null = null;
  let sending = false;
  let trial: WebSocket | undefined;

  const post = (body: string, more: RequestInit): Promise<Response> =>
    fetch(new URL("../stream", base), { method: "POST", body, ...more });

  /** Opens the stream with the join, and passes on what arrives. */
  const listen = async (join: string): Promise<void> => {
    const { ok, headers, body } = await post(join, { signal: abort.signal });
    if (!ok) return;
    id = headers.get(STREAM);
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const events = (text + value).split("\n\n");
      text = events.pop()!;
      for (const event of events) {
        const data = event.slice("data: ".length);
        // The server asks for a sign of life: a request without frames.
        if (data === PING) self.send("");
        self.onmessage?.({ data });
      }
    }
  };

  /** Sends what waits, one request after the other, so that the order is kept. */
  const flush = async (): Promise<void> => {
    if (sending) return;
    sending = true;
    while (queue.length) {
      let body = queue.shift()!;
      while (queue.length && body.length + queue[0]!.length < MOST) body += "\n" + queue.shift();
      const { ok } = await post(body, { headers: { [STREAM]: id! }, keepalive: body.length < KEPT_ALIVE });
      if (!ok) throw 0;
    }
    sending = false;
  };

  const end = (): void => self.onclose?.();

  const timer = setInterval(() => {
    if (document.hidden) return;
    trial?.close();
    trial = new WebSocket(address, PROTOCOL);
    trial.onopen = () => trial!.send(PING);
    trial.onmessage = upgrade;
  }, TRY_SOCKET);

  const self = {
    readyState: 1,
    send(text: string): void {
      if (id) {
        queue.push(text);
        flush().catch(end);
      } else {
        // The join comes first; nothing else is sent before its answer.
        listen(text).then(end, end);
      }
    },
    close(): void {
      clearInterval(timer);
      trial?.close();
      abort.abort();
    },
  } as Socket;
  queueMicrotask(() => self.onopen?.());
  return self;
};
