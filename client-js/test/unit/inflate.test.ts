//! Binary frames: inflated as they were, and bounded.

import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { inflate } from "../../src/inflate.js";

const MOST = 4 << 20;

function deflated(text: string | Uint8Array): ArrayBuffer {
  const bytes = deflateRawSync(text);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
}

/** Text that hardly deflates. */
function noise(length: number): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (state * 48271) % 0x7fffffff;
    return String.fromCharCode(0x4e00 + (state % 20000));
  }).join("");
}

describe("inflate", () => {
  test("gives the frame as it was", async () => {
    const longest = JSON.stringify([1]).padEnd(MOST);
    for (const text of ["[]", '[1,{"0":"é\u{1f600}"}]', JSON.stringify([1, { 0: noise(50_000) }]), longest]) {
      expect(await inflate(deflated(text))).toEqual(JSON.parse(text));
    }
  });

  test.each([
    ["no deflate at all", new TextEncoder().encode("[1,{}]").buffer as ArrayBuffer],
    ["nothing", new ArrayBuffer(0)],
    ["an end that comes too early", deflated(noise(1000)).slice(0, -5)],
    ["bytes that are no text", deflated(new Uint8Array([0x5b, 0x22, 0xff, 0xfe, 0x22, 0x5d]))],
    ["what is no JSON", deflated("[1,")],
    ["what is no frame", deflated('{"0":1}')],
    ["more than a frame has", deflated("[1]".padEnd(MOST + 1))],
    ["a bomb", deflated(new Uint8Array(400 << 20))],
  ])("refuses %s", async (_, bytes) => {
    await expect(inflate(bytes)).rejects.toThrow();
  });
});
