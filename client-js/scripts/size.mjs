//! Prints what the built files weigh and fails when something is over its budget.

import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
// What the design asks for, and what the files may weigh until they get there: a ceiling only ever goes down.
const CORE = { target: 6 * 1024, ceiling: 6208 };
const EXTRAS = { target: 5 * 1024, ceiling: 5984 };
// Counted apart, since it takes the place of a library: idiomorph has 3.3 KB, morphdom 1.9 KB.
const MORPH = { target: 2.25 * 1024, ceiling: 2.25 * 1024 };

const brotli = (bytes) =>
  brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  }).length;

/** Prints the size of one file and returns its brotli bytes. */
function weigh(name, bytes) {
  const size = brotli(bytes);
  console.log(`${name}: ${bytes.length} min, ${gzipSync(bytes, { level: 9 }).length} gzip, ${size} brotli`);
  return size;
}

function hold(name, size, { target, ceiling }) {
  const above = size > target ? `, ${size - target} above the target of ${target}` : "";
  console.log(`${name}: ${size} (at most ${ceiling}${size > ceiling ? `: OVER by ${size - ceiling}` : ""}${above})`);
  if (size > ceiling) process.exitCode = 1;
}

const dist = (name) => readFileSync(join(root, "dist", name));

const classic = weigh("statetemplate.js", dist("statetemplate.js"));
const module = weigh("statetemplate.mjs", dist("statetemplate.mjs"));
const extras = weigh("extras.js", dist("extras.js"));
const morph = weigh("morph.js", dist("morph.js"));
const streamed = weigh("streamed.js", dist("streamed.js"));

hold("core, classic", classic, CORE);
hold("core, module", module, CORE);
// All that is loaded on need, also what only a page without sockets loads.
hold("extras together", extras + streamed, EXTRAS);
hold("morph", morph, MORPH);
