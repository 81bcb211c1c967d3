//! Prints what the built files weigh and fails when something is over its budget.

import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
// What the files may weigh, as brotli.
const CORE = 6 * 1024;
/** All that is loaded on need or when the page is idle, for any page. */
const EXTRAS = 5 * 1024;
/** Counted apart, since it takes the place of a library: idiomorph has 3.3 KB, morphdom 1.9 KB. */
const MORPH = 2.25 * 1024;

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

function hold(name, size, most) {
  console.log(`${name}: ${size} (at most ${most}${size > most ? `: OVER by ${size - most}` : ""})`);
  if (size > most) process.exitCode = 1;
}

const dist = (name) => readFileSync(join(root, "dist", name));

const classic = weigh("statetemplate.js", dist("statetemplate.js"));
const module = weigh("statetemplate.mjs", dist("statetemplate.mjs"));
const extras = weigh("extras.js", dist("extras.js"));
const morph = weigh("morph.js", dist("morph.js"));

// Loaded only by who develops: where `debugMode` or a simulated latency is on.
weigh("dev.js", dist("dev.js"));

hold("core, classic", classic, CORE);
hold("core, module", module, CORE);
hold("extras", extras, EXTRAS);
hold("morph", morph, MORPH);
