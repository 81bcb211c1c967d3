//! Prints what the built files weigh and fails when one is over its budget.

import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const KB = 1024;

const brotli = (bytes) =>
  brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  }).length;

// The extras without the morph library, which is somebody else's code and counts apart.
const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ["src/morph.ts"],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  external: ["idiomorph"],
  write: false,
});

const rows = [
  ["statetemplate.js (core)", readFileSync(join(root, "dist/statetemplate.js")), 6 * KB],
  ["statetemplate.mjs (core)", readFileSync(join(root, "dist/statetemplate.mjs")), 6 * KB],
  ["extras without the morph library", Buffer.from(outputFiles[0].contents), 5 * KB],
  ["morph.js (extras with it)", readFileSync(join(root, "dist/morph.js")), null],
];

for (const [name, bytes, budget] of rows) {
  const size = brotli(bytes);
  const over = budget !== null && size > budget;
  const limit = budget === null ? "" : `  (budget ${budget}${over ? ": OVER" : ""})`;
  console.log(`${name}: ${bytes.length} min, ${gzipSync(bytes, { level: 9 }).length} gzip, ${size} brotli${limit}`);
  if (over) process.exitCode = 1;
}
