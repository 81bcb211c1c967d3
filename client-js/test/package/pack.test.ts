//! The package as npm packs it: installed offline from its tarball, imported as a module, and with types that compile.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
let folder: string;

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { cwd: folder, encoding: "utf8", env: { ...process.env, npm_config_cache: join(folder, ".npm") } });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "statetemplate-package-"));
  const [packed] = JSON.parse(run("npm", "pack", ROOT, "--json", "--ignore-scripts")) as { filename: string }[];
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  run("npm", "install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", `./${packed!.filename}`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("can be imported where there is no document, with its scripts beside it", () => {
  writeFileSync(
    join(folder, "use.js"),
    `import * as all from "statetemplate";
     import "statetemplate/extras";
     import "statetemplate/morph";
     import { createRequire } from "node:module";
     const { version } = createRequire(import.meta.url)("statetemplate/package.json");
     const scripts = Object.entries(globalThis).filter(([name]) => name.startsWith("statetemplate."));
     console.log(JSON.stringify([Object.keys(all).sort(), Object.keys(scripts[0][1]).sort(), scripts.length, version]));
     try { new all.StateTemplateClient({ element: { dataset: {} } }); } catch ({ message }) { console.log(message); }`,
  );
  const [exported, message] = run("node", "use.js").trim().split("\n");
  expect(JSON.parse(exported!)).toEqual([["ActionError", "StateTemplateClient"], ["extras", "morph"], 1, "0.1.0"]);
  expect(message).toBe("StateTemplate: no data-page");
});

test("has types that a strict program compiles with", () => {
  writeFileSync(
    join(folder, "use.ts"),
    `import { ActionError, StateTemplateClient, type CacheStats, type ErrorDetail, type Hook } from "statetemplate";
     const chart: Hook = { mounted() { this.handleEvent("points", (data) => void this.sendUpdate("seen", data)); } };
     const client = new StateTemplateClient({ hooks: { chart }, debugMode: false, maxCacheSize: 10 });
     client.connect();
     const stats: CacheStats = client.getCacheStats();
     document.addEventListener("statetemplate:error", ({ detail }) => { const error: ErrorDetail = detail; void error.code; });
     client.sendUpdate("add", { by: stats.hits }).catch((error: ActionError) => error.code);
     // @ts-expect-error: the action's name is missing
     void client.sendUpdate();`,
  );
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const options = ["--strict", "--noEmit", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable"];
  expect(run(process.execPath, tsc, ...options, "use.ts")).toBe("");
});
