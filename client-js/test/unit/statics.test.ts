//! Statics: HTML from values, escaping, and a cache that stays within its bound.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { heldStatics } from "../../src/held.js";
import { createStatics, escapeHtml } from "../../src/statics.js";

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

describe("escaping", () => {
  test("covers text and quoted attributes", () => {
    expect(escapeHtml(`<a href="x" title='y'>&amp;`)).toBe("&#60;a href=&#34;x&#34; title=&#39;y&#39;&#62;&#38;amp;");
    expect(escapeHtml("plain ü 😀")).toBe("plain ü 😀");
  });
});

describe("building", () => {
  const { statics } = begin();
  statics.announce({
    "1": ["h1", "<b title='", 0, "'>", 0, "</b>", [1]],
    "2": ["h2", "<p>", ["i", 0], "</p>"],
    "3": ["h3", "<ul>", ["l", 0, 4], "</ul>"],
    "4": ["h4", "<!r><li>", 0, "</li>"],
    "5": ["h5", "<li>none</li>"],
  });

  test("one hole may stand in several places", () => {
    expect(statics.rows(1, [["<x>", "<hr>"]])).toBe("<b title='&#60;x&#62;'>&#60;x&#62;</b><hr>");
  });

  test("branches and lists nest", () => {
    expect(statics.rows(2, [[0]])).toBe("<p></p>");
    expect(statics.rows(2, [[[3, [[["a"], ["b"]]]]]])).toBe("<p><ul><!r><li>a</li><!r><li>b</li></ul></p>");
    expect(statics.rows(3, [[{ e: [5, []] }]])).toBe("<ul><li>none</li></ul>");
    expect(statics.rows(4, [["1"], ["2"]])).toBe("<!r><li>1</li><!r><li>2</li>");
  });

  test("a fragment that was not announced is named", () => {
    expect(() => statics.rows(9, [[]])).toThrow("missing statics");
  });

  test.each([
    ["values that are no array", 1, { "0": "x" }],
    ["a missing value", 1, ["x"]],
    ["a branch that is neither nothing nor a fragment", 2, ["x"]],
    ["a list that is neither rows nor an else", 3, ["x"]],
    ["a fragment that is no number", "1", []],
  ])("refuses %s", (_, fragment, values) => {
    expect(() => statics.rows(fragment, [values])).toThrow();
  });
});

describe("the cache", () => {
  test("drops the least recently used first and never holds more than its capacity", () => {
    const { statics, held } = begin(2);
    statics.announce({ "1": ["h1", "one"], "2": ["h2", "two"] });
    statics.rows(1, [[]]);
    statics.announce({ "3": ["h3", "three"] });
    expect([...held.keys()]).toEqual(["h1", "h3"]);
    expect(() => statics.rows(2, [[]])).toThrow("missing statics");
    expect(statics.rows(1, [[]])).toBe("one");
  });

  test("outlives the page in its storage, and then counts what was saved", () => {
    const { statics: first } = begin();
    first.announce({ "1": ["h1", "<b>", 0, "</b>"] });
    first.save();
    const { statics: second, held, stats } = begin();
    expect([...held.keys()]).toEqual(["h1"]);
    second.announce({ "7": "h1" });
    expect(second.rows(7, [["x"]])).toBe("<b>x</b>");
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
    expect(() => statics.rows(1, [[]])).toThrow("missing statics");
    expect([...held.keys()]).toEqual(["h1"]);
  });
});
