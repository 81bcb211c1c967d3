//! Fails when the committed dist/ is not what a fresh build makes of src/.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./build.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(root, "dist");
// Beside dist/, because source maps name their sources relative to where they are.
const fresh = mkdtempSync(join(root, ".dist-"));

const files = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

try {
  await build(fresh);
  const names = new Set([...files(dist), ...files(fresh)]);
  const different = [...names].filter((name) => {
    try {
      return !readFileSync(join(dist, name)).equals(readFileSync(join(fresh, name)));
    } catch {
      return true;
    }
  });
  if (different.length > 0) {
    console.error(`dist/ is not up to date (run \`npm run build\`): ${different.join(", ")}`);
    process.exitCode = 1;
  } else {
    console.log(`dist/ equals a fresh build (${names.size} files)`);
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
