//! The package as npm packs it: installed offline from its tarball, imported as a module, and with types that compile.

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire, SourceMap, type SourceMapPayload } from "node:module";
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

const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
/** Compiles a strict program, and returns what the compiler has to say. */
function compile(module: string, program: string): string {
  writeFileSync(join(folder, "use.ts"), program);
  const resolution = module === "nodenext" ? module : "bundler";
  const options = ["--strict", "--noEmit", "--target", "es2022", "--module", module, "--moduleResolution", resolution];
  return run(process.execPath, tsc, ...options, "--lib", "es2022,dom,dom.iterable", "use.ts");
}

const MODULES = ["nodenext", "esnext"];

test.each(MODULES)("has types that a strict program compiles with (%s)", (module) => {
  const said = compile(
    module,
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
  expect(said).toBe("");
});

test.each(MODULES)("has types for what the classic script puts on the window (%s)", (module) => {
  const said = compile(
    module,
    `import type {} from "statetemplate/script";
     StateTemplate.hooks.Chart = { updated() { this.el.title = "new"; } };
     const client: InstanceType<typeof window.StateTemplate.StateTemplateClient> | null = StateTemplate.client;
     void StateTemplate.sendUpdate?.("add", { by: client?.getCacheStats().hits });
     // @ts-expect-error: there is no such thing
     void StateTemplate.other;`,
  );
  expect(said).toBe("");
});

/** Texts that a bundle has once, and the file of `src/` where each stands. */
const STANDS: Record<string, [string, string][]> = {
  "statetemplate.js": [["StateTemplate: no data-page", "client.ts"], ["currentScript", "classic.ts"]],
  "statetemplate.mjs": [["StateTemplate: no data-page", "client.ts"], ["paused", "connection.ts"]],
  "extras.js": [["st-throttle", "delays.ts"], ["statetemplate-stream", "streamed.ts"]],
  "morph.js": [["DOMParser", "morph.ts"], ["moveBefore", "moves.ts"]],
  "dev.js": [["removeItem", "dev.ts"]],
};

test("has a source map beside each script, which leads to the sources that it has, too", () => {
  const dist = join(folder, "node_modules/statetemplate/dist");
  expect(readdirSync(dist).filter((name) => /\.m?js$/.test(name)).sort()).toEqual(Object.keys(STANDS).sort());
  for (const [name, stands] of Object.entries(STANDS)) {
    const code = readFileSync(join(dist, name), "utf8");
    const [, address] = /\n\/\/# sourceMappingURL=(\S+)\s*$/.exec(code)!;
    const payload = JSON.parse(readFileSync(join(dist, address!), "utf8")) as SourceMapPayload;
    for (const source of payload.sources) expect(existsSync(join(dist, source)), source).toBe(true);
    const map = new SourceMap(payload);
    for (const [text, file] of stands) {
      const lines = code.split("\n");
      const line = lines.findIndex((each) => each.includes(text));
      const entry = map.findEntry(line, lines[line]!.indexOf(text)) as { originalSource: string; originalLine: number };
      expect(entry.originalSource, `${text} in ${name}`).toBe(`../src/${file}`);
      const source = readFileSync(join(dist, entry.originalSource), "utf8").split("\n");
      expect(source[entry.originalLine], `line ${entry.originalLine} of ${file}`).toContain(text);
    }
  }
});

test("has every file that it names", () => {
  const root = join(folder, "node_modules/statetemplate");
  const { exports, main, module, types } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, object>;
  const named = JSON.stringify([Object.values(exports!), main, module, types]).match(/\.\/[^"*]+/g)!;
  expect(named.length).toBeGreaterThan(8);
  for (const path of named) expect(existsSync(join(root, path)), path).toBe(true);
  expect(existsSync(join(root, "test")) || existsSync(join(root, "scripts"))).toBe(false);
});
