//! Builds dist/: the classic script, the ES module, the extras, and the types. `build(outdir)` is used by check-dist.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build as bundle } from "esbuild";
import { minify } from "terser";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/**
 * Properties of the client's own objects, shortened in the bundles. A name may stand here when nothing outside of src/
 * knows it: no DOM property, no option, no detail of an event and nothing on the wire.
 */
const INTERNAL = `
  acknowledge
  act
  added
  announce
  answered
  applied
  caching
  capacity
  carry
  change
  composing
  earlier
  end
  ending
  fields
  filesSkipped
  fire
  flight
  flush
  forgetPlan
  fragment
  frame
  got
  held
  holds
  idle
  indexTree
  inflate
  instances
  later
  listen
  missing
  move
  other
  parseBeside
  patcher
  pending
  prepare
  prepareRows
  refresh
  region
  restore
  resume
  resync
  rows
  save
  schedule
  script
  served
  setText
  settle
  shape
  shown
  skipped
  slot
  slots
  soon
  start
  statics
  stats
  staying
  streamed
  structure
  template
  timer
  trigger
  trustedHtml
  up
  wake
  watch
`;

// Scripts of one build share their shortened names; `load.ts` keeps those of different builds apart by this hash.
const sources = createHash("sha256");
for (const name of readdirSync(join(root, "src")).sort()) sources.update(name).update(readFileSync(join(root, "src", name)));
sources.update(readFileSync(fileURLToPath(import.meta.url)));

const common = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  target: "es2022",
  legalComments: "none",
  define: { BUILD: JSON.stringify(sources.digest("base64url").slice(0, 6)) },
  mangleProps: new RegExp(`^(${INTERNAL.trim().split(/\s+/).join("|")})$`),
  logLevel: "warning",
};

const BUNDLES = [
  ["src/classic.ts", "iife", "statetemplate.js"],
  ["src/index.ts", "esm", "statetemplate.mjs"],
  ["src/extras.ts", "iife", "extras.js"],
  ["src/morph.ts", "iife", "morph.js"],
  ["src/dev.ts", "iife", "dev.js"],
];

/**
 * Bundles one entry: `{ code, map, mangleCache }`. Terser goes over what esbuild has made, which is worth a twentieth of
 * the compressed size; esbuild alone can rename properties alike in several bundles.
 */
async function script(entry, format, name, more = {}) {
  // Maps name their sources as seen from where they stand.
  const outfile = `dist/${name}`;
  const options = { ...common, entryPoints: [entry], format, outfile, write: false, sourcemap: "external", ...more };
  const { outputFiles, mangleCache } = await bundle(options);
  const [map, code] = outputFiles.map(({ text }) => text);
  const minified = await minify(code, {
    module: format === "esm",
    ecma: 2020,
    compress: { ecma: 2020, passes: 5, hoist_funs: true, unsafe_arrows: true, keep_fargs: false, pure_getters: true, unsafe_comps: true, unsafe: true, sequences: false },
    mangle: { toplevel: true },
    sourceMap: { content: map, filename: name, url: `${name}.map` },
  });
  return { ...minified, mangleCache };
}

/** Builds everything into `outdir`, which is emptied first. */
export async function build(outdir) {
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir);
  let mangleCache = {};
  for (const [entry, format, name] of BUNDLES) {
    const built = await script(entry, format, name, { mangleCache });
    writeFileSync(join(outdir, name), built.code);
    writeFileSync(join(outdir, `${name}.map`), built.map);
    ({ mangleCache } = built);
  }
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const types = join(outdir, "types");
  execFileSync(process.execPath, [tsc, "-p", root, "--emitDeclarationOnly", "--outDir", types], { stdio: "inherit" });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await build(join(root, "dist"));
