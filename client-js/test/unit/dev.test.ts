//! The socket of development: what goes over it is delayed in order, and printed.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Socket } from "../../src/connection.js";
import { watchSocket } from "../../src/dev.js";

// The build defines it.
vi.hoisted(() => ((globalThis as { BUILD?: string }).BUILD = "test"));

let sent: string[];
let inner: Socket;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  inner = {
    readyState: 1,
    onopen: null,
    onmessage: null,
    onclose: null,
    onerror: null,
    send: (text) => void sent.push(text),
    close: () => {},
  };
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("the latency passes on each way, and nothing overtakes", () => {
  const outer = watchSocket(inner, 150);
  const received: unknown[] = [];
  outer.onmessage = ({ data }) => received.push(data);
  outer.onclose = () => received.push("closed");
  outer.send("a");
  inner.onmessage?.({ data: "1" });
  inner.onmessage?.({ data: "2" });
  inner.onclose?.();
  vi.advanceTimersByTime(149);
  expect([sent, received]).toEqual([[], []]);
  vi.advanceTimersByTime(1);
  expect([sent, received]).toEqual([["a"], ["1", "2", "closed"]]);
});

test("what is sent when the socket has closed meanwhile is not", () => {
  const outer = watchSocket(inner, 10);
  outer.send("a");
  inner.readyState = 3;
  vi.advanceTimersByTime(10);
  expect(sent).toEqual([]);
});

test("without a latency all goes at once, and is printed when asked for", () => {
  const printed = vi.spyOn(console, "debug").mockImplementation(() => {});
  const outer = watchSocket(inner, 0, true);
  const received: unknown[] = [];
  outer.onmessage = ({ data }) => received.push(data);
  outer.send("[1]");
  inner.onmessage?.({ data: "[2]" });
  expect([sent, received]).toEqual([["[1]"], ["[2]"]]);
  expect(printed.mock.calls).toEqual([
    ["statetemplate", ">", "[1]"],
    ["statetemplate", "<", "[2]"],
  ]);
});
