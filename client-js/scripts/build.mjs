//! Builds dist/: the classic script, the ES module, the extras, and the types. `build(outdir)` is used by check-dist.

import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build as bundle } from "esbuild";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/**
 * Properties of the client's own objects, shortened in the bundles. A name may stand here when nothing outside of src/
 * knows it: no DOM property, no option, no detail of an event, nothing on the wire and nothing of `Extras`.
 */
const INTERNAL = `
  acknowledge announce answered applied attributeChanged bound carry composing fields filesSkipped fire forgetPlan hashes
  held holdsText joined keepingChoice kind last missing other pause released resync restore settle shown skipped slot
  slots statics timer wake
`;

export const common = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  sourcemap: true,
  target: "es2022",
  legalComments: "none",
  mangleProps: new RegExp(`^(${INTERNAL.trim().split(/\s+/).join("|")})$`),
  logLevel: "warning",
};

/** Builds everything into `outdir`, which is emptied first. */
export async function build(outdir) {
  rmSync(outdir, { recursive: true, force: true });
  await Promise.all([
    bundle({ ...common, entryPoints: ["src/classic.ts"], format: "iife", outfile: join(outdir, "statetemplate.js") }),
    bundle({ ...common, entryPoints: ["src/index.ts"], format: "esm", outfile: join(outdir, "statetemplate.mjs") }),
    bundle({ ...common, entryPoints: ["src/morph.ts"], format: "iife", outfile: join(outdir, "morph.js") }),
  ]);
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const types = join(outdir, "types");
  execFileSync(process.execPath, [tsc, "-p", root, "--emitDeclarationOnly", "--outDir", types], { stdio: "inherit" });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await build(join(root, "dist"));
