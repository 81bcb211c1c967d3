//! Orders: runs decode to the list they describe, and as many rows as possible stay where they are.

import { describe, expect, test } from "vitest";
import { stationary } from "../../src/moves.js";
import { decodeOrder, isMoved } from "../../src/order.js";

/** The length of the longest increasing subsequence, the slow and obvious way. */
function longest(rows: number[]): number {
  const best = rows.map(() => 1);
  for (let i = 0; i < rows.length; i++) {
    for (let j = 0; j < i; j++) if (rows[j]! < rows[i]!) best[i] = Math.max(best[i]!, best[j]! + 1);
  }
  return Math.max(0, ...best);
}

/** A small generator, so that a failure can be repeated. */
function random(seed: number): () => number {
  return () => {
    seed = (seed * 1664525 + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}

test("isMoved: rows that stay in their order need nothing that moves them", () => {
  for (const places of [[], [0, 1, 2], [0, 2], [["new"], 1, ["new"], 5], [["new"], ["new"]]]) expect(isMoved(places)).toBe(false);
  for (const places of [[1, 0], [2, ["new"], 1], [0, 1, 2, 0]]) expect(isMoved(places)).toBe(true);
});

describe("decodeOrder", () => {
  test("reads the protocol's examples", () => {
    expect(decodeOrder([["t101", "Title"], 0, 3], 3)).toEqual([["t101", "Title"], 0, 1, 2]);
    expect(decodeOrder([0, 2, 3, 1], 4)).toEqual([0, 1, 3]);
    expect(decodeOrder([3, 1, 0, 3], 4)).toEqual([3, 0, 1, 2]);
    expect(decodeOrder([3, -4], 4)).toEqual([3, 2, 1, 0]);
    expect(decodeOrder([], 4)).toEqual([]);
  });

  test.each([
    ["a row that is not there", [0, 5], 4],
    ["a negative row", [1, -3], 4],
    ["a row twice", [0, 2, 1, 2], 4],
    ["a start without a count", [0], 4],
    ["a string", ["0", 1], 4],
    ["a fraction", [0.5, 1], 4],
    ["a huge count", [0, 2 ** 40], 4],
  ])("refuses %s", (_, order, count) => {
    expect(() => decodeOrder(order, count)).toThrow();
  });
});

describe("stationary", () => {
  test("moves one row for one move, whichever way", () => {
    expect(stationary([3, 0, 1, 2])).toEqual([false, true, true, true]);
    expect(stationary([1, 2, 3, 0])).toEqual([true, true, true, false]);
  });

  test("never keeps a new row", () => {
    expect(stationary([["x"], 0, ["y"], 1])).toEqual([false, true, false, true]);
  });

  test("keeps a pinned row and as many others as fit round it", () => {
    expect(stationary([3, 0, 1, 2], 3)).toEqual([true, false, false, false]);
    expect(stationary([4, 3, 2, 1, 0], 2)).toEqual([false, false, true, false, false]);
    expect(stationary([0, 1, 2], 7)).toEqual([true, true, true]);
  });

  test("keeps a longest increasing subsequence of any permutation", () => {
    const next = random(7);
    for (let round = 0; round < 500; round++) {
      const rows = Array.from({ length: Math.floor(next() * 12) }, (_, at) => at)
        .filter(() => next() > 0.2)
        .sort(() => next() - 0.5);
      const stays = stationary(rows);
      const kept = rows.filter((_, at) => stays[at]);
      expect(kept).toEqual([...kept].sort((a, b) => a - b));
      expect(kept.length).toBe(longest(rows));
    }
  });
});
