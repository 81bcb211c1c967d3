//! Times clients in Chromium: reads cases as a JSON array from standard input, writes a line of JSON for each case and client.
//! `cargo run --release -p statetemplate-bench -- peers` makes the cases and starts this with the number of runs.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const repeats = Number(process.argv[2]);
const cases = JSON.parse(await text(process.stdin));

const bundle = await build({
  entryPoints: [join(root, "bench/page.js")],
  bundle: true,
  format: "iife",
  write: false,
  logLevel: "warning",
});

// Isolated pages have a clock of 5 µs instead of 100.
const headers = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
const server = createServer(({ url }, response) => {
  const script = url === "/page.js" ? bundle.outputFiles[0].contents : null;
  if (url === "/") response.writeHead(200, { ...headers, "content-type": "text/html" }).end("<!doctype html><script src=page.js></script>");
  else if (script ?? url.startsWith("/dist/")) {
    const body = script ?? readFileSync(join(root, "dist", url.slice(6).replace(/[^\w.]/g, "")));
    response.writeHead(200, { ...headers, "content-type": "text/javascript", "cache-control": "max-age=3600" }).end(body);
  } else response.writeHead(404, headers).end();
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
});
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(String(error)));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const clients = await page.evaluate(() => globalThis.clients);
  for (const test of cases) {
    for (const client of clients) {
      const ms = await page.evaluate(
        ([test, client, repeats]) => globalThis.measure(test, client, repeats),
        [test, client, repeats],
      );
      console.log(JSON.stringify({ case: test.name, client, ms }));
    }
  }
} finally {
  await browser.close();
  server.close();
}
