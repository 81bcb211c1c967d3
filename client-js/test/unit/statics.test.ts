//! Statics: a cache that stays within its bound.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { heldStatics } from "../../src/held.js";
import { createStatics } from "../../src/statics.js";

let stored: string | null = null;
const storage = {
  getItem: (): string | null => stored,
  setItem: (_: string, value: string): void => void (stored = value),
};

beforeEach(() => {
  stored = null;
  vi.stubGlobal("localStorage", storage);
});
afterEach(() => vi.unstubAllGlobals());

/** As a page begins: with what is stored. */
const begin = (capacity = 10, caching = true) => {
  const held = heldStatics();
  const stats = { hits: 0, misses: 0, bytesReceived: 0, bytesSaved: 0 };
  return { statics: createStatics({ held, stats, capacity, caching }), held, stats };
};

describe("the cache", () => {
  test("drops the least recently used first and never holds more than its capacity", () => {
    const { statics, held } = begin(2);
    statics.announce({ "1": ["h1", "one"], "2": ["h2", "two"] });
    statics.of(1);
    statics.announce({ "3": ["h3", "three"] });
    expect([...held.keys()]).toEqual(["h1", "h3"]);
    expect(() => statics.of(2)).toThrow("missing statics");
    expect(statics.of(1).statics).toEqual(["one"]);
  });

  test("outlives the page in its storage, and then counts what was saved", () => {
    const { statics: first } = begin();
    first.announce({ "1": ["h1", "<b st=.></b>", 0] });
    first.save();
    const { statics: second, held, stats } = begin();
    expect([...held.keys()]).toEqual(["h1"]);
    second.announce({ "7": "h1" });
    expect(second.of(7).statics).toEqual(["<b st=.></b>", 0]);
    expect(stats).toMatchObject({ hits: 2, misses: 0 });
    expect(stats.bytesSaved).toBeGreaterThan(10);
  });

  test("is not written where statics are not to be kept", () => {
    const { statics } = begin(10, false);
    statics.announce({ "1": ["h1", "one"] });
    statics.save();
    expect(stored).toBe(null);
  });

  test.each(['{"not":"ours"}', "no json", "7", '["h1"]'])("ignores a storage that holds %s", (text) => {
    stored = text;
    expect(heldStatics().size).toBe(0);
  });

  test("forgets a plan's numbers, not its contents", () => {
    const { statics, held } = begin();
    statics.announce({ "1": ["h1", "one"] });
    statics.forgetPlan();
    expect(() => statics.of(1)).toThrow("missing statics");
    expect([...held.keys()]).toEqual(["h1"]);
  });
});
