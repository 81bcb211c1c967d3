//! Prints what the built files weigh and fails when one is over its budget.

import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { common } from "./build.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const KB = 1024;

// What the design asks of the core, and what it may weigh until it gets there: the ceiling only ever goes down.
const CORE_TARGET = 6 * KB;
const CORE_CEILING = 8.25 * KB;

const brotli = (bytes) =>
  brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  }).length;

// The extras without the morph library, which is somebody else's code and counts apart.
const { outputFiles } = await build({
  ...common,
  sourcemap: false,
  entryPoints: ["src/morph.ts"],
  format: "esm",
  external: ["idiomorph"],
  write: false,
});

const rows = [
  ["statetemplate.js (core)", readFileSync(join(root, "dist/statetemplate.js")), CORE_CEILING, CORE_TARGET],
  ["statetemplate.mjs (core)", readFileSync(join(root, "dist/statetemplate.mjs")), CORE_CEILING, CORE_TARGET],
  ["extras without the morph library", Buffer.from(outputFiles[0].contents), 5 * KB],
  ["morph.js (extras with it)", readFileSync(join(root, "dist/morph.js")), null],
];

for (const [name, bytes, budget, target] of rows) {
  const size = brotli(bytes);
  const over = budget !== null && size > budget;
  const short = target && size > target ? `; ${size - target} above the target of ${target}` : "";
  const limit = budget === null ? "" : `  (at most ${budget}${over ? ": OVER" : ""}${short})`;
  console.log(`${name}: ${bytes.length} min, ${gzipSync(bytes, { level: 9 }).length} gzip, ${size} brotli${limit}`);
  if (over) process.exitCode = 1;
}
