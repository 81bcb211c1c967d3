//! Inflates binary frames. A part of the extras.

import { malformed } from "./wire.js";

/** Once it is inflated, no frame is longer; what the server has beyond that it sends as text. */
const LONGEST = 4 << 20;
/** How many bytes are inflated at a time: a thousandth of what may come of them at worst. */
const STEP = 8 << 10;

/** A frame from its deflated bytes. Rejects when they are malformed, or more than a frame may have. */
export async function inflate(bytes: ArrayBuffer): Promise<unknown[]> {
  // Not `new Response(…).text()`, which takes a millisecond for any frame.
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const feed = async (): Promise<void> => {
    const writer = writable.getWriter();
    for (let at = 0; at < bytes.byteLength; at += STEP) await writer.write(new Uint8Array(bytes.slice(at, at + STEP)));
    await writer.close();
  };
  const read = async (): Promise<string> => {
    const reader = readable.getReader();
    const decoder = new TextDecoder("utf-8", { fatal: true });
    let text = "";
    for (let length = 0; ; ) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      length += value.length;
      if (length > LONGEST) {
        // The writer stops, too.
        void reader.cancel();
        malformed("frame");
      }
      text += decoder.decode(value, { stream: true });
    }
  };
  const [text] = await Promise.all([read(), feed()]);
  const frame: unknown = JSON.parse(text);
  return Array.isArray(frame) ? frame : malformed("frame");
}
