//! Statics: HTML from values, escaping, and a cache that stays within its bound.

import { describe, expect, test } from "vitest";
import { escapeHtml, MissingStatics, StaticsCache, type StaticsStorage } from "../../src/statics.js";

class FakeStorage implements StaticsStorage {
  value: string | null = null;
  getItem(): string | null {
    return this.value;
  }
  setItem(_: string, value: string): void {
    this.value = value;
  }
}

describe("escaping", () => {
  test("covers text and quoted attributes", () => {
    expect(escapeHtml(`<a href="x" title='y'>&amp;`)).toBe("&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;");
    expect(escapeHtml("plain ü 😀")).toBe("plain ü 😀");
  });
});

describe("building", () => {
  const statics = new StaticsCache(10, null);
  statics.announce({
    "1": ["h1", "<b title='", 0, "'>", 0, "</b>", [1]],
    "2": ["h2", "<p>", ["i", 0], "</p>"],
    "3": ["h3", "<ul>", ["l", 0, 4], "</ul>"],
    "4": ["h4", "<!r><li>", 0, "</li>"],
    "5": ["h5", "<li>none</li>"],
  });

  test("one hole may stand in several places", () => {
    expect(statics.html(1, ["<x>", "<hr>"])).toBe("<b title='&lt;x&gt;'>&lt;x&gt;</b><hr>");
  });

  test("branches and lists nest", () => {
    expect(statics.html(2, [0])).toBe("<p></p>");
    expect(statics.html(2, [[3, [[["a"], ["b"]]]]])).toBe("<p><ul><!r><li>a</li><!r><li>b</li></ul></p>");
    expect(statics.html(3, [{ e: [5, []] }])).toBe("<ul><li>none</li></ul>");
    expect(statics.rows(4, [["1"], ["2"]])).toBe("<!r><li>1</li><!r><li>2</li>");
  });

  test("a fragment that was not announced is named", () => {
    expect(() => statics.html(9, [])).toThrow(MissingStatics);
  });

  test.each([
    ["values that are no array", 1, { "0": "x" }],
    ["a missing value", 1, ["x"]],
    ["a branch that is neither nothing nor a fragment", 2, ["x"]],
    ["a list that is neither rows nor an else", 3, ["x"]],
    ["a fragment that is no number", "1", []],
  ])("refuses %s", (_, fragment, values) => {
    expect(() => statics.html(fragment, values)).toThrow();
  });
});

describe("the cache", () => {
  test("drops the least recently used first and never holds more than its capacity", () => {
    const statics = new StaticsCache(2, null);
    statics.announce({ "1": ["h1", "one"], "2": ["h2", "two"] });
    statics.html(1, []);
    statics.announce({ "3": ["h3", "three"] });
    expect(statics.hashes()).toEqual(["h1", "h3"]);
    expect(statics.stats().cacheSize).toBe(2);
    expect(() => statics.html(2, [])).toThrow(MissingStatics);
    expect(statics.html(1, [])).toBe("one");
  });

  test("outlives the page in its storage, and then counts what was saved", () => {
    const storage = new FakeStorage();
    const first = new StaticsCache(10, storage);
    first.announce({ "1": ["h1", "<b>", 0, "</b>"] });
    first.save();
    const second = new StaticsCache(10, storage);
    expect(second.hashes()).toEqual(["h1"]);
    second.announce({ "7": "h1" });
    expect(second.html(7, ["x"])).toBe("<b>x</b>");
    expect(second.stats()).toMatchObject({ misses: 0, cacheSize: 1 });
    expect(second.stats().bytesSaved).toBeGreaterThan(10);
  });

  test("ignores a storage that holds something else", () => {
    const storage = new FakeStorage();
    storage.value = '{"not":"ours"}';
    expect(new StaticsCache(10, storage).hashes()).toEqual([]);
    storage.value = "no json";
    expect(new StaticsCache(10, storage).hashes()).toEqual([]);
  });

  test("forgets a plan's numbers, not its contents", () => {
    const statics = new StaticsCache(10, null);
    statics.announce({ "1": ["h1", "one"] });
    statics.forgetPlan();
    expect(() => statics.html(1, [])).toThrow(MissingStatics);
    expect(statics.hashes()).toEqual(["h1"]);
  });
});
