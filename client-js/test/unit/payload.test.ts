//! Payload rules that need no document; forms themselves are tested in the browser.

import { expect, test } from "vitest";
import { addAttributeValues, addEntries } from "../../src/payload.js";

test("st-value-* become strings by name", () => {
  const data: Record<string, unknown> = {};
  addAttributeValues(data, [
    { name: "st-value-id", value: "7" },
    { name: "st-value-task-id", value: "" },
    { name: "st-value-", value: "x" },
    { name: "class", value: "x" },
  ]);
  expect(data).toEqual({ id: "7", "task-id": "" });
});

const form = (entries: [string, string | Blob][]): FormData => {
  const data = new FormData();
  for (const [name, value] of entries) data.append(name, value as string);
  return data;
};

test("a repeated name becomes an array, a single one stays a string", () => {
  const data: Record<string, unknown> = {};
  addEntries(data, form([["a", "1"], ["b", ""], ["a", "3"], ["a", "4"]]));
  expect(data).toEqual({ a: ["1", "3", "4"], b: "" });
});

test("a list is an array whatever was chosen", () => {
  const data: Record<string, unknown> = {};
  addEntries(data, form([["few", "1"]]), ["few", "none"]);
  expect(data).toEqual({ few: ["1"], none: [] });
});

test("files are left out and named", () => {
  const data: Record<string, unknown> = {};
  expect(addEntries(data, form([["doc", new Blob()], ["x", "1"]]))).toEqual(["doc"]);
  expect(data).toEqual({ x: "1" });
});
