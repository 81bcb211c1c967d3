//! What helps in development: printed frames, cache events and a simulated latency; in Chromium.

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { launch, LivePage } from "./harness.js";

type Page = { StateTemplate: { client: { simulateLatency(round: number): void; disconnect(): void; connect(): void } } };

let browser: Browser;
let live: LivePage;

beforeAll(async () => {
  browser = await launch();
});
afterEach(() => live.close());
afterAll(() => browser.close());

test("a simulated latency delays both ways, outlives a reload, and ends when told so", async () => {
  live = await LivePage.open(browser, `<p st=".">1</p><button st-click="go">x</button>`);
  const simulate = (round: number): Promise<void> =>
    live.page.evaluate((round) => (globalThis as unknown as Page).StateTemplate.client.simulateLatency(round), round);
  await simulate(400);
  await live.until(() => live.joins === 2, "the join of the delayed socket");
  const begun = await live.page.evaluate(() => performance.now());
  await live.patch(2, { "0": "2" });
  expect((await live.page.evaluate(() => performance.now())) - begun).toBeGreaterThan(390);
  await live.page.reload();
  await live.until(() => live.joins === 4, "the joins after the reload, of which the second is delayed");
  expect(await live.page.evaluate(() => sessionStorage.getItem("statetemplate.latency"))).toBe("400");
  await simulate(0);
  await live.until(() => live.joins === 5, "the join of the plain socket");
  expect(await live.page.evaluate(() => sessionStorage.length)).toBe(0);
  await live.page.click("button");
  await live.action(1);
});

/** Puts another client in the place of the page's own, and waits until it has joined. */
async function replaceClient(options: string, more = ""): Promise<void> {
  const files = {
    "/other.js": `StateTemplate.client.disconnect();
      ${more}
      globalThis.mine = new StateTemplate.StateTemplateClient(${options});
      mine.connect();`,
  };
  live = await LivePage.open(browser, `<p st=".">1</p><!i><!/>`, { files });
  await live.ready("extras");
  await live.page.evaluate(() => {
    const script = document.createElement("script");
    const policy = (globalThis as unknown as { trustedTypes: { createPolicy(n: string, r: object): { createScriptURL(u: string): string } } }).trustedTypes.createPolicy("test", { createScriptURL: (url: string) => url });
    script.src = policy.createScriptURL("/other.js");
    document.head.append(script);
  });
  await live.until(() => live.joins === 2, "the join of the second client");
}

test.each([
  ["true", 1],
  ["false", 0],
])("enableCaching: %s decides whether statics outlive the page", async (enableCaching, kept) => {
  await replaceClient(`{ enableCaching: ${enableCaching} }`);
  live.send(["s", { "1": ["h1", "<b> </b>", -1, 0] }]);
  await live.patch(2, { "0": "2" });
  await live.page.evaluate(() => (globalThis as unknown as { mine: { disconnect(): void } }).mine.disconnect());
  expect(await live.page.evaluate(() => localStorage.length)).toBe(kept);
});

test("debugMode prints frames and tells of the cache at each update", async () => {
  await replaceClient(
    "{ debugMode: true, maxCacheSize: 1 }",
    `globalThis.told = [];
     document.addEventListener("statetemplate:cache", ({ detail }) => told.push(detail));`,
  );
  const printed: string[] = [];
  live.page.on("console", (message) => printed.push(message.text()));
  await live.patch(2, { "0": "2" });
  live.send(["s", { "1": ["h1", "<b st='.'></b>", 0], "2": ["h2", "<i>i</i>"] }]);
  await live.patch(3, { "1": [2, []] });
  const told = await live.page.evaluate(() => (globalThis as unknown as { told: object[] }).told);
  expect(told).toHaveLength(3);
  expect(told[0]).toMatchObject({ hits: 0, misses: 0, hitRate: 0, cacheSize: 0 });
  expect(told[2]).toMatchObject({ hits: 1, misses: 2, hitRate: 1 / 3, cacheSize: 1 });
  expect((told[2] as { bytesReceived: number }).bytesReceived).toBeGreaterThan(80);
  expect(printed).toContain('statetemplate < [2,{"0":"2"}]');
  expect(printed).toContain('statetemplate > ["a",2]');
});
