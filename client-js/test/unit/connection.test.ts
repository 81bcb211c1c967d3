//! The connection against a fake socket and fake time: joins, answers, reconnects, ends.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type ActionError, createConnection, MAX_PENDING, type Connection, type Socket } from "../../src/connection.js";

class FakeSocket implements Socket {
  readyState = 0;
  sent: unknown[][] = [];
  closed = false;
  streaming = false;
  upgrade: () => void = () => {};
  onopen: (() => void) | null = null;
  binaryType = "blob";
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null;
  onclose: (() => void) | null = null;
  onerror: (() => void) | null = null;
  send(text: string): void {
    this.sent.push(JSON.parse(text) as unknown[]);
  }
  close(): void {
    this.closed = true;
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  receive(...frames: unknown[]): void {
    for (const frame of frames) this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }
  join(revision = 7): void {
    this.open();
    this.receive(["j", revision]);
  }
}

let sockets: FakeSocket[];
let states: string[];
let frames: unknown[][];
let connection: Connection;

const socket = (): FakeSocket => sockets[sockets.length - 1]!;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  states = [];
  frames = [];
  connection = createConnection({
    page: "PAGE",
    plan: "PLAN",
    revision: 7,
    hashes: () => ["h1"],
    frame: (frame) => frames.push(frame as unknown[]),
    state: (state, reason) => states.push(reason ? `${state}: ${reason}` : state),
    limit: 65536,
    createSocket(streaming, upgrade) {
      sockets.push(Object.assign(new FakeSocket(), { streaming, upgrade }));
      return socket();
    },
  });
  connection.connect();
});
afterEach(() => {
  connection.disconnect();
  expect(vi.getTimerCount(), "what starts stops").toBe(0);
  vi.useRealTimers();
});

describe("join", () => {
  test("names page, plan, revision, client, last answer and statics", () => {
    socket().join();
    const [type, page, plan, revision, client, lastAnswer, hashes] = socket().sent[0]!;
    expect([type, page, plan, revision, lastAnswer, hashes]).toEqual(["j", "PAGE", "PLAN", 7, 0, ["h1"]]);
    expect(client).toMatch(/^[\w-]{22}$/);
    expect(states).toEqual(["connected"]);
  });

  test("is retried when no answer comes", () => {
    socket().open();
    vi.advanceTimersByTime(10_000);
    expect(socket().closed).toBe(true);
    vi.advanceTimersByTime(1_000);
    expect(sockets).toHaveLength(2);
  });

  test("on a resume names the revision that was applied and the answers that came", () => {
    socket().join();
    void connection.send("a", {});
    connection.settle(1, null);
    connection.applied(9);
    socket().onclose!();
    vi.advanceTimersByTime(1_000);
    socket().open();
    expect(socket().sent[0]!.slice(0, 4)).toEqual(["j", "PAGE", "PLAN", 9]);
    expect(socket().sent[0]![5]).toBe(1);
    expect(socket().sent[0]![4]).toBe(sockets[0]!.sent[0]![4]);
  });
});

describe("actions", () => {
  test("wait for the join, are numbered, and resolve with their answer", async () => {
    const answer = connection.send("add", { by: 1 });
    socket().open();
    expect(socket().sent).toHaveLength(1);
    socket().receive(["j", 7]);
    expect(socket().sent[1]).toEqual([1, "add", { by: 1 }]);
    connection.settle(1, 42);
    await expect(answer).resolves.toBe(42);
  });

  test("go out again, unchanged, after a resume, but only those without an answer", () => {
    socket().join();
    void connection.send("a", 1);
    void connection.send("b", 2);
    connection.settle(1, undefined);
    socket().onclose!();
    vi.advanceTimersByTime(1_000);
    socket().join();
    expect(socket().sent.slice(1)).toEqual([[2, "b", 2]]);
    connection.settle(2, undefined);
  });

  test("are refused when they are longer than the server reads, without taking a number", async () => {
    await expect(connection.send("a", "x".repeat(65_536))).rejects.toMatchObject({ code: "bad_payload" });
    void connection.send("b", 1);
    socket().join();
    expect(socket().sent.slice(1)).toEqual([[1, "b", 1]]);
  });

  test("are refused beyond the bound, without taking a number", async () => {
    for (let at = 0; at < MAX_PENDING; at++) void connection.send("a", at);
    await expect(connection.send("a", 0)).rejects.toMatchObject({ code: "too_many" });
    connection.settle(1, undefined);
    const seen: number[] = [];
    void connection.send("a", 0, (number) => seen.push(number));
    expect(seen).toEqual([MAX_PENDING + 1]);
  });

  test("whose data is no JSON reject and leave no gap", async () => {
    const loop: Record<string, unknown> = {};
    loop.loop = loop;
    await expect(connection.send("a", loop)).rejects.toThrow();
    socket().join();
    void connection.send("b", undefined);
    expect(socket().sent[1]).toEqual([1, "b", null]);
  });

  test("drop a socket that stays silent while an answer is due, however often the person clicks", () => {
    socket().join();
    for (let second = 0; second < 15; second++) {
      expect(socket().closed).toBe(false);
      void connection.send("a", 1);
      vi.advanceTimersByTime(1_000);
    }
    expect(socket().sent.filter(([type]) => type === "p")).toHaveLength(1);
    expect(socket().closed).toBe(true);
    expect(states.at(-1)).toMatch(/^disconnected/);
  });

  test("may take their time where the server answers pings", () => {
    socket().join();
    void connection.send("a", 1);
    for (let asked = 0; asked < 10; asked++) {
      vi.advanceTimersByTime(5_000);
      socket().receive(["p"]);
    }
    expect(socket().closed).toBe(false);
    connection.settle(1, undefined);
    vi.advanceTimersByTime(29_000);
    expect(socket().sent.filter(([type]) => type === "p")).toHaveLength(10);
  });
});

describe("acknowledgements", () => {
  test("name the last revision and the answers without a gap", () => {
    socket().join();
    void connection.send("a", 1);
    void connection.send("b", 2);
    connection.applied(8);
    connection.applied(9);
    connection.settle(2, undefined);
    connection.acknowledge();
    expect(socket().sent.slice(3)).toEqual([
      ["a", 9],
      ["k", 0],
    ]);
    connection.settle(1, undefined);
    connection.acknowledge();
    connection.acknowledge();
    expect(socket().sent.slice(5)).toEqual([["k", 2]]);
  });
});

describe("reconnecting", () => {
  test("backs off with jitter, up to half a minute", () => {
    const waits: number[] = [];
    for (let round = 0; round < 12; round++) {
      const before = Date.now();
      const count = sockets.length;
      socket().onclose!();
      while (sockets.length === count) vi.advanceTimersByTime(10);
      waits.push(Date.now() - before);
    }
    expect(waits[0]).toBeLessThanOrEqual(260);
    expect(waits[0]).toBeGreaterThanOrEqual(120);
    expect(waits.at(-1)).toBeGreaterThanOrEqual(15_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_010);
  });

  test("starts over after a connection that held", () => {
    for (let round = 0; round < 8; round++) {
      const count = sockets.length;
      socket().onclose!();
      while (sockets.length === count) vi.advanceTimersByTime(100);
    }
    socket().join();
    vi.advanceTimersByTime(6_000);
    const count = sockets.length;
    socket().onclose!();
    vi.advanceTimersByTime(250);
    expect(sockets).toHaveLength(count + 1);
  });

  test("starts over after a connection that brought an answer", () => {
    for (let round = 0; round < 8; round++) {
      const count = sockets.length;
      socket().onclose!();
      while (sockets.length === count) vi.advanceTimersByTime(100);
    }
    socket().join();
    void connection.send("a", 1);
    connection.settle(1, undefined);
    const count = sockets.length;
    socket().onclose!();
    vi.advanceTimersByTime(250);
    expect(sockets).toHaveLength(count + 1);
  });

  test("happens at once when woken, and not when paused or disconnected", () => {
    socket().onclose!();
    connection.wake();
    expect(sockets).toHaveLength(2);
    connection.wake();
    expect(sockets).toHaveLength(2);
    connection.pause();
    vi.advanceTimersByTime(60_000);
    expect(sockets).toHaveLength(2);
    connection.wake();
    expect(sockets).toHaveLength(3);
    connection.disconnect();
    connection.wake();
    vi.advanceTimersByTime(60_000);
    expect(sockets).toHaveLength(3);
  });

  test("asks at once whether anybody is there when woken", () => {
    socket().join();
    connection.wake();
    expect(socket().sent.at(-1)).toEqual(["p"]);
    vi.advanceTimersByTime(9_000);
    socket().receive(["p"]);
    vi.advanceTimersByTime(9_000);
    expect(socket().closed).toBe(false);
    connection.wake();
    vi.advanceTimersByTime(10_000);
    expect(socket().closed).toBe(true);
  });

  test("notices a silent socket", () => {
    socket().join();
    for (let asked = 1; asked <= 3; asked++) {
      vi.advanceTimersByTime(30_000);
      expect(socket().sent.filter(([type]) => type === "p")).toHaveLength(asked);
      socket().receive(["p"]);
    }
    expect(socket().closed).toBe(false);
    vi.advanceTimersByTime(40_000);
    expect(socket().closed).toBe(true);
    expect(states.at(-1)).toBe("disconnected: no answer");
  });

  test("waits at least as long as try_again says, and at most twice as long", () => {
    socket().join();
    socket().receive(["x", "try_again", 5_000]);
    expect(socket().closed).toBe(true);
    vi.advanceTimersByTime(4_900);
    expect(sockets).toHaveLength(1);
    vi.advanceTimersByTime(5_200);
    expect(sockets).toHaveLength(2);
  });

  test("ignores what an old socket still says", () => {
    const old = socket();
    const { onmessage } = old;
    old.join();
    old.onclose!();
    expect(old.onmessage).toBeNull();
    expect(onmessage).not.toBeNull();
  });
});

describe("where sockets do not work", () => {
  const fail = (times: number): boolean[] =>
    Array.from({ length: times }, () => {
      const count = sockets.length;
      socket().onclose!();
      while (sockets.length === count) vi.advanceTimersByTime(100);
      return socket().streaming;
    });

  test("a stream is tried after two of them, and then the two in turn", () => {
    expect(socket().streaming).toBe(false);
    expect(fail(6)).toEqual([false, true, false, true, false, true]);
  });

  test("sockets that always end before they were of use are given up, too", () => {
    for (let round = 0; round < 6; round++) {
      socket().join();
      expect(fail(1)).toEqual([false]);
    }
    socket().join();
    expect(fail(1)).toEqual([true]);
  });

  test("sockets that bring updates are not given up, however soon they end, and come back ever later", () => {
    for (let round = 0; round < 20; round++) {
      socket().join();
      connection.applied(8 + round);
      const before = Date.now();
      expect(fail(1)).toEqual([false]);
      if (round > 7) expect(Date.now() - before).toBeGreaterThanOrEqual(15_000);
    }
  });

  test("a stream that held is what comes back", () => {
    fail(2);
    socket().join();
    vi.advanceTimersByTime(6_000);
    expect(fail(1)).toEqual([true]);
  });

  test("sockets that have worked here are tried for longer", () => {
    socket().join();
    expect(fail(8)).toEqual([false, false, false, false, false, false, true, false]);
  });

  test("they are gone back to when they work again, and the page does not notice", () => {
    fail(2);
    socket().join();
    const told = states.length;
    const stream = socket();
    stream.upgrade();
    expect(stream.closed).toBe(true);
    expect(socket().streaming).toBe(false);
    const answer = connection.send("a", 1);
    expect(states).toHaveLength(told);
    socket().join();
    expect(socket().sent[1]).toEqual([1, "a", 1]);
    connection.settle(1, 2);
    return expect(answer).resolves.toBe(2);
  });
});

describe("the end", () => {
  test.each(["session_expired", "session_closed", "session_outdated"])("%s is final and rejects what waits", async (reason) => {
    socket().join();
    const waiting = connection.send("a", 1);
    socket().receive(["x", reason, 0]);
    await expect(waiting).rejects.toMatchObject({ code: reason } satisfies Partial<ActionError>);
    await expect(connection.send("b", 2)).rejects.toMatchObject({ code: reason });
    expect(states.at(-1)).toBe(`expired: ${reason}`);
    vi.advanceTimersByTime(120_000);
    connection.wake();
    expect(sockets).toHaveLength(1);
  });
});

describe("malformed messages", () => {
  test.each(["no json", "{}", "17", '["j"]', '["j","1"]'])("%s makes the client ask for a refresh", (message) => {
    socket().open();
    socket().receive(message);
    expect(socket().closed).toBe(true);
    vi.advanceTimersByTime(1_000);
    socket().open();
    expect(socket().sent[0]!.slice(0, 4)).toEqual(["j", "PAGE", "", 0]);
  });
});
