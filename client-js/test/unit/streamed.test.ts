//! What stands in for a socket, against a fake `fetch`: order, gathering, signs of life, ends.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Socket } from "../../src/connection.js";
import { streamed } from "../../src/streamed.js";

interface Request {
  body: string;
  id: string | undefined;
  keepalive: boolean | undefined;
  answer(status: number): void;
}

let requests: Request[];
let events: ReadableStreamDefaultController<Uint8Array>;
let aborted: boolean;
let received: unknown[];
let closes: number;
let upgrades: number;
let stream: Socket;

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
};

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  requests = [];
  received = [];
  closes = upgrades = 0;
  aborted = false;
  vi.stubGlobal("document", { hidden: false });
  vi.stubGlobal("fetch", (url: URL, { body, headers, keepalive, signal }: RequestInit) => {
    expect(String(url)).toBe("https://x/app/_statetemplate/stream");
    signal?.addEventListener("abort", () => (aborted = true));
    return new Promise((resolve) => {
      const id = (headers as Record<string, string> | undefined)?.["statetemplate-stream"];
      const answer = (status: number): void => {
        if (id) return resolve({ ok: status < 300 });
        const body = new ReadableStream<Uint8Array>({ start: (controller) => void (events = controller) });
        resolve({ ok: status < 300, body, headers: new Headers({ "statetemplate-stream": "ID" }) });
      };
      requests.push({ body: body as string, id, keepalive, answer });
    });
  });
  stream = streamed("https://x/app/_statetemplate/abc/statetemplate.js", "wss://x/ws", () => upgrades++);
  stream.onopen = () => stream.send('["j"]');
  stream.onmessage = ({ data }) => received.push(data);
  stream.onclose = () => closes++;
  await settled();
});
afterEach(() => {
  stream.close();
  expect(vi.getTimerCount(), "what starts stops").toBe(0);
  expect(aborted).toBe(true);
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const open = async (): Promise<void> => {
  requests[0]!.answer(200);
  await settled();
};
const say = async (...texts: string[]): Promise<void> => {
  for (const text of texts) events.enqueue(new TextEncoder().encode(text));
  await settled();
};

test("the join opens the stream, and events arrive however they are cut", async () => {
  expect(requests.map(({ body, id }) => [body, id])).toEqual([['["j"]', undefined]]);
  await open();
  await say('data: ["j",1]\n', '\ndata: [2,{"0":"a', 'b"}]\n\ndata: ["k"', ",1]\n\n");
  expect(received).toEqual(['["j",1]', '[2,{"0":"ab"}]', '["k",1]']);
  const bytes = new TextEncoder().encode('data: ["ä"]\n\n');
  for (const byte of bytes) events.enqueue(Uint8Array.of(byte));
  await settled();
  expect(received.at(-1)).toBe('["ä"]');
});

test("one request at a time, with all that has gathered meanwhile", async () => {
  await open();
  for (const frame of ["1", "2", "3"]) stream.send(frame);
  await settled();
  expect(requests.map(({ body }) => body)).toEqual(['["j"]', "1"]);
  requests[1]!.answer(204);
  await settled();
  expect(requests[2]).toMatchObject({ body: "2\n3", id: "ID", keepalive: true });
  const long = "x".repeat(40_000);
  for (const frame of [long, long, "4"]) stream.send(frame);
  requests[2]!.answer(204);
  await settled();
  expect(requests[3]).toMatchObject({ body: long, keepalive: false });
  requests[3]!.answer(204);
  await settled();
  expect(requests[4]!.body).toBe(`${long}\n4`);
  expect(closes).toBe(0);
});

test("a question is answered by a request without frames", async () => {
  await open();
  await say('data: ["p"]\n\n');
  expect(requests[1]).toMatchObject({ body: "", id: "ID" });
  expect(received).toEqual(['["p"]']);
});

test.each([404, 409, 503])("a request that is refused with %d ends it", async (status) => {
  await open();
  stream.send("1");
  await settled();
  requests[1]!.answer(status);
  await settled();
  expect(closes).toBe(1);
});

test("it ends with its response, and when it does not open", async () => {
  await open();
  events.close();
  await settled();
  expect(closes).toBe(1);
});

test.each([403, 503])("it ends when it is refused with %d", async (status) => {
  requests[0]!.answer(status);
  await settled();
  expect(closes).toBe(1);
});

test("a socket is tried again and again while somebody looks, until one answers", async () => {
  const trials: FakeSocket[] = [];
  class FakeSocket {
    closed = false;
    sent: string[] = [];
    onopen: (() => void) | null = null;
    onmessage: (() => void) | null = null;
    constructor() {
      trials.push(this);
    }
    send(text: string): void {
      this.sent.push(text);
    }
    close(): void {
      this.closed = true;
    }
  }
  vi.stubGlobal("WebSocket", FakeSocket);
  await open();
  vi.advanceTimersByTime(60_000);
  // One that opens and says nothing makes room for the next.
  trials[0]!.onopen!();
  (document as { hidden: boolean }).hidden = true;
  vi.advanceTimersByTime(600_000);
  expect(trials).toHaveLength(1);
  (document as { hidden: boolean }).hidden = false;
  vi.advanceTimersByTime(60_000);
  expect(trials.map(({ closed }) => closed)).toEqual([true, false]);
  trials[1]!.onopen!();
  expect(trials[1]!.sent).toEqual(['["p"]']);
  trials[1]!.onmessage!();
  expect(upgrades).toBe(1);
  stream.close();
  expect(trials[1]!.closed).toBe(true);
});
